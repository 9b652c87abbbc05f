"""Asking for prices over HTTP, rightly and wrongly."""

import math
from threading import Event

import orjson
import pytest
from fastapi.testclient import TestClient
from httpx2 import Client
from tests.promises import carries
from tests.unit.bookml.books import make_books
from tests.unit.ml_api.conftest import World

from bookcore.event_log import open_event_log
from bookcore.events.codec import decode
from bookcore.events.message import Record
from bookcore.events.ml import PredictionMade
from bookcore.events.topics import PREDICTED
from bookcore.kit.auth import HEADER
from bookml.facts import extract_facts
from ml_api.models.served_models import ServedModels

BOOK = {
    "title": "The lamp river",
    "pages": 500,
    "format": "Hardback",
    "publisher": "House 3",
    "category": "Shelf 1",
}


def ask(client: Client, **question: object) -> dict[str, object]:
    answer = client.post("/ml/predict", json=question)
    assert answer.status_code == 200, answer.text
    told: dict[str, object] = answer.json()
    return told


def parse_amount(told: dict[str, object]) -> float:
    price = told["price"]
    assert isinstance(price, dict)
    return float(price["amount"])


def wait_for(client: Client, path: str) -> dict[str, object]:
    pause = Event()
    for _ in range(200):
        answer = client.get(path)
        if answer.status_code == 200:
            told: dict[str, object] = answer.json()
            return told
        pause.wait(0.02)
    raise AssertionError(path)


def test_prediction_has_price_interval_and_model(client: TestClient) -> None:
    told = ask(client, source="good", features=BOOK)
    low, high = float(str(told["low"])), float(str(told["high"]))
    assert low < parse_amount(told) < high
    assert abs(parse_amount(told) - (4 + 15 + 9 + 6)) < 8
    assert (told["kind"], told["coverage"], told["reason"], told["features"]) == (
        "model",
        0.9,
        None,
        "price/1",
    )


def test_served_predictions_equal_those_of_the_trained_model(world: World, client: TestClient) -> None:
    book = make_books(30, signal=True, source="good")[7]
    models = ServedModels(world.stores().registry)
    models.refresh()
    champion = models.get_for_source("good", None).champion
    assert champion
    (estimate,) = champion.predictor.predict([extract_facts(book)])
    facts = extract_facts(book).as_dict
    told = ask(
        client,
        source="good",
        features={**{k: v for k, v in facts.items() if k != "details"}, **facts["details"]},
    )
    assert parse_amount(told) == estimate.price


@carries("honest-prediction")
def test_refused_model_returns_a_labelled_baseline_with_the_reason(client: TestClient) -> None:
    told = ask(client, source="noise", features=BOOK)
    assert (told["kind"], told["variant"]) == ("baseline", "baseline")
    assert "carry no signal" in str(told["reason"])
    other = ask(client, source="noise", features={"title": "Another", "pages": 20})
    assert parse_amount(told) == parse_amount(other)
    by_version = ask(client, source="noise", features=BOOK, version=told["version"])
    assert by_version["kind"] == "baseline"


def test_batch_predicts_valid_rows_and_reports_the_others(client: TestClient) -> None:
    rows: list[object] = [BOOK] * 10_000
    rows[17], rows[5_000], rows[9_999] = {"pages": "many"}, {**BOOK, "colour": "red"}, {}
    told = ask(client, source="good", batch=rows)
    items, errors = told["items"], told["errors"]
    assert isinstance(items, list)
    assert isinstance(errors, list)
    assert len(items) == 10_000
    assert [(e["row"], e["field"]) for e in errors] == [(17, "pages"), (5_000, "colour"), (9_999, None)]
    assert [at for at, item in enumerate(items) if item is None] == [17, 5_000, 9_999]
    assert {item["price"]["amount"] for item in items if item} == {items[0]["price"]["amount"]}


def test_known_books_are_predicted_by_id(client: TestClient) -> None:
    wait_for(client, "/ml/features?book_id=noise:b00259")
    wait_for(client, "/ml/features?book_id=good:b00299")
    told = ask(client, book_ids=["good:b00299", "good:none", "noise:b00259"])
    items, errors = told["items"], told["errors"]
    assert isinstance(items, list)
    assert [item and item["kind"] for item in items] == ["model", None, "baseline"]
    assert errors == [{"row": 1, "field": "book_ids", "detail": "no such book"}]
    assert items[0]["book_id"] == "good:b00299"


def test_unseen_names_are_noted(client: TestClient) -> None:
    told = ask(client, source="good", features={**BOOK, "publisher": "Unheard of"})
    assert told["notes"] == ["no book with this publisher was among those that the model was trained on"]


