"""Predicts prices: assigns each request to a model, estimates, records every prediction."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import uuid4

from bookcore.domain.book import to_version
from bookcore.domain.errors import NotFound
from bookcore.kit.clock import Clock
from bookml.features import NAMES, VERSION, Features, compute_features
from bookml.predictor import PriceEstimate, compute_baseline
from ml_api.experiments.assignment import ChallengerRunner, get_challenger_share, hash_subject
from ml_api.models.served_models import LoadedModel, ServedModel, ServedModels
from ml_api.predictions.recorder import PredictionRecorder
from ml_api.predictions.store import SHADOW, SHADOW_SUFFIX, PredictionRow
from ml_api.serving.drift import InputDrift
from ml_api.serving.prediction import (
    Amount,
    Prediction,
    PredictionOptions,
    PredictionRequest,
    PriceInterval,
)
from ml_api.settings import ExperimentMode, Settings

_NOTED_IF_UNSEEN = ("category", "format", "publisher", "author")


@dataclass(frozen=True, slots=True)
class _Assignment:
    """Rows that one model predicts; the predictions of the variant `shadow` are recorded, not returned."""

    variant: str
    model: LoadedModel | None
    places: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Estimated:
    """The estimate of one row, made by `model` (None: the baseline)."""

    id: str
    variant: str
    model: LoadedModel | None
    estimate: PriceEstimate
    milliseconds: float


@dataclass(slots=True)
class PredictionService:
    """Safe for several threads."""

    models: ServedModels
    recorder: PredictionRecorder
    settings: Settings
    clock: Clock
    drift: InputDrift = field(default_factory=InputDrift)
    challenger_runner: ChallengerRunner = field(default_factory=ChallengerRunner)

    def predict(self, options: PredictionOptions, requests: Sequence[PredictionRequest]) -> list[Prediction]:
        """One prediction for each request, recorded. Raises: NotFound for an unknown version, Unavailable."""
        started = time.perf_counter()
        rows = [compute_features(request.facts) for request in requests]
        seconds_per_row = (time.perf_counter() - started) / max(1, len(rows))
        ids = [uuid4().hex for _ in rows]
        predictions: dict[int, Prediction] = {}
        records: list[PredictionRow] = []
        for assignment, estimates, seconds in self._estimate(options, rows, requests):
            milliseconds = round((seconds_per_row + seconds / max(1, len(assignment.places))) * 1_000, 3)
            for at, estimate in zip(assignment.places, estimates, strict=True):
                estimated = _Estimated(ids[at], assignment.variant, assignment.model, estimate, milliseconds)
                record = self._build_row(options.model, requests[at], estimated)
                records.append(record)
                if assignment.variant != SHADOW:
                    predictions[at] = _build_prediction(options, assignment.model, record, rows[at])
        self.recorder.record(records)
        self.drift.record(options.model, rows)
        return [predictions[at] for at in range(len(rows))]

    def _estimate(
        self, options: PredictionOptions, rows: Sequence[Features], requests: Sequence[PredictionRequest]
    ) -> Iterator[tuple[_Assignment, Sequence[PriceEstimate], float]]:
        """Each assignment with its estimates and seconds.

        The champion takes over where a challenger fails.
        """
        model = options.model
        for assignment in self._assign(options, requests):
            started = time.perf_counter()
            assigned = [rows[at] for at in assignment.places]
            if assignment.model is None:
                yield assignment, [compute_baseline(model.baseline)] * len(assigned), 0.0
            elif model.challenger is None or assignment.model.version != model.challenger.version:
                estimates = assignment.model.predictor.estimate(assigned)
                yield assignment, estimates, time.perf_counter() - started
            elif (tried := self.challenger_runner.try_estimate(assignment.model, assigned)) is not None:
                yield assignment, tried, time.perf_counter() - started
            elif assignment.variant != SHADOW and model.champion:
                fallback = _Assignment("fallback", model.champion, assignment.places)
                yield fallback, model.champion.predictor.estimate(assigned), time.perf_counter() - started

    def _assign(
        self, options: PredictionOptions, requests: Sequence[PredictionRequest]
    ) -> Iterator[_Assignment]:
        """During an experiment both models predict every row, so that their errors are compared in pairs: one
        prediction is returned, the other is the row's shadow."""
        every = list(range(len(requests)))
        model, mode = options.model, self.settings.ml_trial
        if options.version is not None:
            yield _Assignment("asked", self._load_requested(options), every)
        elif model.champion is None:
            yield _Assignment("baseline", None, every)
        elif model.challenger is None or mode is ExperimentMode.OFF:
            yield _Assignment("champion", model.champion, every)
        else:
            share = get_challenger_share(model, self.settings)
            name = model.newest.name
            tried = [at for at in every if share and hash_subject(name, requests[at].subject) < share]
            rest = [at for at in every if at not in set(tried)] if tried else every
            assignments = [
                _Assignment("champion", model.champion, rest),
                _Assignment("challenger", model.challenger, tried),
                _Assignment(SHADOW, model.challenger, rest),
                _Assignment(SHADOW, model.champion, tried),
            ]
            yield from (assignment for assignment in assignments if assignment.places)

    def _load_requested(self, options: PredictionOptions) -> LoadedModel | None:
        """The requested version; None for a refused one, which is answered with the baseline."""
        name = options.model.newest.name
        for version in self.models.registry.list_versions(name):
            if version.version == options.version:
                return self.models.load_version(version) if version.passed else None
        raise NotFound(f"{name} has no version {options.version}")

    def _build_row(
        self, model: ServedModel, request: PredictionRequest, estimated: _Estimated
    ) -> PredictionRow:
        loaded, estimate = estimated.model, estimated.estimate
        version = loaded.version if loaded else model.newest
        return {
            "id": estimated.id + SHADOW_SUFFIX if estimated.variant == SHADOW else estimated.id,
            "book_id": request.book_id,
            "source": version.source,
            "currency": version.currency,
            "kind": "model" if loaded else "baseline",
            "model": version.name,
            "version": version.version,
            "digest": version.digest,
            "features": VERSION,
            "snapshot": version.snapshot,
            "variant": estimated.variant,
            "subject": sha256(request.subject.encode()).hexdigest()[:16],
            "price": f"{estimate.price:.2f}",
            "low": f"{estimate.low:.2f}",
            "high": f"{estimate.high:.2f}",
            "coverage": loaded.predictor.description.coverage if loaded else model.baseline.coverage,
            "made_at": to_version(self.clock.now()),
            "milliseconds": estimated.milliseconds,
        }


