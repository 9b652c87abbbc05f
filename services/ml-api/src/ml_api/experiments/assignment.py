"""Who is answered by the challenger, and what it fails at: a model that is tried must not cost an answer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock

import structlog

from bookml.features import Features
from bookml.predictor import PriceEstimate
from bookml.registry import ModelVersion
from ml_api.models.served_models import LoadedModel, ServedModel
from ml_api.settings import ExperimentMode, Settings

_LARGEST_SHARE = 10_000
_log = structlog.get_logger()


def get_challenger_share(line: ServedModel, settings: Settings) -> float:
    """0 to 1: the share of subjects that the challenger answers now."""
    match settings.ml_trial:
        case ExperimentMode.SPLIT:
            return settings.ml_trial_percent / 100
        case ExperimentMode.CANARY if line.challenge is not None:
            percents = settings.canary_percents
            return percents[min(line.challenge.ramps, len(percents) - 1)] / 100
        case _:
            return 0.0


def hash_subject(model: str, subject: str) -> float:
    """0 to 1, the same for a subject for as long as the model's line has its name: who was in stays in."""
    digest = sha256(f"{model}\x1f{subject}".encode()).digest()
    return int.from_bytes(digest[:8]) % _LARGEST_SHARE / _LARGEST_SHARE


@dataclass(frozen=True, slots=True)
class ChallengerCounts:
    """Predictions that a challenger was asked for in this process, and those that it failed at."""

    predictions: int = 0
    failures: int = 0


@dataclass(slots=True)
class ChallengerRunner:
    """Tallies by the challenger's digest; safe for several threads."""

    _counts: dict[str, ChallengerCounts] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def get_counts(self, version: ModelVersion) -> ChallengerCounts:
        """Until now."""
        return self._counts.get(version.digest, ChallengerCounts())

    def try_estimate(self, loaded: LoadedModel, rows: Sequence[Features]) -> Sequence[PriceEstimate] | None:
        """None when the challenger fails; that is logged and counted, and the champion answers instead."""
        version = loaded.version
        try:
            found = loaded.predictor.estimate(rows)
            if all(math.isfinite(each.price + each.low + each.high) for each in found):
                self._count(version, len(rows), failed=0)
                return found
            reason = "a price is no number"
        except Exception as error:  # noqa: BLE001 - whatever a model on trial does, the champion is there
            reason = type(error).__name__
        self._count(version, len(rows), failed=len(rows))
        _log.error("challenger failed", name=version.name, version=version.version, reason=reason)
        return None

    def _count(self, version: ModelVersion, asked: int, *, failed: int) -> None:
        """Both at once: who looks in between must not see failures without their predictions."""
        with self._lock:
            before = self.get_counts(version)
            self._counts[version.digest] = ChallengerCounts(
                before.predictions + asked, before.failures + failed
            )
