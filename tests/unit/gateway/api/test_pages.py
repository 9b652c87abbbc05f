import pytest
from fastapi.testclient import TestClient
from starlette.responses import JSONResponse, PlainTextResponse
from tests.unit.gateway.servers import TinyServices

from bookcore.kit.problem import PROBLEMS

BOOKS = {"paths": {"/books": {"get": {"summary": "List <books>", "tags": ["books"]}}}}


@pytest.mark.parametrize("slug", PROBLEMS)
def test_every_problem_has_a_page_that_says_what_to_do(client: TestClient, slug: str) -> None:
    page = client.get(f"/problems/{slug}")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert PROBLEMS[slug].remedy.split("'")[0] in page.text


def test_an_unknown_problem_has_no_page(client: TestClient) -> None:
    assert client.get("/problems/x").json()["type"] == "/problems/not-found"


def test_the_document_merges_what_the_services_say_and_the_page_shows_it(
    client: TestClient, services: TinyServices
) -> None:
    services.answer = lambda _: JSONResponse(BOOKS)
    document = client.get("/openapi.json").json()
    assert {"/v1/books", "/v1/auth/login", "/v1/users/me"} <= set(document["paths"])
    assert document["paths"]["/v1/users/me"]["get"]["security"] == [{"bearer": []}, {"apiKey": []}]
    page = client.get("/docs").text
    assert "List &lt;books&gt;" in page
    assert "<script" not in page
    assert "src=" not in page


def test_the_document_shows_what_the_scopes_or_the_credentials_open(
    client: TestClient, services: TinyServices, reader: dict[str, str]
) -> None:
    services.answer = lambda _: JSONResponse(BOOKS)
    searching = client.get("/openapi.json", params={"scope": "search"}).json()["paths"]
    assert "/v1/users/me" in searching
    assert "/v1/books" not in searching
    assert "/v1/admin/audit" in client.get("/openapi.json", params={"scope": "admin"}).json()["paths"]
    mine = client.get("/openapi.json", headers=reader).json()["paths"]
    assert "/v1/books" in mine
    assert "/v1/admin/audit" not in mine
    assert "/v1/admin/audit" not in client.get("/docs", headers=reader).text
    assert client.get("/openapi.json", params={"scope": "root"}).status_code == 422
    assert client.get("/openapi.json", headers={"Authorization": "Bearer x"}).status_code == 401


def test_services_that_say_nonsense_are_left_out(client: TestClient, services: TinyServices) -> None:
    services.answer = lambda _: PlainTextResponse("no json")
    assert "/v1/auth/login" in client.get("/openapi.json").json()["paths"]


def test_health_needs_no_token(client: TestClient) -> None:
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").json()["status"] == "ok"


def test_the_event_topics_are_told_for_subscribers(client: TestClient) -> None:
    channels = client.get("/asyncapi.json").json()["channels"]
    assert "books.book.changed.v1" in channels
