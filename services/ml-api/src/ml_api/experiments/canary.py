"""Canary releases: the challenger predicts for a share of subjects that grows step by step while no guardrail
is breached; a breach ends the canary at once, with the reason.

Steps and ends are decisions in the registry, the same for every process and after a restart. A decision that
is based on an outdated list of decisions is rejected.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bookcore.domain.book import to_version
from bookcore.domain.errors import BookstreamError
from bookcore.kit.logger import get_logger
from bookml.promotion import DecisionRequest, DecisionWriter
from bookml.registry import Challenge, ModelAction
from ml_api.experiments.assignment import ChallengerCounts, ChallengerRunner
from ml_api.models.served_models import ServedModel, ServedModels
from ml_api.predictions.evidence import PairedErrors
from ml_api.predictions.store import PredictionStore
from ml_api.settings import ExperimentMode, Settings

BY = "ml-api canary"
_MIN_PREDICTIONS = 100  # predictions before latency and failures are checked
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CanaryObservations:
    """Observations of a canary: paired errors in total and of the current step, latencies of the step
    (milliseconds), failures in this process."""

    pairs: PairedErrors
    step: PairedErrors
    milliseconds: Sequence[float]
    counts: ChallengerCounts


def decide_canary(
    challenge: Challenge, observations: CanaryObservations, settings: Settings
) -> tuple[ModelAction, str] | None:
    """The next decision and its reason; None to wait."""
    percents = settings.canary_percents
    at = min(challenge.ramps, len(percents) - 1)
    breach = find_breach(observations, settings)
    if breach:
        return ModelAction.REJECT, f"canary at {percents[at]} % of subjects: {breach}"
    if observations.step.worse.count < settings.ml_canary_prices:
        return None
    held = f"{observations.step.worse.count} true prices at {percents[at]} % of subjects, nothing against it"
    if at + 1 < len(percents):
        return ModelAction.RAMP, f"{held}; goes on with {percents[at + 1]} %"
    if observations.pairs.worse.high < 0:
        return (
            ModelAction.PROMOTE,
            f"{held}; surely better than the champion ({_format_effect(observations.pairs)})",
        )
    return None


def find_breach(observations: CanaryObservations, settings: Settings) -> str:
    """The breached guardrail in a sentence; empty when there is none."""
    asked, failed = observations.counts.predictions, observations.counts.failures
    if asked >= _MIN_PREDICTIONS and failed > settings.ml_guard_failures * asked:
        return f"it failed at {failed} of {asked} predictions"
    slow = _compute_p99(observations.milliseconds)
    if len(observations.milliseconds) >= _MIN_PREDICTIONS and slow > settings.ml_guard_milliseconds:
        return f"one in a hundred predictions takes {slow:.1f} ms or more"
    inside = observations.pairs.inside
    if inside.high < settings.ml_guard_coverage:
        return f"its intervals hold {inside.value:.0%} of {inside.count} true prices, surely too few"
    if observations.pairs.worse.low > settings.ml_guard_worse:
        return f"it is surely worse than the champion ({_format_effect(observations.pairs)})"
    return ""


@dataclass(frozen=True, slots=True)
class CanaryController:
    """Decides about all canaries."""

    models: ServedModels
    store: PredictionStore
    settings: Settings
    challenger_runner: ChallengerRunner

    def run_once(self, decider: DecisionWriter) -> None:
        """Check each canary and decide. Raises: Unavailable when the table of predictions is unavailable."""
        if self.settings.ml_trial is not ExperimentMode.CANARY:
            return
        for name, model in self.models.by_name.items():
            observations = self.read_observations(model)
            if observations is None or model.challenge is None:
                continue
            verdict = decide_canary(model.challenge, observations, self.settings)
            if verdict is None:
                continue
            act, reason = verdict
            request = DecisionRequest(
                name, act, BY, reason, model.challenge.version, after=len(model.decisions)
            )
            try:
                decider.decide(request)
            except BookstreamError as error:  # another process was first, or the registry is unavailable
                _log.info("canary decision rejected; retrying", name=name, act=act.value, reason=str(error))
                continue
            _log.warning(
                "canary decided", name=name, version=model.challenge.version, act=act.value, reason=reason
            )

    def read_observations(self, model: ServedModel) -> CanaryObservations | None:
        """None without a challenger. Raises: Unavailable."""
        challenge = model.challenge
        if challenge is None or model.champion is None or model.challenger is None:
            return None
        name, champion = model.newest.name, model.champion.version.version
        versions = (champion, challenge.version)
        return CanaryObservations(
            self.store.read_pairs(name, versions, since=to_version(challenge.since)),
            self.store.read_pairs(name, versions, since=to_version(challenge.step_since)),
            self.store.read_latencies(name, challenge.version, since=to_version(challenge.step_since)),
            self.challenger_runner.get_counts(model.challenger.version),
        )


def _format_effect(pairs: PairedErrors) -> str:
    worse = pairs.worse
    return f"squared log error {worse.low:+.4f} to {worse.high:+.4f}, {worse.count} true prices"


def _compute_p99(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)] if values else 0.0
