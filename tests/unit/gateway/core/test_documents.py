from gateway.core.documents import Document, merge
from gateway.core.routes import Service

OWN: Document = {"openapi": "3.1.0", "paths": {"/v1/users/me": {}}, "components": {"schemas": {"Book": {}}}}
BOOKS: Document = {
    "paths": {
        "/books": {"get": {"operationId": "list", "schema": {"$ref": "#/components/schemas/Book"}}},
        "/health/live": {"get": {}},
    },
    "components": {"schemas": {"Book": {"items": [{"$ref": "#/components/schemas/Price[int]"}]}}},
}


def test_routed_paths_come_under_v1_and_ask_for_a_token() -> None:
    merged = merge(OWN, {Service.BOOKS: BOOKS})
    assert set(merged["paths"]) == {"/v1/users/me", "/v1/books"}
    operation = merged["paths"]["/v1/books"]["get"]
    assert operation["security"] == [{"HTTPBearer": []}]
    assert operation["operationId"] == "books-api.list"


def test_equal_schema_names_do_not_meet() -> None:
    merged = merge(OWN, {Service.BOOKS: BOOKS})
    schemas = merged["components"]["schemas"]
    assert schemas["Book"] == {}
    assert schemas["books-api.Book"] == {"items": [{"$ref": "#/components/schemas/books-api.Price_int_"}]}
    reference = merged["paths"]["/v1/books"]["get"]["schema"]["$ref"]
    assert reference == "#/components/schemas/books-api.Book"


def test_a_document_of_odd_shape_adds_nothing() -> None:
    assert merge(OWN, {Service.SEARCH: {"paths": [], "components": 3}})["paths"] == OWN["paths"]
