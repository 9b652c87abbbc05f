"""From a question to an answer: which version answers, what it says, and how that is written down."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import uuid4

from bookcore.domain.book import to_version
from bookcore.domain.errors import NotFound
from bookcore.kit.clock import Clock
from bookml.facts import BookFacts
from bookml.features import NAMES, VERSION, Features, compute_features
from bookml.predictor import PriceEstimate, compute_baseline
from bookml.registry import ModelVersion
from ml_api.experiments.assignment import ChallengerRunner, get_challenger_share, hash_subject
from ml_api.models.served_models import LoadedModel, ServedModel, ServedModels
from ml_api.predictions.recorder import PredictionRecorder
from ml_api.predictions.store import SHADOW, SHADOW_SUFFIX, PredictionRow
from ml_api.serving.drift import InputDrift
from ml_api.settings import ExperimentMode, Settings

_TOLD_IF_UNSEEN = ("category", "format", "publisher", "author")
Answer = dict[str, object]


@dataclass(frozen=True, slots=True)
class PredictionRequest:
    """One book that a price is asked for; `subject` is who is treated alike in an experiment."""

    facts: BookFacts
    book_id: str | None
    subject: str


@dataclass(frozen=True, slots=True)
class PredictionOptions:
    """What is the same for all rows of a request."""

    model: ServedModel
    version: int | None
    explain: bool


@dataclass(frozen=True, slots=True)
class _Assignment:
    """Rows that one model answers; `variant` is `shadow` where another's answer is told."""

    variant: str
    loaded: LoadedModel | None
    places: Sequence[int]


@dataclass(slots=True)
class PredictionService:
    """Everything that answers need."""

    models: ServedModels
    recorder: PredictionRecorder
    settings: Settings
    clock: Clock
    drift: InputDrift = field(default_factory=InputDrift)
    challenger_runner: ChallengerRunner = field(default_factory=ChallengerRunner)

    def predict(self, wanted: PredictionOptions, asked: Sequence[PredictionRequest]) -> list[Answer]:
        """One answer for each; all are noted. Raises: NotFound for an unknown version, Unavailable."""
        began = time.perf_counter()
        rows = [compute_features(each.facts) for each in asked]
        making = (time.perf_counter() - began) / max(1, len(rows))
        ids = [uuid4().hex for _ in rows]
        answers: dict[int, Answer] = {}
        notes: list[PredictionRow] = []
        for part, estimates, took in self._estimate(wanted, rows, asked):
            milliseconds = round((making + took / max(1, len(part.places))) * 1_000, 3)
            for at, estimate in zip(part.places, estimates, strict=True):
                note = self._build_row(wanted.model, part, asked[at], (ids[at], estimate, milliseconds))
                notes.append(note)
                if part.variant != SHADOW:
                    answers[at] = _build_prediction(wanted.model, part.loaded, note, rows[at])
                    if part.loaded and wanted.explain:
                        answers[at]["explanation"] = part.loaded.explainer.explain(rows[at])
        self.recorder.record(notes)
        self.drift.record(wanted.model, rows)
        return [answers[at] for at in range(len(rows))]

    def _estimate(
        self, wanted: PredictionOptions, rows: Sequence[Features], asked: Sequence[PredictionRequest]
    ) -> Iterator[tuple[_Assignment, Sequence[PriceEstimate], float]]:
        """Each part with its estimates and seconds. What a challenger fails at the champion answers."""
        line = wanted.model
        for part in self._assign(wanted, asked):
            began = time.perf_counter()
            these = [rows[at] for at in part.places]
            if part.loaded is None:
                yield part, [compute_baseline(line.baseline)] * len(these), 0.0
            elif line.challenger is None or part.loaded.version != line.challenger.version:
                yield part, part.loaded.predictor.estimate(these), time.perf_counter() - began
            elif (estimates := self.challenger_runner.try_estimate(part.loaded, these)) is not None:
                yield part, estimates, time.perf_counter() - began
            elif part.variant != SHADOW and line.champion:
                instead = _Assignment("fallback", line.champion, part.places)
                yield instead, line.champion.predictor.estimate(these), time.perf_counter() - began

    def _assign(self, wanted: PredictionOptions, asked: Sequence[PredictionRequest]) -> Iterator[_Assignment]:
        """While something is tried both models answer every row, so that their errors can be compared in
        pairs; one of them is told, the other is the row's shadow."""
        every = list(range(len(asked)))
        line, trial = wanted.model, self.settings.ml_trial
        if wanted.version is not None:
            yield _Assignment("asked", self._load_requested(wanted), every)
        elif line.champion is None:
            yield _Assignment("baseline", None, every)
        elif line.challenger is None or trial is ExperimentMode.OFF:
            yield _Assignment("champion", line.champion, every)
        else:
            share = get_challenger_share(line, self.settings)
            tried = [
                at for at in every if share and hash_subject(line.newest.name, asked[at].subject) < share
            ]
            rest = [at for at in every if at not in set(tried)] if tried else every
            parts = [
                _Assignment("champion", line.champion, rest),
                _Assignment("challenger", line.challenger, tried),
                _Assignment(SHADOW, line.challenger, rest),
                _Assignment(SHADOW, line.champion, tried),
            ]
            yield from (part for part in parts if part.places)

    def _load_requested(self, wanted: PredictionOptions) -> LoadedModel | None:
        """A refused version answers as the baseline, too: a number of it would be silent about its worth."""
        name = wanted.model.newest.name
        for version in self.models.registry.list_versions(name):
            if version.version == wanted.version:
                return self.models.load_version(version) if version.passed else None
        raise NotFound(f"{name} has no version {wanted.version}")

    def _build_row(
        self,
        line: ServedModel,
        part: _Assignment,
        asked: PredictionRequest,
        made: tuple[str, PriceEstimate, float],
    ) -> PredictionRow:
        name, estimate, milliseconds = made
        loaded = part.loaded
        version: ModelVersion = loaded.version if loaded else line.newest
        return {
            "id": name + SHADOW_SUFFIX if part.variant == SHADOW else name,
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
            "coverage": loaded.predictor.description.coverage if loaded else line.baseline.coverage,
            "made_at": to_version(self.clock.now()),
            "milliseconds": milliseconds,
        }


def _build_prediction(
    line: ServedModel, loaded: LoadedModel | None, note: PredictionRow, row: Features
) -> Answer:
    told = {name: value for name, value in note.items() if name not in ("subject", "made_at", "milliseconds")}
    told["price"] = {"amount": note["price"], "currency": note["currency"]}
    told["reason"] = None if loaded else line.reason or line.newest.reason
    told["notes"] = _list_unseen_names(loaded, row) if loaded else []
    told["explanation"] = None
    return told


def _list_unseen_names(loaded: LoadedModel, row: Features) -> list[str]:
    """Names that the model has never met: it knows nothing of them."""
    tables = loaded.predictor.description.tables
    return [
        f"no book with this {name} was among those that the model was trained on"
        for name, value, table in zip(NAMES, row.names, tables, strict=True)
        if name in _TOLD_IF_UNSEEN and value and value not in table
    ]
