"""From a question to an answer: which version answers, what it says, and how that is written down."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import uuid4

from bookcore.domain.book import version_at
from bookcore.domain.errors import NotFound
from bookcore.kit.clock import Clock
from bookml.facts import Facts
from bookml.features import NAMES, VERSION, Features, features_of
from bookml.predictor import Estimate, baseline_of
from bookml.registry import Version
from ml_api.drift import Drift
from ml_api.explaining import explained
from ml_api.models import Line, Loaded, Models
from ml_api.predictions.recorder import Recorder
from ml_api.predictions.store import Row
from ml_api.settings import Settings, Trial

_LARGEST_SHARE = 10_000
_TOLD_IF_UNSEEN = ("category", "format", "publisher", "author")
Answer = dict[str, object]


@dataclass(frozen=True, slots=True)
class Asked:
    """One book that a price is asked for; `subject` is who is treated alike in an experiment."""

    facts: Facts
    book_id: str | None
    subject: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is the same for all rows of a request."""

    line: Line
    version: int | None
    explain: bool


@dataclass(slots=True)
class Answering:
    """Everything that answers need."""

    models: Models
    recorder: Recorder
    settings: Settings
    clock: Clock
    drift: Drift = field(default_factory=Drift)

    def answer(self, wanted: Wanted, asked: Sequence[Asked]) -> list[Answer]:
        """One answer for each; all are noted. Raises: NotFound for an unknown version, Unavailable."""
        began = time.perf_counter()
        rows = [features_of(each.facts) for each in asked]
        answers: list[Answer | None] = [None] * len(asked)
        notes: list[Row] = []
        for arm, places in self._arms(wanted, asked).items():
            loaded = self._loaded(wanted, arm)
            these = [rows[at] for at in places]
            estimates = self._estimates(wanted.line, loaded, these)
            took = (time.perf_counter() - began) * 1_000
            for at, row, estimate in zip(places, these, estimates, strict=True):
                note = self._note(wanted.line, loaded, asked[at], (arm, estimate, took))
                if arm != "shadow":
                    answers[at] = _told(wanted.line, loaded, note, row)
                notes.append(note)
                if loaded and arm != "shadow" and wanted.explain:
                    answers[at]["explanation"] = explained(self.models, loaded, row)  # type: ignore[index]  # set above
        self.recorder.note(notes)
        self.drift.note(wanted.line, rows)
        return [answer for answer in answers if answer is not None]

    def _arms(self, wanted: Wanted, asked: Sequence[Asked]) -> dict[str, list[int]]:
        """Variant -> the rows that it answers. The shadow answers all, beside the others."""
        every = list(range(len(asked)))
        line, trial = wanted.line, self.settings.ml_trial
        if wanted.version is not None:
            return {"asked": every}
        if line.champion is None:
            return {"baseline": every}
        if line.challenger is None or trial is Trial.OFF:
            return {"champion": every}
        if trial is Trial.SHADOW:
            return {"champion": every, "shadow": every}
        arms: dict[str, list[int]] = {"champion": [], "challenger": []}
        for at, each in enumerate(asked):
            share = share_of(line.newest.name, each.subject)
            arms["challenger" if share < self.settings.ml_trial_percent / 100 else "champion"].append(at)
        return {arm: places for arm, places in arms.items() if places}

    def _loaded(self, wanted: Wanted, arm: str) -> Loaded | None:
        match arm:
            case "champion":
                return wanted.line.champion
            case "challenger" | "shadow":
                return wanted.line.challenger
            case "asked":
                return self._asked_for(wanted)
            case _:
                return None

    def _asked_for(self, wanted: Wanted) -> Loaded | None:
        """A refused version answers as the baseline, too: a number of it would be silent about its worth."""
        name = wanted.line.newest.name
        for version in self.models.registry.versions(name):
            if version.version == wanted.version:
                return self.models.loaded(version) if version.passed else None
        raise NotFound(f"{name} has no version {wanted.version}")

    def _estimates(self, line: Line, loaded: Loaded | None, rows: Sequence[Features]) -> list[Estimate]:
        if loaded is None:
            return [baseline_of(line.baseline)] * len(rows)
        return loaded.predictor.estimate(rows)

    def _note(
        self, line: Line, loaded: Loaded | None, asked: Asked, made: tuple[str, Estimate, float]
    ) -> Row:
        arm, estimate, took = made
        version: Version = loaded.version if loaded else line.newest
        return {
            "id": uuid4().hex,
            "book_id": asked.book_id,
            "source": version.source,
            "currency": version.currency,
            "kind": "model" if loaded else "baseline",
            "model": version.name,
            "version": version.version,
            "digest": version.digest,
            "features": VERSION,
            "snapshot": version.snapshot,
            "variant": arm,
            "subject": sha256(asked.subject.encode()).hexdigest()[:16],
            "price": f"{estimate.price:.2f}",
            "low": f"{estimate.low:.2f}",
            "high": f"{estimate.high:.2f}",
            "coverage": loaded.predictor.facts.coverage if loaded else line.baseline.coverage,
            "made_at": version_at(self.clock.now()),
            "milliseconds": round(took, 3),
        }


def share_of(model: str, subject: str) -> float:
    """0 to 1, the same for a subject for as long as the model's line has its name: who was in stays in."""
    digest = sha256(f"{model}\x1f{subject}".encode()).digest()
    return int.from_bytes(digest[:8]) % _LARGEST_SHARE / _LARGEST_SHARE


def _told(line: Line, loaded: Loaded | None, note: Row, row: Features) -> Answer:
    told = {name: value for name, value in note.items() if name not in ("subject", "made_at", "milliseconds")}
    told["price"] = {"amount": note["price"], "currency": note["currency"]}
    told["reason"] = None if loaded else line.reason or line.newest.reason
    told["notes"] = _unseen(loaded, row) if loaded else []
    told["explanation"] = None
    return told


def _unseen(loaded: Loaded, row: Features) -> list[str]:
    """Names that the model has never met: it knows nothing of them."""
    tables = loaded.predictor.facts.tables
    return [
        f"no book with this {name} was among those that the model was trained on"
        for name, value, table in zip(NAMES, row.names, tables, strict=True)
        if name in _TOLD_IF_UNSEEN and value and value not in table
    ]
