"""Who is answered by the challenger, and what it fails at: a model that is tried must not cost an answer."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import structlog

from bookml.features import Features
from bookml.predictor import Estimate
from ml_api.models import Line, Loaded
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


@dataclass(slots=True)
class Tally:
    """Predictions that a challenger was asked for in this process, and those that it failed at."""

    asked: int = 0
    failed: int = 0


@dataclass(slots=True)
class Trying:
    """Tallies by the challenger's digest."""

    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))

    def estimates(self, loaded: Loaded, rows: Sequence[Features]) -> Sequence[Estimate] | None:
        """None when the challenger fails; that is logged and counted, and the champion answers instead."""
        tally = self.tallies[loaded.version.digest]
        tally.asked += len(rows)
        try:
            found = loaded.predictor.estimate(rows)
            if all(math.isfinite(each.price + each.low + each.high) for each in found):
                return found
            reason = "a price is no number"
        except Exception as error:  # noqa: BLE001 - whatever a model on trial does, the champion is there
            reason = type(error).__name__
        tally.failed += len(rows)
        version = loaded.version
        _log.error("challenger failed", name=version.name, version=version.version, reason=reason)
        return None
