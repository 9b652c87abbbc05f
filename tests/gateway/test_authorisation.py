"""Every cell of caller x operation x owner, from the merged OpenAPI document, at the gateway and behind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx
import jwt
import pytest
from docs.generate import build_merged_openapi
from fastapi.testclient import TestClient
from tests.gateway.whole import Headers, Platform

from bookcore.kit.auth import DEFAULT_SCOPES, HEADER, Identity, InternalTokens, Role, Scope
from bookcore.kit.openapi import Document, list_operations
from gateway.api.openapi_merge import get_scopes

MERGED = build_merged_openapi()
OPERATIONS = {
    (method.upper(), path): operation
    for path, item in MERGED["paths"].items()
    for method, operation in list_operations(item).items()
}
CELLS = [
    *OPERATIONS,
    *(("HEAD", path) for method, path in OPERATIONS if method == "GET" and path.startswith("/v1/books")),
]
ROLES = [role.value for role in Role]
KEYS = [f"key {scope.value}" for scope in Scope]
CALLERS = ["nobody", *ROLES, *KEYS]
NOT_THERE = "f" * 32
MEANT: Mapping[str, str] = {
    "/v1/books": "books:",
    "/v1/categories": "books:",
    "/v1/category-tree": "books:",
    "/v1/changes": "books:",
    "/v1/statistics": "books:",
    "/v1/sources": "books:",
    "/v1/search": "search",
    "/v1/ml": "ml",
    "/v1/admin": "admin",
    "/v1/users": "admin",
}
"""What the document must ask for, said once more by hand; /v1/users/me and below is anybody's."""


@dataclass(frozen=True)
class Callers:
    """Who asks, and what is theirs."""

    user_ids: Mapping[str, str]
    key_ids: Mapping[str, str]
    key_headers: Mapping[str, Headers]

    def owner(self, caller: str) -> str:
        return self.user_ids[caller if caller in ROLES else Role.ADMIN.value]


@pytest.fixture(scope="module")
def callers(whole: Platform) -> Callers:
    user_ids = {role: whole.register_user(f"{role}@cast.example", Role(role)) for role in ROLES}
    keys = {name: whole.create_key(user_ids["admin"], name.removeprefix("key ")) for name in KEYS}
    own = {role: whole.create_key(user_ids[role], "search")[0] for role in ROLES}
    return Callers(
        user_ids,
        {name: key_id for name, (key_id, _) in keys.items()} | own,
        {name: headers for name, (_, headers) in keys.items()},
    )


@pytest.fixture(scope="module")
def client(whole: Platform) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=whole.address, trust_env=False) as client:
        yield client


def build_headers(caller: str, whole: Platform, callers: Callers) -> Headers:
    """A new session each time: some operations end it."""
    if caller == "nobody":
        return {}
    if caller in callers.key_headers:
        return callers.key_headers[caller]
    return whole.log_in(callers.user_ids[caller])


def list_scopes(caller: str) -> frozenset[str]:
    if caller == "nobody":
        return frozenset()
    return DEFAULT_SCOPES[Role(caller)] if caller in ROLES else frozenset({caller.removeprefix("key ")})


def compute_expected(caller: str, operation: Document) -> int | None:
    """The refusal; None for none."""
    if not operation.get("security"):
        return None
    if caller == "nobody":
        return 401
    if operation.get("x-needs-login") and caller in KEYS:
        return 403
    return None if get_scopes(operation) <= list_scopes(caller) else 403


def send_request(client: httpx.Client, method: str, path: str, headers: Headers) -> httpx.Response:
    is_write = method in ("POST", "PATCH", "PUT")
    return client.request(method, path, headers=headers, json={} if is_write else None)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("method", "path"), CELLS, ids=lambda part: part)
def test_caller_can_access_exactly_what_its_scopes_permit(
    whole: Platform, callers: Callers, client: httpx.Client, *, method: str, path: str, caller: str
) -> None:
    operation = OPERATIONS["GET" if method == "HEAD" else method, path]
    refusal = compute_expected(caller, operation)
    filled = path.format(
        user_id=NOT_THERE,
        key_id=NOT_THERE,
        session_id=NOT_THERE,
        kid="k" * 43,
        book_id="shop:u01",
        category_id="fiction",
        version="shop-GBP:1",
        prediction_id=NOT_THERE,
        name="shop",
    )
    headers = build_headers(caller, whole, callers)
    for _ in range(2):  # the second time the data plane knows the caller, and may have the answer
        answer = send_request(client, method, filled, headers)
        if refusal is None:
            assert answer.status_code not in (401, 403), answer.text
            return
        assert answer.status_code == refusal, answer.text


@pytest.mark.parametrize("caller", [who for who in CALLERS[1:] if "admin" not in list_scopes(who)])
@pytest.mark.parametrize("whose", ["own", "other's"])
@pytest.mark.parametrize(
    ("method", "path"), [cell for cell in OPERATIONS if "{user_id}" in cell[1]], ids=lambda part: part
)
def test_account_owner_cannot_use_admin_operations(
    whole: Platform,
    callers: Callers,
    client: httpx.Client,
    *,
    method: str,
    path: str,
    caller: str,
    whose: str,
) -> None:
    owner = callers.owner(caller) if whose == "own" else callers.user_ids["admin"]
    filled = path.format(user_id=owner, key_id=callers.key_ids["admin"])
    assert send_request(client, method, filled, build_headers(caller, whole, callers)).status_code == 403


