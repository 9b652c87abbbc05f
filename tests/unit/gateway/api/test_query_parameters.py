"""Query parameters of the gateway's own operations."""

import re

import pytest
from fastapi.testclient import TestClient
from tests.unit.gateway.servers import READER

from bookcore.kit.openapi import list_operations

Headers = dict[str, str]


def test_no_operation_ignores_an_unknown_parameter(client: TestClient, admin: Headers) -> None:
    asked = []
    for path, item in client.get("/openapi.json").json()["paths"].items():
        for method in list_operations(item):
            target = re.sub(r"{[^}]*}", "x", path)
            answer = client.request(method, f"{target}?colour=red", headers=admin)
            assert (answer.status_code, answer.json()["field"]) == (422, "colour"), (method, path)
            asked.append(path)
    assert len(asked) >= 20


def test_documents_refuse_unknown_parameters_and_pages_take_any(client: TestClient) -> None:
    assert client.get("/openapi.json?scopes=ml").json()["detail"].endswith("did you mean scope?")
    assert client.get("/openapi.json?scope=search,ml").status_code == 200
    assert client.get("/asyncapi.json?scope=ml").json()["field"] == "scope"
    for page in ("/", "/portal", "/docs", "/docs/docs.js", "/problems/invalid"):
        assert client.get(f"{page}?utm_source=mail").status_code == 200


def test_lists_have_items_and_next_beside_their_old_names(client: TestClient, admin: Headers) -> None:
    old = {"/v1/users": "users", "/v1/admin/audit": "entries", "/v1/plans": "plans"}
    for path, name in old.items():
        page = client.get(path, headers=admin).json()
        assert page["items"] == page[name] != []
        assert page["next"] is None
    client.post("/v1/keys", json={"name": "n", "scopes": ["search"]}, headers=admin)
    keys = client.get("/v1/keys", headers=admin).json()
    assert (len(keys["items"]), keys["items"], keys["next"]) == (1, keys["keys"], None)


@pytest.mark.parametrize("path", ["/v1/users", "/v1/admin/audit"])
def test_lists_are_continued_by_cursor(client: TestClient, admin: Headers, path: str) -> None:
    for n in range(4):
        client.post("/v1/auth/register", json={**READER, "email": f"u{n}@example.org"})
    every = client.get(path, headers=admin).json()["items"]
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(path, params={"limit": 2, "cursor": cursor}, headers=admin).json()
        seen += page["items"]
        cursor = page["next"]
    assert seen == every
    assert len(seen) >= 4
    answer = client.get(path, params={"cursor": "x"}, headers=admin)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-cursor")
