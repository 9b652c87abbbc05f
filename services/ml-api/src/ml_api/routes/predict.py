"""`POST /ml/predict`. Plain ASGI: FastAPI's request handling would cost half as much as a prediction."""

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import orjson
from fastapi import APIRouter
from fastapi.params import Security
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from bookcore.domain.errors import Invalid, NotFound
from bookcore.kit.auth import HEADER, authorize
from bookcore.kit.openapi import describe_problems
from bookcore.kit.query_parameters import NO_PARAMETERS, check_names
from bookcore.kit.validation import build_invalid
from ml_api.routes.dependencies import ServiceState
from ml_api.routes.schemas import BatchOut, FeaturesIn, PredictIn, PredictionOut
from ml_api.serving.prediction import (
    Prediction,
    PredictionBatch,
    PredictionOptions,
    PredictionRequest,
    RejectedRow,
)

_JSON = (b"content-type", b"application/json")
_TOKEN = HEADER.lower().encode()
_SMALL_BATCH = 16
"""Rows that are predicted in the event loop; more rows go to a thread, so that other requests don't wait."""
_MAX_EXPLAINED = 100
"""Rows; each costs some milliseconds."""
_MAX_BODY = 16 * 1024 * 1024  # bytes
_NO_FEATURES = FeaturesIn()


class _PlainRoute(APIRoute):
    """Documented and protected like any route, handled without FastAPI's dependencies and copies."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Other methods and errors are handled by FastAPI."""
        if scope["method"] == "POST":
            query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            check_names([name for name, _ in query], NO_PARAMETERS)
            body = await _handle_request(self._scopes, scope, receive)
            length = (b"content-length", str(len(body)).encode())
            await send({"type": "http.response.start", "status": 200, "headers": [_JSON, length]})
            await send({"type": "http.response.body", "body": body})
        else:
            await super().handle(scope, receive, send)

    @property
    def _scopes(self) -> Sequence[str]:
        """Scopes of the declared dependencies (`require_scope`)."""
        declared = (dependency for dependency in self.dependencies if isinstance(dependency, Security))
        return [scope for dependency in declared for scope in dependency.scopes or ()]


router = APIRouter(tags=["predictions"], route_class=_PlainRoute)


def _build_body_schema() -> dict[str, Any]:  # Any: OpenAPI
    """The schema of PredictIn with that of the book inside: OpenAPI has its definitions elsewhere."""
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
    """Predict the price that a shop of the source would print, with its 90 % interval.

    Give one book by `features`, many by `batch`, or known ones by `book_ids`. Where no model may be used the
    prediction is a labelled baseline with the reason. Invalid rows of a batch are listed in `errors`; the
    others are predicted.
    """


async def _handle_request(scopes: Sequence[str], scope: Scope, receive: Receive) -> bytes:
    started = time.perf_counter()
    app_state = scope["app"].state
    token = next((value.decode("latin-1") for name, value in scope["headers"] if name == _TOKEN), None)
    authorize(app_state.internal_tokens, token, scopes)
    state: ServiceState = app_state.collaborators
    body = _parse_body(await _read_body(receive))
    is_small = body.book_ids is None and len(body.batch or ()) <= _SMALL_BATCH
    if is_small and not body.explain and body.version is None:
        result = _predict(state, body)
    else:
        result = await run_in_threadpool(_predict, state, body)
    _record_metrics(state, result, time.perf_counter() - started)
    return orjson.dumps(result)


def _record_metrics(state: ServiceState, result: Prediction | PredictionBatch, seconds: float) -> None:
    items = result.items if isinstance(result, PredictionBatch) else [result]
    predictions = [item for item in items if item is not None]
    if predictions:
        state.metrics.record(predictions[0].model, predictions[0].kind, len(predictions), seconds)


async def _read_body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body") and len(body) <= _MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise Invalid("broke off", field="body")
    if len(body) > _MAX_BODY:
        raise Invalid(f"is larger than {_MAX_BODY} bytes", field="body")
    return body


