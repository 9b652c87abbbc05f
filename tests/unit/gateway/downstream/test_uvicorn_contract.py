"""The private parts of uvicorn that GatewayProtocol uses."""

import asyncio
import inspect

import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

METHODS = {
    "connection_made": ["transport"],
    "connection_lost": ["exc"],
    "data_received": ["data"],
    "pause_writing": [],
    "resume_writing": [],
    "shutdown": [],
    "on_message_begin": [],
    "on_url": ["url"],
    "on_header": ["name", "value"],
    "on_headers_complete": [],
    "on_message_complete": [],
    "on_response_complete": [],
    "send_400_response": ["msg"],
    "_unset_keepalive_if_required": [],
}
ATTRIBUTES = {
    "app_state",
    "client",
    "config",
    "cycle",
    "flow",
    "headers",
    "loop",
    "parser",
    "pipeline",
    "scheme",
    "scope",
    "server_state",
    "transport",
}
OF_A_CYCLE = {"disconnected", "keep_alive", "message_event", "response_complete", "response_started"}


async def app(scope: object, receive: object, send: object) -> None:
    """Never called."""


def test_uvicorn_protocol_has_the_attributes_that_the_gateway_uses() -> None:
    signatures = {
        name: list(inspect.signature(getattr(HttpToolsProtocol, name)).parameters) for name in METHODS
    }
    assert {name: parameters[1:] for name, parameters in signatures.items()} == METHODS
    constructor_parameters = list(inspect.signature(HttpToolsProtocol).parameters)
    assert constructor_parameters == ["config", "server_state", "app_state", "_loop"]

    async def protocol() -> HttpToolsProtocol:
        config = uvicorn.Config(app, ws="none", log_config=None)
        return HttpToolsProtocol(config, ServerState(), {}, asyncio.get_running_loop())

    assert vars(asyncio.run(protocol())).keys() >= ATTRIBUTES
    assert isinstance(ServerState().connections, set)


def test_uvicorn_cycle_has_the_attributes_that_the_gateway_uses() -> None:
    source = inspect.getsource(RequestResponseCycle.__init__)
    assert [name for name in OF_A_CYCLE if f"self.{name}" not in source] == []


def test_uvicorn_flow_control_has_the_attributes_that_the_gateway_uses() -> None:
    assert list(inspect.signature(FlowControl).parameters) == ["transport"]
    source = inspect.getsource(FlowControl.__init__)
    assert [name for name in ("read_paused", "write_paused") if f"self.{name}" not in source] == []


def test_uvicorn_is_pinned_to_the_verified_minor_version() -> None:
    assert uvicorn.__version__.startswith("0.54.")
