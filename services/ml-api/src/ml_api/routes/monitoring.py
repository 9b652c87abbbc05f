"""Recorded predictions, experiments and metrics."""

import math
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import PlainTextResponse

from bookcore.domain.book import from_version
from bookcore.domain.errors import NotFound
from bookcore.events.book import Price
from bookcore.kit.openapi import describe_problems
from bookml import snapshot
from bookml.promotion import get_version
from ml_api.experiments.assignment import get_challenger_share
from ml_api.experiments.canary import CanaryController
from ml_api.experiments.guardrails import describe_verdict
from ml_api.predictions.evidence import PairedErrors
from ml_api.predictions.store import ExperimentArm
from ml_api.routes.dependencies import ServiceState, State
from ml_api.routes.models import build_decision, build_model_fields
from ml_api.routes.schemas import (
    AmountsOut,
    ArmOut,
    EvidenceOut,
    ExperimentOut,
    ExperimentsOut,
    LineageOut,
    ModelOut,
    SnapshotOut,
)

router = APIRouter(tags=["monitoring"])
_TIMES = ("made_at", "observed_at")
_NEWEST = 20


@router.get(
    "/ml/predictions/{prediction_id}", operation_id="get_prediction", responses=describe_problems("not-found")
)
def get_prediction(
    prediction_id: Annotated[
        str, Path(description="`id` of a prediction", examples=["018f2b1c6b1e7c118f4e0a4f9f1d2c3b"])
    ],
    state: State,
) -> LineageOut:
    """A prediction with its lineage: the observed price, if a crawl has seen it since, the model version that
    made it, and the snapshot that the version was trained on."""
    row = state.recorder.find(prediction_id)
    if row is None:
        raise NotFound("no such prediction")
    values = {name: _format_value(name, value) for name, value in row.items()}
    return LineageOut(
        prediction=values,
        amounts=_build_amounts(row),
        model=_build_model(state, row),
        snapshot=_build_snapshot(state, str(row["snapshot"])),
    )


@router.get("/ml/experiments", operation_id="list_experiments")
def list_experiments(state: State) -> ExperimentsOut:
    """The experiment of each model: arms with exposures and errors, the verdict and its evidence, and the
    newest decisions."""
    settings, store = state.service.settings, state.recorder.store
    canaries = CanaryController(state.models, store, settings, state.service.challenger_runner)
    experiments = []
    for name, model in sorted(state.models.by_name.items()):
        observations = canaries.read_observations(model)
        pairs = observations.pairs if observations else None
        experiments.append(
            ExperimentOut(
                name=name,
                trial=settings.ml_trial.value,
                percent=round(100 * get_challenger_share(model, settings)),
                champion=model.champion.version.version if model.champion else None,
                challenger=model.challenger.version.version if model.challenger else None,
                arms=[_build_arm(arm) for arm in store.read_arms(name)],
                verdict=describe_verdict(model, pairs),
                evidence=_build_evidence(pairs) if pairs else None,
                decisions=[build_decision(decision) for decision in model.decisions[-_NEWEST:]],
            )
        )
    return ExperimentsOut(items=experiments, next=None)


@router.get("/ml/metrics", operation_id="get_ml_metrics", response_class=PlainTextResponse)
def get_metrics(state: State) -> PlainTextResponse:
    """Use, latency, live error and coverage by version, and drift by feature, in Prometheus' text format."""
    text = state.metrics.render(state.service)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _build_evidence(pairs: PairedErrors) -> EvidenceOut:
    worse = pairs.worse
    has_bounds = math.isfinite(worse.half_width)
    return EvidenceOut(
        prices=worse.count,
        difference=worse.value if worse.count else None,
        low=worse.low if has_bounds else None,
        high=worse.high if has_bounds else None,
        coverage=pairs.inside.value if worse.count else None,
    )


def _build_arm(arm: ExperimentArm) -> ArmOut:
    values = (arm.variant, arm.version, arm.predictions, arm.subjects, arm.observed)
    names = ("variant", "version", "predictions", "subjects", "observed")
    return ArmOut(**dict(zip(names, values, strict=True)), rmsle=arm.rmsle, coverage=arm.coverage)


def _format_value(name: str, value: object) -> object:
    if name in _TIMES and isinstance(value, int):
        moment: datetime = from_version(value)
        return moment.isoformat()
    return value


def _build_amounts(row: dict[str, object]) -> AmountsOut:
    names = ("price", "low", "high", "true_price")
    price, low, high, observed = (
        None if row.get(name) is None else Price(amount=str(row[name]), currency=str(row["currency"]))
        for name in names
    )
    return AmountsOut.model_validate({"price": price, "low": low, "high": high, "observed": observed})


def _build_model(state: ServiceState, row: dict[str, object]) -> ModelOut | None:
    try:
        version = get_version(state.registry, str(row["model"]), int(str(row["version"])))
    except NotFound:
        return None
    return ModelOut.model_validate(build_model_fields(version, state.registry.list_decisions(version.name)))


def _build_snapshot(state: ServiceState, name: str) -> SnapshotOut | None:
    """None when the lake has no such snapshot any more."""
    try:
        manifest = snapshot.read_manifest(state.lake, name)
    except NotFound:
        return None
    return SnapshotOut(
        id=manifest.id,
        source=manifest.source,
        currency=manifest.currency,
        rows=manifest.rows,
        sha256=[part.sha256 for part in manifest.parts],
        training_data=f"/ml/training-data?source={manifest.source}&snapshot={manifest.id}",
    )
