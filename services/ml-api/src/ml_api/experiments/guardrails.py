"""What live prices say of champion and challenger, and when a champion has to go."""

from collections.abc import Sequence

import structlog

from bookcore.domain.errors import BookstreamError
from bookml.promotion import DecisionRequest, DecisionWriter
from bookml.registry import ModelAction
from ml_api.models.served_models import ServedModel, ServedModels
from ml_api.predictions.evidence import PairedErrors
from ml_api.predictions.store import ExperimentArm, PredictionStore
from ml_api.settings import Settings

_log = structlog.get_logger()


def describe_verdict(line: ServedModel, pairs: PairedErrors | None) -> str:
    """What can be said by now, in a line."""
    if line.champion is None:
        return f"no model is in use: {line.reason}"
    if line.challenger is None or pairs is None:
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
    """Roll champions back whose intervals hold too few true prices, once enough are known."""
    for name, line in models.by_name.items():
        if line.champion is None:
            continue
        version = line.champion.version.version
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
                    name, ModelAction.REJECT, "ml-api", reason, version, after=len(line.decisions)
                )
            )
        except BookstreamError as error:
            _log.warning("rollback not written", name=name, version=version, reason=str(error))
            continue
        _log.error("rolled back", name=name, version=version, reason=reason)


def _sum_arms(arms: Sequence[ExperimentArm], version: int, variants: Sequence[str]) -> ExperimentArm:
    """All arms of a version together."""
    these = [arm for arm in arms if arm.version == version and arm.variant in variants]
    return ExperimentArm(
        variants[0],
        version,
        sum(arm.predictions for arm in these),
        sum(arm.subjects for arm in these),
        sum(arm.observed for arm in these),
        sum(arm.squared for arm in these),
        sum(arm.inside for arm in these),
    )
