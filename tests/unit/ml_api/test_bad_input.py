"""What is amiss is said by place and kind, never with what lies behind."""

import asyncio
import shutil
import time
from pathlib import Path

import orjson
import pytest
from fastapi.testclient import TestClient
from starlette.types import Message
from tests.gateway.rolling import wait_until
from tests.unit.ml_api.conftest import World
from tests.unit.ml_api.test_models import NAME, put_to_use
from tests.unit.ml_api.test_predict import BOOK, ask, parse_amount

from bookml.artifact import MODEL
from ml_api.models.served_models import ServedModels

BEHIND = ("/", "Traceback", "pydantic", "sqlite", "numpy", "onnx", "features_of", "0x")


def says_nothing_of_what_lies_behind(text: str, *, but: str = "") -> bool:
    detail = str(orjson.loads(text)["detail"]).replace(but, "")
    return not any(word.casefold() in detail.casefold() for word in BEHIND)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"rating": "NaN"}, "rating"),
        ({"rating": 1e308}, "rating"),
        ({"price": 0}, "price"),
        ({"pages": 12.5}, "pages"),
        ({"pages": True}, "pages"),
        ({"authors": "One"}, "authors"),
        ({"authors": [1]}, "authors.0"),
        ({"title": None}, "title"),
        ({"year": 10**30}, "year"),
        ({"description": "a" * 100_001}, "description"),
        ([], None),
        ("book", None),
        (None, None),
    ],
)
def test_invalid_row_of_a_batch_is_reported_by_field_and_others_are_predicted(
    client: TestClient, row: object, field: str | None
) -> None:
    told = ask(client, source="good", batch=[BOOK, row, BOOK])
    items, errors = told["items"], told["errors"]
    assert isinstance(items, list)
    assert isinstance(errors, list)
    assert [item is not None for item in items] == [True, False, True]
    assert [(error["row"], error["field"]) for error in errors] == [(1, field or "body")]
    assert says_nothing_of_what_lies_behind(orjson.dumps(errors[0]).decode())


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"source": "good", "features": {"title": "\xff"}}', b"\x80\x04"]
)
def test_malformed_bodies_are_rejected(client: TestClient, body: bytes) -> None:
    answer = client.post("/ml/predict", content=body)
    assert answer.status_code == 422
    assert says_nothing_of_what_lies_behind(answer.text)


def test_endless_body_is_not_read_completely(client: TestClient) -> None:
    answer = client.post("/ml/predict", content=b" " * (17 * 1024 * 1024))
    assert answer.status_code in (413, 422)


def test_unseen_category_is_noted_and_priced(client: TestClient) -> None:
    told = ask(client, source="good", features={**BOOK, "category": "Shelf 99"})
    assert told["notes"] == ["no book with this category was among those that the model was trained on"]
    assert told["kind"] == "model"
    assert parse_amount(told) > 0


def test_extreme_books_have_finite_prices_inside_their_intervals(client: TestClient) -> None:
    most = {"pages": 99_999, "weight_g": 100_000, "width_mm": 5_000, "height_mm": 5_000, "reviews": 10**9}
    odd = {"title": "(" * 1_000, "description": "\u0000 \u202e ﷺ " * 500, "authors": ["a"] * 100}
    for book in (most, odd, {"title": " "}, {"rating": 0.0}):
        told = ask(client, source="good", features=book)
        low, high = float(str(told["low"])), float(str(told["high"]))
        assert 0 <= low <= parse_amount(told) <= high < 1e9


def test_missing_snapshot_is_not_found_and_predictions_continue(world: World) -> None:
    with world.client() as client:
        told = ask(client, source="good", features=BOOK)
        shutil.rmtree(Path(world.settings.lake_url.removeprefix("file://")) / "ml")
        for path in (
            "source=good",
            f"source=good&snapshot={told['snapshot']}",
            "source=good&snapshot=../../etc",
        ):
            answer = client.get(f"/ml/training-data?{path}")
            assert answer.status_code == 404
            assert says_nothing_of_what_lies_behind(answer.text)
        assert ask(client, source="good", features=BOOK)["price"] == told["price"]
        found = client.get(f"/ml/predictions/{told['id']}").json()
        assert (found["snapshot"], found["model"]["version"]) == (None, told["version"])


def test_explanation_needs_no_registry_and_limits_rows(world: World) -> None:
    with world.client() as client:
        shutil.rmtree(Path(world.settings.registry_url.removeprefix("file://")))
        wait_until(lambda: "ml_registry_trouble 1" in client.get("/ml/metrics").text)
        began = time.monotonic()
        told = ask(client, source="good", batch=[BOOK] * 100, explain=True)
        assert time.monotonic() - began < 20  # 100 rows of a small model take a tenth of a second
        items = told["items"]
        assert isinstance(items, list)
        assert all(item["explanation"] for item in items)
        answer = client.post("/ml/predict", json={"source": "good", "batch": [BOOK] * 101, "explain": True})
        assert (answer.status_code, answer.json()["field"]) == (422, "explain")


@pytest.mark.parametrize("part", [NAME, f"{NAME}/decisions", f"{NAME}/2"])
def test_registry_that_lost_a_model_changes_nothing(world: World, part: str) -> None:
    put_to_use(world, 2)
    with world.client() as client:
        before = ask(client, source="good", features=BOOK)
        shutil.rmtree(Path(world.settings.registry_url.removeprefix("file://")) / part)
        wait_until(lambda: "ml_registry_trouble 1" in client.get("/ml/metrics").text)
        after = ask(client, source="good", features=BOOK)
    assert (after["version"], after["price"], after["kind"]) == (2, before["price"], "model")


def test_pickle_in_place_of_a_model_is_never_opened(world: World) -> None:
    path = Path(world.settings.registry_url.removeprefix("file://")) / NAME / "1" / MODEL
    path.write_bytes(b"\x80\x04\x95cos\nsystem\n(S'exit 1'\ntR.")
    models = ServedModels(world.stores().registry)
    models.refresh()
    champion = models.get_for_source("good", None).champion
    assert champion is None or champion.version.version == 2
    with world.client() as client:
        answer = client.post("/ml/predict", json={"source": "good", "features": BOOK, "version": 1})
        assert answer.status_code == 422
        assert answer.json()["field"] == MODEL
        assert says_nothing_of_what_lies_behind(answer.text, but=MODEL)


def test_client_that_disconnects_during_its_request_is_no_server_error(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    arriving: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    told: list[Message] = []

    async def receive() -> Message:
        return arriving.pop(0)

    async def send(message: Message) -> None:
        told.append(message)

    with world.client() as client:
        headers = [(name.lower().encode(), value.encode()) for name, value in client.headers.items()]
        scope = {"type": "http", "method": "POST", "path": "/ml/predict", "query_string": b""}

        async def leave() -> None:
            await client.app({**scope, "headers": headers}, receive, send)

        asyncio.run(leave())
    assert told[0]["status"] == 422
    assert "request failed" not in capfd.readouterr().err