def _build_prediction(
    options: PredictionOptions, loaded: LoadedModel | None, record: PredictionRow, row: Features
) -> Prediction:
    model = options.model
    price, low, high = (Amount(record[name], record["currency"]) for name in ("price", "low", "high"))
    return Prediction(
        id=record["id"],
        book_id=record["book_id"],
        source=record["source"],
        currency=record["currency"],
        kind=record["kind"],
        model=record["model"],
        version=record["version"],
        digest=record["digest"],
        features=record["features"],
        snapshot=record["snapshot"],
        variant=record["variant"],
        price=price,
        interval=PriceInterval(low, high),
        low=record["low"],
        high=record["high"],
        coverage=record["coverage"],
        reason=None if loaded else model.reason or model.newest.reason,
        notes=_list_unseen_names(loaded, row) if loaded else [],
        explanation=loaded.explainer.explain(row) if loaded and options.explain else None,
    )


def _list_unseen_names(loaded: LoadedModel, row: Features) -> list[str]:
    """Names that the model was not trained on: it has no effect for them."""
    tables = loaded.predictor.description.tables
    return [
        f"no book with this {name} was among those that the model was trained on"
        for name, value, table in zip(NAMES, row.names, tables, strict=True)
        if name in _NOTED_IF_UNSEEN and value and value not in table
    ]
