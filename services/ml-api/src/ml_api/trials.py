"""What live prices say of champion and challenger, and when a champion has to go.

A look at the figures after every new price would call chance an effect sooner or later. The bound used here
holds at all times together (a mixture sequential test), so that anybody may look as often as they like.
"""

import math
from collections.abc import Sequence

import structlog

from bookcore.domain.errors import BookstreamError
from bookml.promoting import Decider, Wish
from bookml.registry import Act
from ml_api.models import Line, Models
from ml_api.predictions.store import Arm, PredictionStore
from ml_api.settings import Settings

_ALPHA = 0.05
_MIXTURE = 0.01
"""Variance of the effects (in squared log error) that the test is tuned to."""
_log = structlog.get_logger()


def always_valid_bound(variance: float, first: int, second: int) -> float:
    """Half width of an interval for a difference of two means that holds at every sample size at once."""
    if first == 0 or second == 0:
        return math.inf
    spread = variance * (1 / first + 1 / second)
    if spread <= 0:
        return math.inf
    inside = 2 * math.log(1 / _ALPHA) + math.log((spread + _MIXTURE) / spread)
    return math.sqrt(spread * (spread + _MIXTURE) / _MIXTURE * inside)


def sentence(line: Line, arms: Sequence[Arm]) -> str:
    """What can be said by now, in a line."""
    if line.champion is None:
        return f"no model is in use: {line.reason}"
    if line.challenger is None:
        return "nothing is tried"
    ours = _of(arms, line.challenger.version.version, ("challenger", "shadow"))
    theirs = _of(arms, line.champion.version.version, ("champion",))
    if not ours.observed or not theirs.observed:
        return "no true prices are known yet"
    difference = ours.squared / ours.observed - theirs.squared / theirs.observed
    mean = (ours.squared + theirs.squared) / (ours.observed + theirs.observed)
    # squared errors of a normal law have twice the variance of their mean's square
    bound = always_valid_bound(2 * mean * mean, ours.observed, theirs.observed)
    if difference + bound < 0:
        return "the challenger is surely better"
    if difference - bound > 0:
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
            decider.decide(Wish(name, Act.REJECT, "ml-api", reason, version))
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
