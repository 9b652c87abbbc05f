"""Guardrails of champions, and the verdict of an experiment, from observed prices."""

from collections.abc import Sequence

from bookcore.domain.errors import BookstreamError
from bookcore.kit.logger import get_logger
from bookml.promotion import DecisionRequest, DecisionWriter
from bookml.registry import ModelAction
from ml_api.models.served_models import ServedModel, ServedModels
from ml_api.predictions.evidence import PairedErrors
from ml_api.predictions.store import ExperimentArm, PredictionStore
from ml_api.settings import Settings

_log = get_logger(__name__)


def describe_verdict(model: ServedModel, pairs: PairedErrors | None) -> str:
    """The verdict of the experiment in a sentence."""
    if model.champion is None:
        return f"no model is in use: {model.reason}"
    if model.challenger is None or pairs is None:
        return "nothing is tried"
    if not pairs.worse.count:
        return "no true prices are known yet"
    if pairs.worse.high < 0:
        return "the challenger is surely better"
    if pairs.worse.low > 0:
        return "the challenger is surely worse"
    return "too early to tell"


def reject_poor_champions(
    models: ServedModels, store: PredictionStore, settings: Settings, decider: DecisionWriter
) -> None:
    """Reject champions whose intervals contain too few observed prices, once enough are known."""
    for name, model in models.by_name.items():
        if model.champion is None:
            continue
        version = model.champion.version.version
        live = _sum_arms(store.read_arms(name), version, ("champion", "challenger"))
        if (
            live.observed < settings.ml_guard_predictions
            or (live.coverage or 0) >= settings.ml_guard_coverage
        ):
            continue
        reason = f"of {live.observed} true prices only {live.coverage:.0%} were inside the interval"
        try:
            decider.decide(
                DecisionRequest(
                    name, ModelAction.REJECT, "ml-api", reason, version, after=len(model.decisions)
                )
            )
        except BookstreamError as error:
            _log.warning("rollback rejected", name=name, version=version, reason=str(error))
            continue
        _log.error("rolled back", name=name, version=version, reason=reason)


def _sum_arms(arms: Sequence[ExperimentArm], version: int, variants: Sequence[str]) -> ExperimentArm:
    """Sum of all arms of a version."""
    matching = [arm for arm in arms if arm.version == version and arm.variant in variants]
    return ExperimentArm(
        variants[0],
        version,
        sum(arm.predictions for arm in matching),
        sum(arm.subjects for arm in matching),
        sum(arm.observed for arm in matching),
        sum(arm.squared for arm in matching),
        sum(arm.inside for arm in matching),
    )
