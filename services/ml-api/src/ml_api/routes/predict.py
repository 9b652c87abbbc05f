"""Asking for prices. The path is plain ASGI: FastAPI's own ways would cost as much as half a prediction."""

import time
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from bookcore.domain.errors import Invalid, NotFound
from bookcore.kit.auth import HEADER, authorize
from bookcore.kit.auth import Scope as Scopes
from bookcore.kit.openapi import describe_problems
from bookcore.kit.validation import explain_error, locate_error
from ml_api.routes.dependencies import ServiceState
from ml_api.routes.schemas import BatchOut, FeaturesIn, PredictIn, PredictionOut, RowError
from ml_api.serving.prediction_service import Answer, PredictionOptions, PredictionRequest


class _PlainRoute(APIRoute):
    """Described like any route, answered without FastAPI's machinery: no dependencies, no copies."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Other methods, and errors, end where they always do."""
        if scope["method"] == "POST":
            body = await _handle_request(scope, receive)
            length = (b"content-length", str(len(body)).encode())
            await send({"type": "http.response.start", "status": 200, "headers": [_JSON, length]})
            await send({"type": "http.response.body", "body": body})
        else:
            await super().handle(scope, receive, send)


router = APIRouter(tags=["predictions"], route_class=_PlainRoute)
_JSON = (b"content-type", b"application/json")
_TOKEN = HEADER.lower().encode()
_SMALL_BATCH = 16
"""Rows that are answered in the event loop itself; more go to a thread, so that nobody waits for them."""
_MOST_EXPLAINED = 100
"""Rows: each costs some milliseconds."""
_LARGEST_BODY = 16 * 1024 * 1024


def _build_body_schema() -> dict[str, Any]:  # Any: OpenAPI
    """The question's schema with the book's inside it: in an OpenAPI document definitions stand elsewhere."""
    schema = PredictIn.model_json_schema()
    book = schema.pop("$defs")["FeaturesIn"]
    schema["properties"]["features"]["anyOf"][0] = book
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_BODY = _build_body_schema()


@router.post(
    "/ml/predict",
    operation_id="predict_price",
    response_model=None,
    responses={200: {"model": PredictionOut | BatchOut}, **describe_problems("invalid", "not-found")},
    openapi_extra=_BODY,
)
async def predict() -> None:
    """The price that a shop of the source would print, with the interval that holds it nine times out of ten.

    One book by `features`, many by `batch`, known ones by `book_ids`. Where no model may be used the answer
    is a baseline, says so, and says why. A batch answers the good rows and tells what is wrong with others.
    """


async def _handle_request(scope: Scope, receive: Receive) -> bytes:
    began = time.perf_counter()
    state = scope["app"].state
    token = next((value.decode("latin-1") for name, value in scope["headers"] if name == _TOKEN), None)
    who = authorize(state.internal_tokens, token, (Scopes.ML.value,))
    parts: ServiceState = state.collaborators
    asked = _parse_body(await _read_body(receive))
    if (
        asked.book_ids is None
        and len(asked.batch or ()) <= _SMALL_BATCH
        and not asked.explain
        and asked.version is None
    ):
        told = _predict(parts, asked, who.user_id)
    else:
        told = await run_in_threadpool(_predict, parts, asked, who.user_id)
    _record_metrics(parts, told, time.perf_counter() - began)
    return orjson.dumps(told)


def _record_metrics(parts: ServiceState, told: Answer, seconds: float) -> None:
    items = told.get("items", [told])
    answers = [each for each in items if each] if isinstance(items, list) else []
    if answers:
        parts.metrics.record(str(answers[0]["model"]), str(answers[0]["kind"]), len(answers), seconds)


async def _read_body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body") and len(body) <= _LARGEST_BODY:
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise Invalid("broke off", field="body")
    if len(body) > _LARGEST_BODY:
        raise Invalid(f"is larger than {_LARGEST_BODY} bytes", field="body")
    return body