@pytest.mark.parametrize("caller", ROLES)
@pytest.mark.parametrize("owner", ROLES)
def test_only_the_owner_can_revoke_a_key(
    whole: Platform, callers: Callers, client: httpx.Client, *, caller: str, owner: str
) -> None:
    key_id, key_headers = whole.create_key(callers.user_ids[owner], "books:read")
    answer = client.delete(f"/v1/keys/{key_id}", headers=build_headers(caller, whole, callers))
    is_own = caller == owner
    assert answer.status_code == (204 if is_own else 404)
    assert client.get("/v1/books", headers=key_headers).status_code == (401 if is_own else 200)


def test_openapi_document_lists_the_required_scopes() -> None:
    for (method, path), operation in OPERATIONS.items():
        meant = next((scope for prefix, scope in MEANT.items() if path.startswith(prefix)), "")
        if path.startswith("/v1/users/me"):
            meant = ""
        elif meant == "books:":
            meant += "read" if method == "GET" else "write"
        assert get_scopes(operation) == ({meant} if meant else set()), (method, path)


def behind() -> list[tuple[str, str, str]]:
    """Service, method and path of everything that a service answers, health aside."""
    books = ("/v1/books", "/v1/categories", "/v1/category-tree", "/v1/changes", "/v1/statistics")
    prefixes = {"books-api": books, "search-api": ("/v1/search",)}
    return [
        (service, method, path.removeprefix("/v1"))
        for service, own in prefixes.items()
        for method, path in OPERATIONS
        if path.startswith(own)
    ]


def forge_headers(whole: Platform, callers: Callers) -> dict[str, str]:
    secret = whole.settings.internal_secret.get_secret_value()
    claims = {
        "iss": "bookstream-gateway",
        "sub": "u",
        "role": "admin",
        "scope": "admin books:read",
        "exp": 2**33,
    }
    aimed = claims | {"aud": "bookstream-services"}
    typed = {"typ": "internal+jwt"}
    return {
        "none": "",
        "nonsense": "x.y.z",
        "unsigned": jwt.encode(aimed, "", algorithm="none", headers=typed),
        "another secret": jwt.encode(aimed, "s" * 32, algorithm="HS256", headers=typed),
        "no type": jwt.encode(aimed, secret, algorithm="HS256"),
        "no audience": jwt.encode(claims, secret, algorithm="HS256", headers=typed),
        "another issuer": jwt.encode(aimed | {"iss": "x"}, secret, algorithm="HS256", headers=typed),
        "past": jwt.encode(aimed | {"exp": 1}, secret, algorithm="HS256", headers=typed),
        "no end": jwt.encode(
            {n: v for n, v in aimed.items() if n != "exp"}, secret, algorithm="HS256", headers=typed
        ),
        "an access token": whole.log_in(callers.user_ids["admin"])["Authorization"],
    }


@pytest.fixture(scope="module")
def service_clients(whole: Platform) -> Iterator[dict[str, httpx.Client]]:
    """The services themselves, past the gateway."""
    with (
        httpx.Client(base_url=whole.settings.books_api_urls[0], trust_env=False) as books,
        httpx.Client(base_url=whole.settings.search_api_urls[0], trust_env=False) as search,
    ):
        yield {"books-api": books, "search-api": search}


@pytest.mark.parametrize(("service", "method", "path"), behind(), ids=lambda part: part)
def test_service_requires_a_valid_internal_token_and_its_scope(
    whole: Platform,
    callers: Callers,
    service_clients: dict[str, httpx.Client],
    *,
    service: str,
    method: str,
    path: str,
) -> None:
    filled, client = path.format(book_id="shop:u01", category_id="fiction"), service_clients[service]
    operation = OPERATIONS[method, f"/v1{path}"]
    tokens = InternalTokens(whole.settings.internal_secret.get_secret_value())
    for scope in Scope:
        token = tokens.sign(Identity("u", Role.ADMIN, frozenset({scope.value})))
        answer = send_request(client, method, filled, {HEADER: token})
        is_open = get_scopes(operation) == {scope.value}
        assert (answer.status_code not in (401, 403)) is is_open, answer.text
    for kind, token in forge_headers(whole, callers).items() if method == "GET" else ():
        answer = client.request(
            method, filled, headers={HEADER: token, "X-User-Id": "u", "X-User-Role": "admin"}
        )
        assert answer.status_code == 401, kind


def test_service_health_and_openapi_document_are_public(whole: Platform) -> None:
    for app in whole.services.values():
        client = TestClient(app)  # its lifespan runs in the server already
        assert client.get("/health/live").status_code == 200
        assert client.get("/openapi.json").status_code == 200
