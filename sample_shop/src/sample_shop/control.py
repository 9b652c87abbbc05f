"""Control API, `/_shop/`: changes books, activates faults and returns the expected data."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sample_shop.counter import RequestCounter
from sample_shop.faults import Fault, FaultInjector, parse_kind
from sample_shop.shop import Shop
from sample_shop.timeline import Timeline
from sample_shop.truth import build_change_record, iterate_truth_lines

FAULT_FIELDS = {"kind", "share", "path_prefix", "count", "seconds"}


@dataclass(frozen=True, slots=True)
class ControlRoutes:
    """Each method is one endpoint; an invalid request gets 400 with one sentence."""

    shop: Shop
    timeline: Timeline
    desk: FaultInjector
    counter: RequestCounter

    async def move_books(self, request: Request) -> Response:
        try:
            changes = self.timeline.move_books(int(request.query_params.get("books", "1")))
        except ValueError as error:
            return _build_refusal(error)
        base = str(request.base_url)
        return JSONResponse([asdict(build_change_record(self.shop, change, base=base)) for change in changes])

    async def stream_truth(self, request: Request) -> Response:
        """Stream the truth of one moment; later changes are not in it."""
        lines = iterate_truth_lines(self.shop, self.timeline.get_moment(), base=str(request.base_url))

        async def stream() -> AsyncIterator[bytes]:
            for piece in lines:
                yield piece
                await asyncio.sleep(0)

        return StreamingResponse(stream(), media_type="application/x-ndjson")

    async def activate_fault(self, request: Request) -> Response:
        try:
            self.desk.activate(_parse_fault(await request.body()))
        except ValueError as error:
            return _build_refusal(error)
        return await self.list_faults(request)

    async def list_faults(self, _: Request) -> Response:
        return JSONResponse([asdict(fault) for fault in self.desk.list_active()])

    async def clear_faults(self, _: Request) -> Response:
        self.desk.clear()
        return Response(status_code=204)

    async def count_requests(self, _: Request) -> Response:
        counts = self.counter
        return JSONResponse(
            {"by_status": counts.by_status, "by_kind": counts.by_kind, "by_fault": counts.by_fault}
        )


def create_control_app(desk: ControlRoutes) -> Starlette:
    """Everything below `/_shop/`."""
    return Starlette(
        routes=[
            Route("/_shop/change", desk.move_books, methods=["POST"]),
            Route("/_shop/truth", desk.stream_truth),
            Route("/_shop/faults", desk.activate_fault, methods=["POST"]),
            Route("/_shop/faults", desk.clear_faults, methods=["DELETE"]),
            Route("/_shop/faults", desk.list_faults, methods=["GET"]),
            Route("/_shop/requests", desk.count_requests),
        ]
    )


def _parse_fault(body: bytes) -> Fault:
    """Raises: ValueError, also for invalid JSON."""
    wanted = json.loads(body)
    if not isinstance(wanted, dict) or not {"kind", "share"} <= wanted.keys() <= FAULT_FIELDS:
        raise ValueError(
            "a fault is a JSON object with kind and share, and maybe path_prefix, count and seconds"
        )
    try:
        count = wanted.get("count")
        return Fault(
            parse_kind(str(wanted["kind"])),
            float(wanted["share"]),
            path_prefix=str(wanted.get("path_prefix") or ""),
            count=None if count is None else int(count),
            seconds=float(wanted.get("seconds", 3.0)),
        )
    except TypeError as error:
        raise ValueError(f"a fault's share, count and seconds are numbers ({error})") from error


def _build_refusal(error: ValueError) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400)
