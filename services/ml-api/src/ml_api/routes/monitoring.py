"""Predictions that were made, experiments, and metrics."""

import math
from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from bookcore.domain.book import from_version
from bookcore.domain.errors import NotFound
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
from ml_api.routes.schemas import ArmOut, EvidenceOut, ExperimentOut, LineageOut, ModelOut, SnapshotOut

router = APIRouter(tags=["monitoring"])
_TIMES = ("made_at", "observed_at")
_NEWEST = 20


@router.get(
    "/ml/predictions/{prediction_id}", operation_id="get_prediction", responses=describe_problems("not-found")
)
def get_prediction(prediction_id: str, parts: State) -> LineageOut:
    """A prediction, the true price if it has been seen since, the version that made it, and the rows that
    it was trained on."""
    row = parts.recorder.find(prediction_id)
    if row is None:
        raise NotFound("no such prediction")
    told = {name: _format_value(name, value) for name, value in row.items()}
    return LineageOut(
        prediction=told, model=_build_model(parts, row), snapshot=_build_snapshot(parts, str(row["snapshot"]))
    )


@router.get("/ml/experiments", operation_id="list_experiments")
def list_experiments(parts: State) -> list[ExperimentOut]:
    """What is tried on each model, who was exposed to what, and what can be said by now."""
    settings, store = parts.service.settings, parts.recorder.store
    watch = CanaryController(parts.models, store, settings, parts.service.challenger_runner)
    found = []
    for name, line in sorted(parts.models.by_name.items()):
        seen = watch.read_observations(line)
        pairs = seen.pairs if seen else None
        found.append(
            ExperimentOut(
                name=name,
                trial=settings.ml_trial.value,
                percent=round(100 * get_challenger_share(line, settings)),
                champion=line.champion.version.version if line.champion else None,
                challenger=line.challenger.version.version if line.challenger else None,
                arms=[_build_arm(arm) for arm in store.read_arms(name)],
                verdict=describe_verdict(line, pairs),
                evidence=_build_evidence(pairs) if pairs else None,
                decisions=[build_decision(each) for each in line.decisions[-_NEWEST:]],
            )
        )
    return found


@router.get("/ml/metrics", operation_id="get_ml_metrics", response_class=PlainTextResponse)
def get_metrics(parts: State) -> PlainTextResponse:
    """Use, latency, live error and coverage by version, drift by feature; in Prometheus' text form."""
    text = parts.metrics.render(parts.service)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _build_evidence(pairs: PairedErrors) -> EvidenceOut:
    worse = pairs.worse
    known = math.isfinite(worse.half_width)
    return EvidenceOut(
        prices=worse.count,
        difference=worse.value if worse.count else None,
        low=worse.low if known else None,
        high=worse.high if known else None,
        coverage=pairs.inside.value if worse.count else None,
    )


def _build_arm(arm: ExperimentArm) -> ArmOut:
    told = (arm.variant, arm.version, arm.predictions, arm.subjects, arm.observed)
    names = ("variant", "version", "predictions", "subjects", "observed")
    return ArmOut(**dict(zip(names, told, strict=True)), rmsle=arm.rmsle, coverage=arm.coverage)


def _format_value(name: str, value: object) -> object:
    if name in _TIMES and isinstance(value, int):
        moment: datetime = from_version(value)
        return moment.isoformat()
    return value


def _build_model(parts: ServiceState, row: dict[str, object]) -> ModelOut | None:
    try:
        found = get_version(parts.registry, str(row["model"]), int(str(row["version"])))
    except NotFound:
        return None
    return ModelOut.model_validate(build_model_fields(found, parts.registry.list_decisions(found.name)))


def _build_snapshot(parts: ServiceState, name: str) -> SnapshotOut | None:
    """None when the lake no longer has it."""
    try:
        manifest = snapshot.read_manifest(parts.lake, name)
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