def _parse_body(content: bytes) -> PredictIn:
    try:
        body = PredictIn.model_validate_json(content)
    except ValidationError as error:
        invalid = build_invalid(error)
        raise Invalid(invalid.reason, field=invalid.field or "body") from error
    given = [name for name in ("features", "batch", "book_ids") if getattr(body, name) is not None]
    if len(given) != 1:
        raise Invalid("give exactly one of features, batch and book_ids", field="features")
    if body.explain and len(body.batch or body.book_ids or ()) > _MAX_EXPLAINED:
        raise Invalid(f"at most {_MAX_EXPLAINED} rows are explained at once", field="explain")
    if body.book_ids is None and body.source is None:
        raise Invalid("say whose prices are asked for", field="source")
    if body.features is not None and body.features == _NO_FEATURES:
        raise Invalid("tell at least one fact of the book", field="features")
    return body


def _predict(state: ServiceState, body: PredictIn) -> Prediction | PredictionBatch:
    if body.book_ids is not None:
        return _predict_known_books(state, body, body.book_ids)
    model = state.models.get_for_source(body.source or "", body.currency)
    options = PredictionOptions(model, body.version, body.explain)
    if body.features is not None:
        facts = body.features.to_facts()
        request = PredictionRequest(facts, None, body.subject or facts.work_key)
        return state.service.predict(options, [request])[0]
    batch = body.batch or []
    requests, errors = _parse_batch(batch, body.subject)
    predictions = dict(zip(requests, state.service.predict(options, [*requests.values()]), strict=True))
    return PredictionBatch([predictions.get(at) for at in range(len(batch))], errors)


def _parse_batch(
    batch: Sequence[Any], subject: str | None
) -> tuple[dict[int, PredictionRequest], list[RejectedRow]]:
    """Valid requests by row, and the rejected rows."""
    requests: dict[int, PredictionRequest] = {}
    errors: list[RejectedRow] = []
    for at, row in enumerate(batch):
        try:
            features = FeaturesIn.model_validate(row)
            if features == _NO_FEATURES:
                raise Invalid("tell at least one fact of the book", field=None)
        except ValidationError as error:
            invalid = build_invalid(error)
            errors.append(RejectedRow(at, invalid.field or "body", invalid.reason))
        except Invalid as error:
            errors.append(RejectedRow(at, None, error.reason))
        else:
            facts = features.to_facts()
            requests[at] = PredictionRequest(facts, None, subject or facts.work_key)
    return requests, errors


def _predict_known_books(state: ServiceState, body: PredictIn, ids: Sequence[str]) -> PredictionBatch:
    """Group the books by model: source (the first half of the id) and currency.

    Unknown books are rejected.
    """
    stored = state.online.get(ids)
    requests: dict[int, PredictionRequest] = {}
    errors: list[RejectedRow] = []
    predictions: dict[int, Prediction] = {}
    by_model: dict[tuple[str, str], list[int]] = {}
    for at, book_id in enumerate(ids):
        book = stored.get(book_id)
        if book is None or book.facts is None:
            errors.append(RejectedRow(at, "book_ids", "no such book"))
            continue
        requests[at] = PredictionRequest(book.facts, book_id, body.subject or book_id)
        by_model.setdefault((book_id.partition(":")[0], body.currency or book.currency), []).append(at)
    for (source, currency), places in by_model.items():
        try:
            model = state.models.get_for_source(source, currency)
        except NotFound as error:
            errors += [RejectedRow(at, "book_ids", str(error)) for at in places]
            continue
        options = PredictionOptions(model, body.version, body.explain)
        results = state.service.predict(options, [requests[at] for at in places])
        predictions |= dict(zip(places, results, strict=True))
    errors.sort(key=lambda error: error.row)
    return PredictionBatch([predictions.get(at) for at in range(len(ids))], errors)
