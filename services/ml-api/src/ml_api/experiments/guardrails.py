"""What live prices say of champion and challenger, and when a champion has to go."""

from collections.abc import Sequence

import structlog

from bookcore.domain.errors import BookstreamError
from bookml.promotion import Decider, Wish
from bookml.registry import Act
from ml_api.models.served_models import Line, Models
from ml_api.predictions.evidence import Pairs
from ml_api.predictions.store import Arm, PredictionStore
from ml_api.settings import Settings

_log = structlog.get_logger()


def sentence(line: Line, pairs: Pairs | None) -> str:
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


def guard(models: Models, store: PredictionStore, settings: Settings, decider: Decider) -> None:
    """Roll champions back whose intervals hold too few true prices, once enough are known."""
    for name, line in models.lines.items():
        if line.champion is None:
            continue
        version = line.champion.version.version
        live = _of(store.arms(name), version, ("champion", "challenger"))
        if (
            live.observed < settings.ml_guard_predictions
            or (live.coverage or 0) >= settings.ml_guard_coverage
        ):
            continue
        reason = f"of {live.observed} true prices only {live.coverage:.0%} were inside the interval"
        try:
            decider.decide(Wish(name, Act.REJECT, "ml-api", reason, version, after=len(line.decisions)))
        except BookstreamError as error:
            _log.warning("rollback not written", name=name, version=version, reason=str(error))
            continue
        _log.error("rolled back", name=name, version=version, reason=reason)


def _of(arms: Sequence[Arm], version: int, variants: Sequence[str]) -> Arm:
    """All arms of a version together."""
    these = [arm for arm in arms if arm.version == version and arm.variant in variants]
    return Arm(
        variants[0],
        version,
        sum(arm.predictions for arm in these),
        sum(arm.subjects for arm in these),
        sum(arm.observed for arm in these),
        sum(arm.squared for arm in these),
        sum(arm.inside for arm in these),
    )
