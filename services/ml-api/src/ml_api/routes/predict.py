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
from ml_api.routes.dependencies import Collaborators
from ml_api.routes.schemas import BatchOut, FeaturesIn, PredictIn, PredictionOut, RowError
from ml_api.serving.prediction_service import Answer, Asked, Wanted


class _Plain(APIRoute):
    """Described like any route, answered without FastAPI's machinery: no dependencies, no copies."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Other methods, and errors, end where they always do."""
        if scope["method"] == "POST":
            body = await _answer(scope, receive)
            length = (b"content-length", str(len(body)).encode())
            await send({"type": "http.response.start", "status": 200, "headers": [_JSON, length]})
            await send({"type": "http.response.body", "body": body})
        else:
            await super().handle(scope, receive, send)


router = APIRouter(tags=["predictions"], route_class=_Plain)
_JSON = (b"content-type", b"application/json")
_TOKEN = HEADER.lower().encode()
_FEW = 16
"""Rows that are answered in the event loop itself; more go to a thread, so that nobody waits for them."""
_MOST_EXPLAINED = 100
"""Rows: each costs some milliseconds."""
_LARGEST_BODY = 16 * 1024 * 1024


def _body_schema() -> dict[str, Any]:  # Any: OpenAPI
    """The question's schema with the book's inside it: in an OpenAPI document definitions stand elsewhere."""
    schema = PredictIn.model_json_schema()
    book = schema.pop("$defs")["FeaturesIn"]
    schema["properties"]["features"]["anyOf"][0] = book
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_BODY = _body_schema()


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


async def _answer(scope: Scope, receive: Receive) -> bytes:
    began = time.perf_counter()
    state = scope["app"].state
    token = next((value.decode("latin-1") for name, value in scope["headers"] if name == _TOKEN), None)
    who = authorize(state.internal_tokens, token, (Scopes.ML.value,))
    parts: Collaborators = state.collaborators
    asked = _read(await _body(receive))
    if (
        asked.book_ids is None
        and len(asked.batch or ()) <= _FEW
        and not asked.explain
        and asked.version is None
    ):
        told = _answered(parts, asked, who.user_id)
    else:
        told = await run_in_threadpool(_answered, parts, asked, who.user_id)
    _count(parts, told, time.perf_counter() - began)
    return orjson.dumps(told)


def _count(parts: Collaborators, told: Answer, seconds: float) -> None:
    items = told.get("items", [told])
    answers = [each for each in items if each] if isinstance(items, list) else []
    if answers:
        parts.metrics.note(str(answers[0]["model"]), str(answers[0]["kind"]), len(answers), seconds)


async def _body(receive: Receive) -> bytes:
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


def _read(body: bytes) -> PredictIn:
    try:
        asked = PredictIn.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error) from error
    given = [name for name in ("features", "batch", "book_ids") if getattr(asked, name) is not None]
    if len(given) != 1:
        raise Invalid("give exactly one of features, batch and book_ids", field="features")
    if asked.explain and len(asked.batch or asked.book_ids or ()) > _MOST_EXPLAINED:
        raise Invalid(f"at most {_MOST_EXPLAINED} rows are explained at once", field="explain")
    if asked.book_ids is None and asked.source is None:
        raise Invalid("say whose prices are asked for", field="source")
    if asked.features is not None and asked.features == _NOTHING:
        raise Invalid("tell at least one fact of the book", field="features")
    return asked


_NOTHING = FeaturesIn()


def _invalid(error: ValidationError) -> Invalid:
    """The place and what is wrong, never what stood there."""
    first = error.errors(include_url=False, include_input=False)[0]
    return Invalid(explain_error(first), field=locate_error(first) or "body")


def _answered(parts: Collaborators, asked: PredictIn, user: str) -> Answer:
    if asked.book_ids is not None:
        return _known_books(parts, asked, user)
    line = parts.models.line(asked.source or "", asked.currency)
    wanted = Wanted(line, asked.version, asked.explain)
    if asked.features is not None:
        facts = asked.features.to_facts()
        subject = asked.subject or facts.work
        return parts.answering.answer(wanted, [Asked(facts, None, subject)])[0]
    rows, errors = _rows(asked.batch or [], asked.subject)
    return _batch(parts.answering.answer(wanted, list(rows.values())), rows, errors, len(asked.batch or []))


def _rows(batch: Sequence[Any], subject: str | None) -> tuple[dict[int, Asked], list[RowError]]:
    rows: dict[int, Asked] = {}
    errors: list[RowError] = []
    for at, told in enumerate(batch):
        try:
            features = FeaturesIn.model_validate(told)
            if features == _NOTHING:
                raise Invalid("tell at least one fact of the book", field=None)
        except ValidationError as error:
            wrong = _invalid(error)
            errors.append(RowError(row=at, field=wrong.field, detail=wrong.reason))
        except Invalid as error:
            errors.append(RowError(row=at, field=None, detail=error.reason))
        else:
            facts = features.to_facts()
            rows[at] = Asked(facts, None, subject or facts.work)
    return rows, errors


def _known_books(parts: Collaborators, asked: PredictIn, user: str) -> Answer:
    """By id: the source is the id's first half; books that aren't known are errors of their rows."""
    ids = asked.book_ids or []
    known = parts.online.get(ids)
    rows: dict[int, Asked] = {}
    errors: list[RowError] = []
    answers: dict[int, Answer] = {}
    by_line: dict[tuple[str, str], list[int]] = {}
    for at, book_id in enumerate(ids):
        book = known.get(book_id)
        if book is None or book.facts is None:
            errors.append(RowError(row=at, field="book_ids", detail="no such book"))
            continue
        rows[at] = Asked(book.facts, book_id, asked.subject or book_id)
        by_line.setdefault((book_id.partition(":")[0], asked.currency or book.currency), []).append(at)
    for (source, currency), places in by_line.items():
        try:
            wanted = Wanted(parts.models.line(source, currency), asked.version, asked.explain)
        except NotFound as error:
            errors += [RowError(row=at, field="book_ids", detail=str(error)) for at in places]
            continue
        made = parts.answering.answer(wanted, [rows[at] for at in places])
        answers |= dict(zip(places, made, strict=True))
    return {"items": [answers.get(at) for at in range(len(ids))], "errors": _plain(errors)}


def _batch(made: Sequence[Answer], rows: dict[int, Asked], errors: list[RowError], total: int) -> Answer:
    answers = dict(zip(rows, made, strict=True))
    return {"items": [answers.get(at) for at in range(total)], "errors": _plain(errors)}


def _plain(errors: Sequence[BaseModel]) -> list[dict[str, Any]]:
    return sorted((error.model_dump() for error in errors), key=lambda error: error["row"])
