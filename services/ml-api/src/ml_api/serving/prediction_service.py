"""From a question to an answer: which version answers, what it says, and how that is written down."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import uuid4

from bookcore.domain.book import to_version
from bookcore.domain.errors import NotFound
from bookcore.kit.clock import Clock
from bookml.facts import Facts
from bookml.features import NAMES, VERSION, Features, features_of
from bookml.predictor import Estimate, baseline_of
from bookml.registry import Version
from ml_api.experiments.assignment import Trying, share_of, share_tried
from ml_api.models.served_models import Line, Loaded, Models
from ml_api.predictions.recorder import Recorder
from ml_api.predictions.store import PAIRED, SHADOW, Row
from ml_api.serving.drift import Drift
from ml_api.settings import Settings, Trial

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


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows that one model answers; `variant` is `shadow` where another's answer is told."""

    variant: str
    loaded: Loaded | None
    places: Sequence[int]


@dataclass(slots=True)
class Answering:
    """Everything that answers need."""

    models: Models
    recorder: Recorder
    settings: Settings
    clock: Clock
    drift: Drift = field(default_factory=Drift)
    trying: Trying = field(default_factory=Trying)

    def answer(self, wanted: Wanted, asked: Sequence[Asked]) -> list[Answer]:
        """One answer for each; all are noted. Raises: NotFound for an unknown version, Unavailable."""
        began = time.perf_counter()
        rows = [features_of(each.facts) for each in asked]
        making = (time.perf_counter() - began) / max(1, len(rows))
        ids = [uuid4().hex for _ in rows]
        answers: dict[int, Answer] = {}
        notes: list[Row] = []
        for part, estimates, took in self._made(wanted, rows, asked):
            milliseconds = round((making + took / max(1, len(part.places))) * 1_000, 3)
            for at, estimate in zip(part.places, estimates, strict=True):
                note = self._note(wanted.line, part, asked[at], (ids[at], estimate, milliseconds))
                notes.append(note)
                if part.variant != SHADOW:
                    answers[at] = _told(wanted.line, part.loaded, note, rows[at])
                    if part.loaded and wanted.explain:
                        answers[at]["explanation"] = part.loaded.explainer.explained(rows[at])
        self.recorder.note(notes)
        self.drift.note(wanted.line, rows)
        return [answers[at] for at in range(len(rows))]

    def _made(
        self, wanted: Wanted, rows: Sequence[Features], asked: Sequence[Asked]
    ) -> Iterator[tuple[_Part, Sequence[Estimate], float]]:
        """Each part with its estimates and seconds. What a challenger fails at the champion answers."""
        line = wanted.line
        for part in self._parts(wanted, asked):
            began = time.perf_counter()
            these = [rows[at] for at in part.places]
            if part.loaded is None:
                yield part, [baseline_of(line.baseline)] * len(these), 0.0
            elif line.challenger is None or part.loaded.version != line.challenger.version:
                yield part, part.loaded.predictor.estimate(these), time.perf_counter() - began
            elif (estimates := self.trying.estimates(part.loaded, these)) is not None:
                yield part, estimates, time.perf_counter() - began
            elif part.variant != SHADOW and line.champion:
                instead = _Part("fallback", line.champion, part.places)
                yield instead, line.champion.predictor.estimate(these), time.perf_counter() - began

    def _parts(self, wanted: Wanted, asked: Sequence[Asked]) -> Iterator[_Part]:
        """While something is tried both models answer every row, so that their errors can be compared in
        pairs; one of them is told, the other is the row's shadow."""
        every = list(range(len(asked)))
        line, trial = wanted.line, self.settings.ml_trial
        if wanted.version is not None:
            yield _Part("asked", self._asked_for(wanted), every)
        elif line.champion is None:
            yield _Part("baseline", None, every)
        elif line.challenger is None or trial is Trial.OFF:
            yield _Part("champion", line.champion, every)
        else:
            share = share_tried(line, self.settings)
            tried = [at for at in every if share and share_of(line.newest.name, asked[at].subject) < share]
            rest = [at for at in every if at not in set(tried)] if tried else every
            parts = [
                _Part("champion", line.champion, rest),
                _Part("challenger", line.challenger, tried),
                _Part(SHADOW, line.challenger, rest),
                _Part(SHADOW, line.champion, tried),
            ]
            yield from (part for part in parts if part.places)

    def _asked_for(self, wanted: Wanted) -> Loaded | None:
        """A refused version answers as the baseline, too: a number of it would be silent about its worth."""
        name = wanted.line.newest.name
        for version in self.models.registry.versions(name):
            if version.version == wanted.version:
                return self.models.loaded(version) if version.passed else None
        raise NotFound(f"{name} has no version {wanted.version}")

    def _note(self, line: Line, part: _Part, asked: Asked, made: tuple[str, Estimate, float]) -> Row:
        name, estimate, milliseconds = made
        loaded = part.loaded
        version: Version = loaded.version if loaded else line.newest
        return {
            "id": name + PAIRED if part.variant == SHADOW else name,
            "book_id": asked.book_id,
            "source": version.source,
            "currency": version.currency,
            "kind": "model" if loaded else "baseline",
            "model": version.name,
            "version": version.version,
            "digest": version.digest,
            "features": VERSION,
            "snapshot": version.snapshot,
            "variant": part.variant,
            "subject": sha256(asked.subject.encode()).hexdigest()[:16],
            "price": f"{estimate.price:.2f}",
            "low": f"{estimate.low:.2f}",
            "high": f"{estimate.high:.2f}",
            "coverage": loaded.predictor.facts.coverage if loaded else line.baseline.coverage,
            "made_at": to_version(self.clock.now()),
            "milliseconds": milliseconds,
        }


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
