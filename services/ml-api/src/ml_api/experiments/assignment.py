"""Assigns subjects to the challenger, and runs it so that its failure never fails a request."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock

from bookcore.kit.logger import get_logger
from bookml.features import Features
from bookml.predictor import PriceEstimate
from bookml.registry import ModelVersion
from ml_api.models.served_models import LoadedModel, ServedModel
from ml_api.settings import ExperimentMode, Settings

_LARGEST_SHARE = 10_000
_log = get_logger(__name__)


def get_challenger_share(served_model: ServedModel, settings: Settings) -> float:
    """Share of subjects (0 to 1) that the challenger predicts for now."""
    match settings.ml_trial:
        case ExperimentMode.SPLIT:
            return settings.ml_trial_percent / 100
        case ExperimentMode.CANARY if served_model.challenge is not None:
            percents = settings.canary_percents
            return percents[min(served_model.challenge.ramps, len(percents) - 1)] / 100
        case _:
            return 0.0


def hash_subject(model: str, subject: str) -> float:
    """0 to 1, stable for a subject and model name: a subject that was assigned stays assigned."""
    digest = sha256(f"{model}\x1f{subject}".encode()).digest()
    return int.from_bytes(digest[:8]) % _LARGEST_SHARE / _LARGEST_SHARE


@dataclass(frozen=True, slots=True)
class ChallengerCounts:
    """Predictions requested of a challenger in this process, and failed ones."""

    predictions: int = 0
    failures: int = 0


@dataclass(slots=True)
class ChallengerRunner:
    """Counts by digest of the challenger. Safe for several threads."""

    _counts: dict[str, ChallengerCounts] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def get_counts(self, version: ModelVersion) -> ChallengerCounts:
        """Counts so far."""
        return self._counts.get(version.digest, ChallengerCounts())

    def try_estimate(self, loaded: LoadedModel, rows: Sequence[Features]) -> Sequence[PriceEstimate] | None:
        """Estimates, or None when the challenger fails; failures are logged and counted."""
        version = loaded.version
        try:
            estimates = loaded.predictor.estimate(rows)
            if all(math.isfinite(e.price + e.low + e.high) for e in estimates):
                self._count(version, len(rows), failed=0)
                return estimates
            reason = "a price is not finite"
        except Exception as error:  # noqa: BLE001 - whatever a model on trial does, the champion is there
            reason = type(error).__name__
        self._count(version, len(rows), failed=len(rows))
        _log.error("challenger failed", name=version.name, version=version.version, reason=reason)
        return None

    def _count(self, version: ModelVersion, asked: int, *, failed: int) -> None:
        """Update both counts at once: readers must not see failures without their predictions."""
        with self._lock:
            before = self.get_counts(version)
            self._counts[version.digest] = ChallengerCounts(
                before.predictions + asked, before.failures + failed
            )
