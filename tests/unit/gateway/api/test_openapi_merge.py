from bookcore.kit.openapi import Document
from gateway.api.openapi_merge import filter_by_scopes, get_scopes, merge_documents
from gateway.routing.routes import Service

OWN: Document = {
    "openapi": "3.1.0",
    "paths": {
        "/v1/users/me": {
            "get": {
                "operationId": "show_me",
                "security": [{"bearer": []}],
                "schema": {"$ref": "#/components/schemas/Book"},
            }
        }
    },
    "components": {"schemas": {"Book": {}, "Unused": {}, "Problem": {"own": True}}},
}
BOOKS: Document = {
    "paths": {
        "/books": {
            "get": {"operationId": "list", "schema": {"$ref": "#/components/schemas/Book"}},
            "post": {"operationId": "show_me", "schema": {"$ref": "#/components/schemas/Problem"}},
        },
        "/search": {"get": {}},
        "/health/live": {"get": {}},
    },
    "components": {
        "schemas": {
            "Book": {"items": [{"$ref": "#/components/schemas/Price[int]"}]},
            "Price[int]": {},
            "Problem": {"own": False},
        }
    },
}
MERGED = merge_documents(OWN, {Service.BOOKS: BOOKS})


def test_merged_document_has_routed_paths_with_their_scopes() -> None:
    assert set(MERGED["paths"]) == {"/v1/users/me", "/v1/books"}
    books = MERGED["paths"]["/v1/books"]
    assert books["get"]["security"] == [{"bearer": ["books:read"]}, {"apiKey": ["books:read"]}]
    assert get_scopes(books["post"]) == {"books:write"}
    assert {"401", "403", "429", "502", "503", "504"} <= set(books["get"]["responses"])


def test_duplicate_operation_id_gets_the_service_as_prefix() -> None:
    books = MERGED["paths"]["/v1/books"]
    assert (books["get"]["operationId"], books["post"]["operationId"]) == ("list", "books_api_show_me")


def test_schema_names_get_the_service_as_prefix_except_shared_ones() -> None:
    schemas = MERGED["components"]["schemas"]
    assert schemas["Book"] == {}
    assert "Unused" not in schemas
    assert schemas["BooksBook"] == {"items": [{"$ref": "#/components/schemas/BooksPriceint"}]}
    assert schemas["Problem"] == {"own": True}
    books = MERGED["paths"]["/v1/books"]
    assert books["get"]["schema"]["$ref"] == "#/components/schemas/BooksBook"
    assert books["post"]["schema"]["$ref"] == "#/components/schemas/Problem"


def test_document_for_scopes_has_their_operations_and_schemas() -> None:
    reading = filter_by_scopes(MERGED, frozenset({"books:read"}))
    assert {path: set(item) for path, item in reading["paths"].items()} == {
        "/v1/users/me": {"get"},
        "/v1/books": {"get"},
    }
    assert set(reading["components"]["schemas"]) == {"Book", "BooksBook", "BooksPriceint", "Problem"}
    assert set(filter_by_scopes(MERGED, frozenset({"ml"}))["paths"]) == {"/v1/users/me"}


def test_malformed_service_document_adds_nothing() -> None:
    assert merge_documents(OWN, {Service.SEARCH: {"paths": [], "components": 3}})["paths"] == OWN["paths"]
