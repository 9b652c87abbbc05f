"""A shared database that is away takes no process out of service."""

from contextlib import ExitStack
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.unit.gateway.servers import ADMIN, run_gateway, serve_app

from bookcore.testing.proxy import FaultProxy
from bookstream.services import find_free_port
from gateway.settings import Settings


def read_detail(address: str) -> bool:
    detail = httpx.get(f"{address}/health/detail", trust_env=False, timeout=30).json()
    return bool(detail.get("accounts", {"available": True})["available"])


def test_gateway_without_its_database_is_ready_and_serves_what_is_stale(
    tmp_path: Path, new_database: str
) -> None:
    healthy = Event()
    healthy.set()

    async def answer(request: Request) -> Response:
        headers = {"Cache-Control": "public, max-age=1, stale-if-error=600"}
        return JSONResponse({}, headers=headers) if healthy.is_set() else Response(status_code=503)

    parts = urlsplit(new_database)
    with (
        serve_app(Starlette(routes=[Route("/{path:path}", answer)])) as service,
        FaultProxy(parts.port or 5432) as proxy,
    ):
        host = parts.netloc.rpartition(":")[0]
        settings = Settings(
            data=tmp_path,
            accounts_url=parts._replace(netloc=f"{host}:{proxy.port}").geturl(),
            books_api_urls=(service,),
            search_api_urls=(service,),
            bootstrap_admin_email=ADMIN["email"],
            bootstrap_admin_password=ADMIN["password"],
            gateway_cache_seconds=0.2,
            gateway_stale_seconds=0,
            admin_port=find_free_port(),
        )
        admin = f"http://127.0.0.1:{settings.admin_port}"
        with run_gateway(settings) as gate, gate.connect() as wire, ExitStack() as stack:
            stack.callback(proxy.resume)  # else a failed assertion would leave the gateway waiting for good
            wire.send(wire.build_get("/v1/books"))
            assert wire.read_response().status == 200
            healthy.clear()
            proxy.stall()
            for _ in range(20):
                wire.send(wire.build_get("/v1/books"))
                assert wire.read_response().status == 200
                for address in (gate.address, admin):
                    ready = httpx.get(f"{address}/health/ready", trust_env=False, timeout=30)
                    assert ready.status_code == 200
                Event().wait(0.05)
            proxy.reset()
            for _ in range(600):
                if not read_detail(admin):
                    break
                Event().wait(0.1)
            assert not read_detail(admin)
            metrics = httpx.get(f"{admin}/metrics", trust_env=False, timeout=30).text
            assert 'bookstream_dependency_up{dependency="accounts"} 0.0' in metrics
            assert 'bookstream_dependency_up{dependency="event log"} 1.0' in metrics
