import hashlib
import json
import re
from importlib.resources import files

import pytest
from fastapi.testclient import TestClient
from starlette.responses import JSONResponse, PlainTextResponse
from tests.unit.gateway.servers import StubServices

from bookcore.kit.problem import PROBLEMS
from gateway import portal
from gateway.api.docs_ui_routes import DOCS_FILES

BOOKS = {"paths": {"/books": {"get": {"summary": "List <books>", "tags": ["books"]}}}}


@pytest.mark.parametrize("slug", PROBLEMS)
def test_every_problem_type_has_a_page_with_its_remedy(client: TestClient, slug: str) -> None:
    page = client.get(f"/problems/{slug}")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert PROBLEMS[slug].remedy.split("'")[0] in page.text


def test_unknown_problem_type_is_not_found(client: TestClient) -> None:
    assert client.get("/problems/x").json()["type"] == "/problems/not-found"


def test_openapi_document_merges_the_documents_of_the_services(
    client: TestClient, services: StubServices
) -> None:
    services.respond = lambda _: JSONResponse(BOOKS)
    document = client.get("/openapi.json").json()
    assert {"/v1/books", "/v1/auth/login", "/v1/users/me"} <= set(document["paths"])
    assert document["paths"]["/v1/users/me"]["get"]["security"] == [{"bearer": []}, {"apiKey": []}]
    assert document["paths"]["/v1/books"]["get"]["summary"] == "List <books>"


def test_openapi_document_is_limited_to_given_scopes_or_credentials(
    client: TestClient, services: StubServices, reader: dict[str, str]
) -> None:
    services.respond = lambda _: JSONResponse(BOOKS)
    searching = client.get("/openapi.json", params={"scope": "search"}).json()["paths"]
    assert "/v1/users/me" in searching
    assert "/v1/books" not in searching
    assert "/v1/admin/audit" in client.get("/openapi.json", params={"scope": "admin"}).json()["paths"]
    document = client.get("/openapi.json", headers=reader).json()
    assert "admin" not in [tag["name"] for tag in document["tags"]]
    mine = document["paths"]
    assert "/v1/books" in mine
    assert "/v1/admin/audit" not in mine
    assert client.get("/openapi.json", params={"scope": "root"}).status_code == 422
    assert client.get("/openapi.json", headers={"Authorization": "Bearer x"}).status_code == 401


def test_service_with_an_invalid_document_is_left_out(client: TestClient, services: StubServices) -> None:
    services.respond = lambda _: PlainTextResponse("no json")
    assert "/v1/auth/login" in client.get("/openapi.json").json()["paths"]


def test_health_endpoints_need_no_token(client: TestClient) -> None:
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").json()["status"] == "ok"


def test_asyncapi_document_lists_the_event_topics(client: TestClient) -> None:
    channels = client.get("/asyncapi.json").json()["channels"]
    assert "books.book.changed.v1" in channels


def test_docs_page_loads_its_own_files_only(client: TestClient) -> None:
    for path in ("/docs", *(f"/docs/{name}" for name in DOCS_FILES)):
        response = client.get(path)
        assert response.status_code == 200
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
    page = client.get("/docs").text
    assert "http" not in page
    assert page.count("<script") == page.count('src="/docs/')
    for wrong in ("docs.html", "pages.py", "..%2fpages.py", "swagger_ui%2fvendored.json"):
        assert client.get(f"/docs/{wrong}").status_code == 404


def test_vendored_swagger_ui_is_the_recorded_release_with_its_licence() -> None:
    folder = files("gateway.api") / "swagger_ui"
    recorded = json.loads((folder / "vendored.json").read_text())
    names = {entry.name for entry in folder.iterdir()} - {"vendored.json"}
    assert names == set(recorded["files"])
    assert "LICENSE" in names
    for name, digest in recorded["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    page = (files("gateway.api") / "docs.html").read_text()
    assert page.count(f"?v={recorded['version']}") == 2


def test_password_fields_are_masked_and_left_to_password_managers(client: TestClient) -> None:
    fields = re.findall(r"<input [^>]*password[^>]*>", client.get("/portal").text)
    assert len(fields) >= 6
    filled_in = re.compile(r'type="password" autocomplete="(current|new)-password"')
    assert [field for field in fields if not filled_in.search(field)] == []
    scripts = [client.get(f"/portal/{name}").text for name in portal.MEDIA_TYPES if name.endswith(".js")]
    assert [script for script in scripts if re.search(r"paste\b|contextmenu", script)] == []


@pytest.mark.parametrize(
    "path", ["/", "/portal", *(f"/portal/{name}" for name in portal.MEDIA_TYPES), "/docs"]
)
def test_page_and_its_parts_name_their_charset(client: TestClient, path: str) -> None:
    assert client.get(path).headers["content-type"].endswith("; charset=utf-8")
