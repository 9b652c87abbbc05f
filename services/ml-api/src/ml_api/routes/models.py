"""Looking at models: what there is, what is in use, and why."""

from collections.abc import Sequence

import orjson
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from bookcore.domain.errors import NotFound
from bookcore.kit.openapi import describe_problems
from bookml import artifact
from bookml.promotion import role_of, version_of
from bookml.registry import Decision, Registry, Version
from ml_api.routes.dependencies import Parts
from ml_api.routes.schemas import DecisionOut, ModelOut, ModelWhole

router = APIRouter(tags=["models"])


@router.get("/ml/models", operation_id="list_models")
def list_models(parts: Parts) -> list[ModelOut]:
    """Every version of every model, the refused ones too, with the reason."""
    found = []
    for name in parts.registry.names():
        decisions = parts.registry.decisions(name)
        found += [ModelOut.model_validate(plain(v, decisions)) for v in parts.registry.versions(name)]
    return found


@router.get("/ml/models/{version}", operation_id="get_model", responses=describe_problems("not-found"))
def get_model(version: str, parts: Parts) -> ModelWhole:
    """One version with its card and the decisions about it; `version` is an `id` of /ml/models."""
    found, decisions = _found(parts.registry, version)
    files = parts.registry.files(found)
    return ModelWhole.model_validate(
        {
            **plain(found, decisions),
            "card": orjson.loads(files.get(artifact.CARD, b"{}")),
            "digests": found.digests,
            "decisions": [decision_out(each) for each in decisions],
        }
    )


@router.get(
    "/ml/models/{version}/card",
    operation_id="get_model_card",
    response_class=HTMLResponse,
    responses=describe_problems("not-found"),
)
def get_card(version: str, parts: Parts) -> HTMLResponse:
    """The card as a page, with plots of errors, intervals and what the model looks at."""
    found, _ = _found(parts.registry, version)
    return HTMLResponse(parts.registry.files(found).get(artifact.PAGE, b""))


def plain(version: Version, decisions: Sequence[Decision]) -> dict[str, object]:
    """As ModelOut has it."""
    told = {name: getattr(version, name) for name in ModelOut.model_fields if hasattr(version, name)}
    return {**told, "id": f"{version.name}:{version.version}", "role": role_of(version, decisions)}


def decision_out(decision: Decision) -> DecisionOut:
    """A line of the promotions table."""
    told = {name: getattr(decision, name) for name in DecisionOut.model_fields}
    return DecisionOut.model_validate({**told, "act": decision.act.value})


def _found(registry: Registry, wanted: str) -> tuple[Version, Sequence[Decision]]:
    name, _, number = wanted.rpartition(":")
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise NotFound("there is no such version; /ml/models lists them by id")
    return version_of(registry, name, int(number)), registry.decisions(name)
