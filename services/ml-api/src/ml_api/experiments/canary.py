"""A canary: the challenger answers a share of subjects that grows step by step, for as long as nothing speaks
against it; what does takes it back at once, with the reason.

Steps and ends are decisions in the registry, so that every process and every restart sees the same. A process
decides on what it has seen: if another has decided meanwhile, its own decision counts nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bookcore.domain.book import to_version
from bookcore.domain.errors import BookstreamError
from bookml.promotion import DecisionRequest, DecisionWriter
from bookml.registry import Challenge, ModelAction
from ml_api.experiments.assignment import ChallengerCounts, ChallengerRunner
from ml_api.models.served_models import ServedModel, ServedModels
from ml_api.predictions.evidence import PairedErrors
from ml_api.predictions.store import PredictionStore
from ml_api.settings import ExperimentMode, Settings

BY = "ml-api canary"
_MIN_PREDICTIONS = 100  # predictions, before latency and failures are judged
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CanaryObservations:
    """What is known of a canary: pairs of its whole time and of its step, its newest latencies (milliseconds,
    of the answers of this step), failures in this process."""

    pairs: PairedErrors
    step: PairedErrors
    milliseconds: Sequence[float]
    counts: ChallengerCounts


def decide_canary(
    challenge: Challenge, seen: CanaryObservations, settings: Settings
) -> tuple[ModelAction, str] | None:
    """What is to be done, and why; None: wait."""
    percents = settings.canary_percents
    at = min(challenge.ramps, len(percents) - 1)
    breach = find_breach(seen, settings)
    if breach:
        return ModelAction.REJECT, f"canary at {percents[at]} % of subjects: {breach}"
    if seen.step.worse.count < settings.ml_canary_prices:
        return None
    held = f"{seen.step.worse.count} true prices at {percents[at]} % of subjects, nothing against it"
    if at + 1 < len(percents):
        return ModelAction.RAMP, f"{held}; goes on with {percents[at + 1]} %"
    if seen.pairs.worse.high < 0:
        return ModelAction.PROMOTE, f"{held}; surely better than the champion ({_format_effect(seen.pairs)})"
    return None


def find_breach(seen: CanaryObservations, settings: Settings) -> str:
    """What speaks against it, in a sentence; empty when nothing does."""
    asked, failed = seen.counts.predictions, seen.counts.failures
    if asked >= _MIN_PREDICTIONS and failed > settings.ml_guard_failures * asked:
        return f"it failed at {failed} of {asked} predictions"
    slow = _compute_p99(seen.milliseconds)
    if len(seen.milliseconds) >= _MIN_PREDICTIONS and slow > settings.ml_guard_milliseconds:
        return f"one in a hundred predictions takes {slow:.1f} ms or more"
    inside = seen.pairs.inside
    if inside.high < settings.ml_guard_coverage:
        return f"its intervals hold {inside.value:.0%} of {inside.count} true prices, surely too few"
    if seen.pairs.worse.low > settings.ml_guard_worse:
        return f"it is surely worse than the champion ({_format_effect(seen.pairs)})"
    return ""


@dataclass(frozen=True, slots=True)
class CanaryController:
    """Looks at the canaries."""

    models: ServedModels
    store: PredictionStore
    settings: Settings
    challenger_runner: ChallengerRunner

    def run_once(self, decider: DecisionWriter) -> None:
        """Look at each canary and decide. Raises: Unavailable when the table of predictions is away."""
        if self.settings.ml_trial is not ExperimentMode.CANARY:
            return
        for name, line in self.models.by_name.items():
            seen = self.read_observations(line)
            if seen is None or line.challenge is None:
                continue
            verdict = decide_canary(line.challenge, seen, self.settings)
            if verdict is None:
                continue
            act, reason = verdict
            wish = DecisionRequest(name, act, BY, reason, line.challenge.version, after=len(line.decisions))
            try:
                decider.decide(wish)
            except (
                BookstreamError
            ) as error:  # another was first, or the registry is away: it is looked at again
                _log.info("canary not decided", name=name, act=act.value, reason=str(error))
                continue
            _log.warning("canary", name=name, version=line.challenge.version, act=act.value, reason=reason)

    def read_observations(self, line: ServedModel) -> CanaryObservations | None:
        """None when nothing is tried. Raises: Unavailable."""
        challenge = line.challenge
        if challenge is None or line.champion is None or line.challenger is None:
            return None
        name, champion = line.newest.name, line.champion.version.version
        versions = (champion, challenge.version)
        return CanaryObservations(
            self.store.read_pairs(name, versions, since=to_version(challenge.since)),
            self.store.read_pairs(name, versions, since=to_version(challenge.step_since)),
            self.store.read_latencies(name, challenge.version, since=to_version(challenge.step_since)),
            self.challenger_runner.get_counts(line.challenger.version),
        )


def _format_effect(pairs: PairedErrors) -> str:
    worse = pairs.worse
    return f"squared log error {worse.low:+.4f} to {worse.high:+.4f}, {worse.count} true prices"


def _compute_p99(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)] if values else 0.0
