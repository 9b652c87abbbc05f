"""Models: all versions, their roles and the reasons, and their cards."""

from collections.abc import Sequence
from typing import Annotated

import orjson
from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse

from bookcore.domain.errors import NotFound
from bookcore.kit.openapi import describe_problems
from bookml import artifact
from bookml.promotion import get_role, get_version
from bookml.registry import ModelDecision, ModelRegistry, ModelVersion
from ml_api.routes.dependencies import State
from ml_api.routes.schemas import DecisionOut, ModelOut, ModelsOut, ModelWhole

router = APIRouter(tags=["models"])
VersionPath = Annotated[
    str, Path(description="`id` of a version in /v1/ml/models", examples=["waterstones-GBP:2"])
]


@router.get("/ml/models", operation_id="list_models")
def list_models(state: State) -> ModelsOut:
    """Every version of every model, with its role and the reason; refused versions as well."""
    models = []
    for name in state.registry.list_names():
        decisions = state.registry.list_decisions(name)
        models += [
            ModelOut.model_validate(build_model_fields(v, decisions))
            for v in state.registry.list_versions(name)
        ]
    return ModelsOut(items=models, next=None)


@router.get("/ml/models/{version}", operation_id="get_model", responses=describe_problems("not-found"))
def get_model(version: VersionPath, state: State) -> ModelWhole:
    """One version with its card and all decisions about its model; `version` is an `id` of `/ml/models`."""
    model_version, decisions = _find_version(state.registry, version)
    files = state.registry.read_files(model_version)
    return ModelWhole.model_validate(
        {
            **build_model_fields(model_version, decisions),
            "card": orjson.loads(files.get(artifact.CARD, b"{}")),
            "digests": model_version.digests,
            "decisions": [build_decision(decision) for decision in decisions],
        }
    )


@router.get(
    "/ml/models/{version}/card",
    operation_id="get_model_card",
    response_class=HTMLResponse,
    responses=describe_problems("not-found"),
)
def get_card(version: VersionPath, state: State) -> HTMLResponse:
    """The model card as an HTML page, with plots of errors, coverage and feature importance."""
    model_version, _ = _find_version(state.registry, version)
    return HTMLResponse(state.registry.read_files(model_version).get(artifact.PAGE, b""))


def build_model_fields(version: ModelVersion, decisions: Sequence[ModelDecision]) -> dict[str, object]:
    fields = {name: getattr(version, name) for name in ModelOut.model_fields if hasattr(version, name)}
    return {**fields, "id": f"{version.name}:{version.version}", "role": get_role(version, decisions)}


def build_decision(decision: ModelDecision) -> DecisionOut:
    """A decision in its JSON form."""
    fields = {name: getattr(decision, name) for name in DecisionOut.model_fields}
    return DecisionOut.model_validate({**fields, "act": decision.act.value})


def _find_version(registry: ModelRegistry, model_id: str) -> tuple[ModelVersion, Sequence[ModelDecision]]:
    name, _, number = model_id.rpartition(":")
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise NotFound("no such version; /ml/models lists all ids")
    return get_version(registry, name, int(number)), registry.list_decisions(name)