def _parse_body(body: bytes) -> PredictIn:
    try:
        asked = PredictIn.model_validate_json(body)
    except ValidationError as error:
        raise _translate_error(error) from error
    given = [name for name in ("features", "batch", "book_ids") if getattr(asked, name) is not None]
    if len(given) != 1:
        raise Invalid("give exactly one of features, batch and book_ids", field="features")
    if asked.explain and len(asked.batch or asked.book_ids or ()) > _MOST_EXPLAINED:
        raise Invalid(f"at most {_MOST_EXPLAINED} rows are explained at once", field="explain")
    if asked.book_ids is None and asked.source is None:
        raise Invalid("say whose prices are asked for", field="source")
    if asked.features is not None and asked.features == _NO_FEATURES:
        raise Invalid("tell at least one fact of the book", field="features")
    return asked


_NO_FEATURES = FeaturesIn()


def _translate_error(error: ValidationError) -> Invalid:
    """The place and what is wrong, never what stood there."""
    first = error.errors(include_url=False, include_input=False)[0]
    return Invalid(explain_error(first), field=locate_error(first) or "body")


def _predict(parts: ServiceState, asked: PredictIn, user: str) -> Answer:
    if asked.book_ids is not None:
        return _predict_known_books(parts, asked, user)
    line = parts.models.get_for_source(asked.source or "", asked.currency)
    wanted = PredictionOptions(line, asked.version, asked.explain)
    if asked.features is not None:
        facts = asked.features.to_facts()
        subject = asked.subject or facts.work_key
        return parts.service.predict(wanted, [PredictionRequest(facts, None, subject)])[0]
    rows, errors = _parse_batch(asked.batch or [], asked.subject)
    return _build_batch(
        parts.service.predict(wanted, list(rows.values())), rows, errors, len(asked.batch or [])
    )


def _parse_batch(
    batch: Sequence[Any], subject: str | None
) -> tuple[dict[int, PredictionRequest], list[RowError]]:
    rows: dict[int, PredictionRequest] = {}
    errors: list[RowError] = []
    for at, told in enumerate(batch):
        try:
            features = FeaturesIn.model_validate(told)
            if features == _NO_FEATURES:
                raise Invalid("tell at least one fact of the book", field=None)
        except ValidationError as error:
            wrong = _translate_error(error)
            errors.append(RowError(row=at, field=wrong.field, detail=wrong.reason))
        except Invalid as error:
            errors.append(RowError(row=at, field=None, detail=error.reason))
        else:
            facts = features.to_facts()
            rows[at] = PredictionRequest(facts, None, subject or facts.work_key)
    return rows, errors


def _predict_known_books(parts: ServiceState, asked: PredictIn, user: str) -> Answer:
    """By id: the source is the id's first half; books that aren't known are errors of their rows."""
    ids = asked.book_ids or []
    known = parts.online.get(ids)
    rows: dict[int, PredictionRequest] = {}
    errors: list[RowError] = []
    answers: dict[int, Answer] = {}
    by_line: dict[tuple[str, str], list[int]] = {}
    for at, book_id in enumerate(ids):
        book = known.get(book_id)
        if book is None or book.facts is None:
            errors.append(RowError(row=at, field="book_ids", detail="no such book"))
            continue
        rows[at] = PredictionRequest(book.facts, book_id, asked.subject or book_id)
        by_line.setdefault((book_id.partition(":")[0], asked.currency or book.currency), []).append(at)
    for (source, currency), places in by_line.items():
        try:
            wanted = PredictionOptions(
                parts.models.get_for_source(source, currency), asked.version, asked.explain
            )
        except NotFound as error:
            errors += [RowError(row=at, field="book_ids", detail=str(error)) for at in places]
            continue
        made = parts.service.predict(wanted, [rows[at] for at in places])
        answers |= dict(zip(places, made, strict=True))
    return {"items": [answers.get(at) for at in range(len(ids))], "errors": _dump_errors(errors)}


def _build_batch(
    made: Sequence[Answer], rows: dict[int, PredictionRequest], errors: list[RowError], total: int
) -> Answer:
    answers = dict(zip(rows, made, strict=True))
    return {"items": [answers.get(at) for at in range(total)], "errors": _dump_errors(errors)}


def _dump_errors(errors: Sequence[BaseModel]) -> list[dict[str, Any]]:
    return sorted((error.model_dump() for error in errors), key=lambda error: error["row"])
