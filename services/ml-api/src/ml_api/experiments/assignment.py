"""Who is answered by the challenger, and what it fails at: a model that is tried must not cost an answer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock

import structlog

from bookml.features import Features
from bookml.predictor import Estimate
from bookml.registry import Version
from ml_api.models.served_models import Line, Loaded
from ml_api.settings import Settings, Trial

_LARGEST_SHARE = 10_000
_log = structlog.get_logger()


def share_tried(line: Line, settings: Settings) -> float:
    """0 to 1: the share of subjects that the challenger answers now."""
    match settings.ml_trial:
        case Trial.SPLIT:
            return settings.ml_trial_percent / 100
        case Trial.CANARY if line.challenge is not None:
            percents = settings.canary_percents
            return percents[min(line.challenge.ramps, len(percents) - 1)] / 100
        case _:
            return 0.0


def share_of(model: str, subject: str) -> float:
    """0 to 1, the same for a subject for as long as the model's line has its name: who was in stays in."""
    digest = sha256(f"{model}\x1f{subject}".encode()).digest()
    return int.from_bytes(digest[:8]) % _LARGEST_SHARE / _LARGEST_SHARE


@dataclass(frozen=True, slots=True)
class Tally:
    """Predictions that a challenger was asked for in this process, and those that it failed at."""

    asked: int = 0
    failed: int = 0


@dataclass(slots=True)
class Trying:
    """Tallies by the challenger's digest; safe for several threads."""

    _tallies: dict[str, Tally] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def tally(self, version: Version) -> Tally:
        """Until now."""
        return self._tallies.get(version.digest, Tally())

    def estimates(self, loaded: Loaded, rows: Sequence[Features]) -> Sequence[Estimate] | None:
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

    def _count(self, version: Version, asked: int, *, failed: int) -> None:
        """Both at once: who looks in between must not see failures without their predictions."""
        with self._lock:
            before = self.tally(version)
            self._tallies[version.digest] = Tally(before.asked + asked, before.failed + failed)