def test_factors_of_an_explanation_multiply_to_the_price(client: TestClient) -> None:
    told = ask(client, source="good", features=BOOK, explain=True)
    parts = told["explanation"]
    assert isinstance(parts, list)
    assert math.prod(part["factor"] for part in parts) == pytest.approx(1 + parse_amount(told), rel=0.01)
    assert any(part["feature"] == "pages" for part in parts)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"[]", "body"),
        (b"{}", "features"),
        (b'{"features": {"title": "a"}}', "source"),
        (b'{"source": "good", "features": {}}', "features"),
        (b'{"source": "good", "features": {"title": "a"}, "batch": [{}]}', "features"),
        (b'{"source": "good", "features": {"pages": "12"}}', "features.pages"),
        (b'{"source": "good", "features": {"pages": 0}}', "features.pages"),
        (b'{"source": "good", "features": {"rating": NaN}}', "features.rating"),
        (b'{"source": "good", "features": {"rating": Infinity}}', "features.rating"),
        (b'{"source": "good", "features": {"price": 0}}', "features.price"),
        (b'{"source": "good", "features": {"title": ["a"]}}', "features.title"),
        (b'{"source": "../etc", "features": {"title": "a"}}', "source"),
        (b'{"source": "good", "batch": []}', "batch"),
        (b'{"source": "good", "features": {"title": "a"}, "version": 0}', "version"),
    ],
)
def test_invalid_request_is_rejected_by_field(client: TestClient, body: bytes, field: str) -> None:
    answer = client.post("/ml/predict", content=body)
    assert (answer.status_code, answer.json().get("field")) == (422, field)
    assert "/" not in answer.json()["detail"].replace("and/or", "")


@pytest.mark.parametrize(
    "question", [{"source": "nowhere", "features": BOOK}, {"source": "good", "features": BOOK, "version": 99}]
)
def test_unknown_source_or_version_is_not_found(client: TestClient, question: dict[str, object]) -> None:
    assert client.post("/ml/predict", json=question).status_code == 404


def test_requests_without_the_gateways_token_are_rejected(client: TestClient) -> None:
    for path in ("/ml/models", "/ml/metrics", "/ml/experiments", "/ml/features"):
        assert client.get(path, headers={HEADER: "x"}).status_code == 401
    assert client.post("/ml/predict", json={}, headers={HEADER: ""}).status_code == 401


def test_every_prediction_is_a_row_and_an_event(world: World, client: TestClient) -> None:
    told = ask(client, source="good", features=BOOK)
    found = wait_for(client, f"/ml/predictions/{told['id']}")
    row = found["prediction"]
    assert isinstance(row, dict)
    assert (row["price"], row["variant"]) == (told["price"]["amount"], "champion")  # type: ignore[index]  # a price
    log = open_event_log(world.settings.event_log_url)
    pause = Event()
    events: list[PredictionMade] = []
    for _ in range(100):
        records: list[Record] = [
            r for p in range(PREDICTED.partitions) for r in log.read(PREDICTED.name, p, 0, 10)
        ]
        events = [e for r in records if isinstance(e := decode(r).event, PredictionMade)]
        if events:
            break
        pause.wait(0.02)
    log.close()
    assert [(e.prediction_id, e.price, e.snapshot) for e in events] == [
        (told["id"], row["price"], told["snapshot"])
    ]


def test_prediction_leads_to_the_rows_of_its_snapshot(client: TestClient) -> None:
    told = ask(client, source="good", features=BOOK)
    found = client.get(f"/ml/predictions/{told['id']}").json()
    assert (found["model"]["digest"], found["snapshot"]["id"]) == (told["digest"], told["snapshot"])
    answer = client.get(found["snapshot"]["training_data"])
    lines = [orjson.loads(line) for line in answer.content.splitlines()]
    assert len(lines) == found["snapshot"]["rows"]
    assert lines[0].keys() >= {"id", "price", "currency", "work", "title", "details"}
    few = client.get("/ml/training-data?source=good&category=Shelf 1&limit=3").content.splitlines()
    assert [orjson.loads(line)["category"] for line in few] == ["Shelf 1"] * 3
    assert client.get("/ml/training-data?source=noise&snapshot=" + told["snapshot"]).status_code == 404  # type: ignore[operator]  # text


def test_bounds_are_amounts_like_the_price(client: TestClient) -> None:
    told = ask(client, source="good", features=BOOK)
    assert told["interval"] == {
        "low": {"amount": told["low"], "currency": "GBP"},
        "high": {"amount": told["high"], "currency": "GBP"},
    }
    amounts = client.get(f"/ml/predictions/{told['id']}").json()["amounts"]
    assert (amounts["price"], amounts["observed"]) == (told["price"], None)


def test_training_data_of_several_categories_is_streamed_as_json_lines(client: TestClient) -> None:
    answer = client.get("/ml/training-data?source=good&category=Shelf 1&category=Shelf 2&currency=GBP")
    assert answer.headers["content-type"] == "application/x-ndjson"
    found = {orjson.loads(line)["category"] for line in answer.content.splitlines()}
    assert found == {"Shelf 1", "Shelf 2"}
    refused = client.get("/ml/training-data?source=good&category=Shelf 1,Shelf 2")
    assert (refused.status_code, refused.json()["field"]) == (422, "category")
    for currency in ("RSD", "GBP&snapshot=none"):
        assert client.get(f"/ml/training-data?source=good&currency={currency}").status_code == 404


def test_no_route_ignores_an_unknown_parameter(client: TestClient) -> None:
    for path in ("/ml/models", "/ml/metrics", "/ml/experiments", "/ml/features", "/ml/training-data"):
        assert client.get(f"{path}?source=good&colour=red").json()["detail"].count("colour: ") == 1
    asked = client.post("/ml/predict?colour=red", json={"source": "good", "features": BOOK})
    assert (asked.status_code, asked.json()["field"]) == (422, "colour")
