"""Unknown and repeated query parameters, on a service of the kit."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Query
from fastapi.testclient import TestClient
from pydantic import BaseModel

from bookcore.kit.admin.service import ServiceAdmin
from bookcore.kit.app import create_service
from bookcore.kit.query_parameters import CommaSeparated

router = APIRouter(tags=["things"])


class Page(BaseModel):
    limit: int = 20
    colour: Annotated[list[str] | None, CommaSeparated] = None


def read_owner(owner: str = "") -> str:
    return owner


@router.get("/things")
async def list_things(
    page: Annotated[Page, Query()], owner: Annotated[str, Depends(read_owner)], name: str = ""
) -> list[object]:
    return [page.limit, page.colour, owner, name]


@router.get("/bare")
async def show_bare() -> str:
    return "bare"


@router.get("/page", include_in_schema=False)
async def show_page() -> str:
    return "page"


@pytest.fixture
def client() -> Iterator[TestClient]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = create_service("Things", lifespan=lifespan, admin=ServiceAdmin("books-api", {}))
    app.state.query_hints = {"q": "search at /search"}
    app.include_router(router)
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "field", "detail"),
    [
        ("nmae=x", "nmae", "nmae: is not a parameter here; did you mean name?"),
        ("Colour=red", "Colour", "Colour: is not a parameter here; did you mean colour?"),
        ("zzz=1", "zzz", "zzz: is not a parameter here; known are colour, limit, name, owner"),
        ("q=x", "q", "q: search at /search"),
        (
            "nmae=x&ownr=y",
            "nmae",
            "nmae: is not a parameter here; did you mean name?; "
            "ownr: is not a parameter here; did you mean owner?",
        ),
        ("limit=1&limit=2", "limit", "limit: give it once"),
        ("owner=a&owner=b", "owner", "owner: give it once"),
        ("=1", "", "is not a parameter here; known are colour, limit, name, owner"),
    ],
)
def test_an_unknown_or_repeated_parameter_is_refused_by_name(
    client: TestClient, query: str, field: str, detail: str
) -> None:
    answer = client.get(f"/things?{query}")
    assert (answer.status_code, answer.json().get("field", "")) == (422, field)
    assert answer.json()["detail"] == detail


@pytest.mark.parametrize(
    ("query", "colours"),
    [("colour=red&colour=blue", ["red", "blue"]), ("colour=red,blue", ["red", "blue"]), ("limit=5", None)],
)
def test_known_parameters_of_models_and_dependencies_pass(
    client: TestClient, query: str, colours: list[str] | None
) -> None:
    answer = client.get(f"/things?{query}&owner=me&name=n")
    assert (answer.status_code, answer.json()[1:]) == (200, [colours, "me", "n"])


def test_a_route_without_parameters_refuses_all(client: TestClient) -> None:
    for path in ("/bare", "/health/live", "/health/ready"):
        assert client.get(path).status_code == 200
        assert client.get(f"{path}?x=1").json()["detail"] == "x: no parameter is known here"


def test_a_page_takes_any_parameter(client: TestClient) -> None:
    assert client.get("/page?utm_source=mail").status_code == 200
