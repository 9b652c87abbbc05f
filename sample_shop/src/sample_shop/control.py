"""The keeper's door, `/_shop/`: tests and demos move prices, switch faults on, and ask what is true."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sample_shop.counter import RequestCounter
from sample_shop.faults import Fault, FaultDesk, kind_named
from sample_shop.shop import Shop
from sample_shop.timeline import Timeline
from sample_shop.truth import change_made, truth_lines

FAULT_FIELDS = {"kind", "share", "path_prefix", "count", "seconds"}


@dataclass(frozen=True, slots=True)
class ControlDesk:
    """Each method is one endpoint; a request that cannot be read is answered 400 with one sentence."""

    shop: Shop
    timeline: Timeline
    desk: FaultDesk
    counter: RequestCounter

    async def change(self, request: Request) -> Response:
        try:
            changes = self.timeline.change(int(request.query_params.get("books", "1")))
        except ValueError as error:
            return _refused(error)
        base = str(request.base_url)
        return JSONResponse([asdict(change_made(self.shop, change, base=base)) for change in changes])

    async def truth(self, request: Request) -> Response:
        """The truth of one moment: moves made while it streams are not in it."""
        lines = truth_lines(self.shop, self.timeline.moment(), base=str(request.base_url))

        async def pieces() -> AsyncIterator[bytes]:
            for piece in lines:
                yield piece
                await asyncio.sleep(0)

        return StreamingResponse(pieces(), media_type="application/x-ndjson")

    async def switch_on(self, request: Request) -> Response:
        try:
            self.desk.switch_on(_fault_from(await request.body()))
        except ValueError as error:
            return _refused(error)
        return await self.active(request)

    async def active(self, _: Request) -> Response:
        return JSONResponse([asdict(fault) for fault in self.desk.active()])

    async def clear(self, _: Request) -> Response:
        self.desk.clear()
        return Response(status_code=204)

    async def requests(self, _: Request) -> Response:
        counts = self.counter
        return JSONResponse(
            {"by_status": counts.by_status, "by_kind": counts.by_kind, "by_fault": counts.by_fault}
        )


def control_app(desk: ControlDesk) -> Starlette:
    """Everything below `/_shop/`."""
    return Starlette(
        routes=[
            Route("/_shop/change", desk.change, methods=["POST"]),
            Route("/_shop/truth", desk.truth),
            Route("/_shop/faults", desk.switch_on, methods=["POST"]),
            Route("/_shop/faults", desk.clear, methods=["DELETE"]),
            Route("/_shop/faults", desk.active, methods=["GET"]),
            Route("/_shop/requests", desk.requests),
        ]
    )


def _fault_from(body: bytes) -> Fault:
    """ValueError (which a JSON error is too) for all that is no fault."""
    wanted = json.loads(body)
    if not isinstance(wanted, dict) or not {"kind", "share"} <= wanted.keys() <= FAULT_FIELDS:
        raise ValueError(
            "a fault is a JSON object with kind and share, and maybe path_prefix, count and seconds"
        )
    try:
        count = wanted.get("count")
        return Fault(
            kind_named(str(wanted["kind"])),
            float(wanted["share"]),
            path_prefix=str(wanted.get("path_prefix") or ""),
            count=None if count is None else int(count),
            seconds=float(wanted.get("seconds", 3.0)),
        )
    except TypeError as error:
        raise ValueError(f"a fault's share, count and seconds are numbers ({error})") from error


def _refused(error: ValueError) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400)
