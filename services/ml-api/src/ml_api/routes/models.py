"""Looking at models: what there is, what is in use, and why."""

from collections.abc import Sequence

import orjson
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from bookcore.domain.errors import NotFound
from bookcore.kit.openapi import describe_problems
from bookml import artifact
from bookml.promotion import get_role, get_version
from bookml.registry import ModelDecision, ModelRegistry, ModelVersion
from ml_api.routes.dependencies import State
from ml_api.routes.schemas import DecisionOut, ModelOut, ModelWhole

router = APIRouter(tags=["models"])


@router.get("/ml/models", operation_id="list_models")
def list_models(parts: State) -> list[ModelOut]:
    """Every version of every model, the refused ones too, with the reason."""
    found = []
    for name in parts.registry.list_names():
        decisions = parts.registry.list_decisions(name)
        found += [
            ModelOut.model_validate(build_model_fields(v, decisions))
            for v in parts.registry.list_versions(name)
        ]
    return found


@router.get("/ml/models/{version}", operation_id="get_model", responses=describe_problems("not-found"))
def get_model(version: str, parts: State) -> ModelWhole:
    """One version with its card and the decisions about it; `version` is an `id` of /ml/models."""
    found, decisions = _find_version(parts.registry, version)
    files = parts.registry.read_files(found)
    return ModelWhole.model_validate(
        {
            **build_model_fields(found, decisions),
            "card": orjson.loads(files.get(artifact.CARD, b"{}")),
            "digests": found.digests,
            "decisions": [build_decision(each) for each in decisions],
        }
    )


@router.get(
    "/ml/models/{version}/card",
    operation_id="get_model_card",
    response_class=HTMLResponse,
    responses=describe_problems("not-found"),
)
def get_card(version: str, parts: State) -> HTMLResponse:
    """The card as a page, with plots of errors, intervals and what the model looks at."""
    found, _ = _find_version(parts.registry, version)
    return HTMLResponse(parts.registry.read_files(found).get(artifact.PAGE, b""))


def build_model_fields(version: ModelVersion, decisions: Sequence[ModelDecision]) -> dict[str, object]:
    """As ModelOut has it."""
    told = {name: getattr(version, name) for name in ModelOut.model_fields if hasattr(version, name)}
    return {**told, "id": f"{version.name}:{version.version}", "role": get_role(version, decisions)}


def build_decision(decision: ModelDecision) -> DecisionOut:
    """A line of the promotions table."""
    told = {name: getattr(decision, name) for name in DecisionOut.model_fields}
    return DecisionOut.model_validate({**told, "act": decision.act.value})


def _find_version(registry: ModelRegistry, wanted: str) -> tuple[ModelVersion, Sequence[ModelDecision]]:
    name, _, number = wanted.rpartition(":")
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise NotFound("there is no such version; /ml/models lists them by id")
    return get_version(registry, name, int(number)), registry.list_decisions(name)
