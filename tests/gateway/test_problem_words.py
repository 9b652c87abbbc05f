"""Every 422 of every operation is in our own words: no regular expression, no text of a validator."""

import re
from collections.abc import Iterator

import httpx
import pytest
from docs.generate import build_merged_openapi
from tests.gateway.whole import Headers, Platform

from bookcore.kit.auth import Role
from bookcore.kit.openapi import SCHEMAS, Document, list_operations

MERGED = build_merged_openapi()
OPERATIONS = [
    (method, path, operation)
    for path, item in MERGED["paths"].items()
    for method, operation in list_operations(item).items()
]
FOREIGN = re.compile(
    r"Input should|String should|Value error|Field required|Extra inputs|pydantic|unable to parse|"
    r"\[A-Z|\[a-z|\\d|\^|\)\?|\.\*|Traceback|NoneType|Decimal\(|<class"
)
VALUES = ("", "x" * 3_000, "-1", "1e99", "NaN", "[]", "é;\x00", "2026-13-01")
BODIES: tuple[object, ...] = (None, [], "text", 7, {}, {"colour": "red"})
WRONG: tuple[object, ...] = (None, -1, "x" * 200_001, "a;b", [], [1], {}, {"colour": 1}, True)


@pytest.fixture(scope="module")
def admin(whole: Platform) -> Headers:
    return whole.log_in(whole.register_user("words@words.example", Role.ADMIN))


def list_bodies(operation: Document) -> Iterator[object]:
    """Wrong bodies, and the example with each field wrong."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return
    yield from BODIES
    schema = content["schema"]
    if "$ref" in schema:
        schema = MERGED["components"]["schemas"][schema["$ref"].removeprefix(SCHEMAS)]
    for name in schema["properties"]:
        for value in WRONG:
            yield {**content["example"], name: value}


def collect_refusals(answers: Iterator[httpx.Response]) -> list[str]:
    found = []
    for answer in answers:
        assert answer.status_code < 500, answer.text
        if answer.status_code == 422:
            found.append(answer.json()["detail"])
    return found


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[op["operationId"] for _, _, op in OPERATIONS]
)
def test_refusals_are_in_own_words(
    whole: Platform, admin: Headers, method: str, path: str, operation: Document
) -> None:
    target = re.sub(r"{[^}]*}", "x", path)

    def ask(client: httpx.Client) -> Iterator[httpx.Response]:
        yield client.request(method, f"{target}?colour=red")
        for parameter in operation.get("parameters", []):
            for value in VALUES if parameter["in"] == "query" else ():
                yield client.request(method, target, params={parameter["name"]: value})
        for body in list_bodies(operation):
            yield client.request(method, target, json=body)
        if "requestBody" in operation:
            yield client.request(method, target, content=b"{", headers={"Content-Type": "application/json"})

    with httpx.Client(base_url=whole.address, headers=admin, trust_env=False, timeout=30) as client:
        refusals = collect_refusals(ask(client))
    assert refusals != []
    assert [text for text in refusals if FOREIGN.search(text) or len(text) > 600] == []
