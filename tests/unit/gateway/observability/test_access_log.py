import io
import json
import time

import httpx
from tests.unit.gateway.servers import READER, RunningGateway, StubServices

from gateway.observability.access_log import AccessLog, AccessRecord


def test_access_log_names_the_user_on_every_path(gate: RunningGateway, services: StubServices) -> None:
    written = io.StringIO()
    log = gate.app.state.downstream.recorder.log = AccessLog(now=time.time, stream=written)
    requests = [
        ("GET", "/v1/books", 200),
        ("GET", "/v1/books?hot", 200),
        ("PUT", "/v1/books/1", 200),
        ("TRACE", "/v1/books", 405),
        ("GET", "/v1/users/me", 200),
        ("GET", "/v1/nothing", 404),
    ]
    with gate.connect() as wire:
        for method, path, _ in requests:
            wire.send(wire.build_request(method, path, *(["Content-Length: 0"] if method == "PUT" else [])))
            wire.read_response()
    me = httpx.get(
        f"{gate.address}/v1/users/me", headers={"Authorization": f"Bearer {gate.token}"}, trust_env=False
    ).json()["id"]
    httpx.get(f"{gate.address}/v1/books", trust_env=False)
    answer = httpx.post(f"{gate.address}/v1/auth/register", json=READER, trust_env=False)
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    reader = httpx.get(f"{gate.address}/v1/users/me", headers=headers, trust_env=False).json()["id"]
    httpx.put(f"{gate.address}/v1/books/1", headers=headers, trust_env=False)
    log.flush()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    logged = [(line["method"], line["path"], line["status"], line["user_id"]) for line in lines]
    assert logged == [
        ("GET", "/v1/books", 200, me),
        ("GET", "/v1/books", 200, me),
        ("PUT", "/v1/books/1", 200, me),
        ("TRACE", "/v1/books", 405, me),
        ("GET", "/v1/users/me", 200, me),
        ("GET", "/v1/nothing", 404, ""),
        ("GET", "/v1/users/me", 200, me),
        ("GET", "/v1/books", 401, ""),
        ("POST", "/v1/auth/register", 201, ""),
        ("GET", "/v1/users/me", 200, reader),
        ("PUT", "/v1/books/1", 403, reader),
    ]


def test_request_is_one_line_of_json_whatever_it_holds() -> None:
    written = io.StringIO()
    log = AccessLog(now=lambda: 0.0, stream=written)
    forged = '/v1/books\n{"message":"request","status":200}\r\x1b[2K\x9b2K\u2028"'
    log.add(AccessRecord("GET", "own", forged, 404, 0.1, b"", b"id\n\xff", b"", "", "127.0.0.1"))
    log.flush()
    (line,) = written.getvalue().split("\n")[:-1]
    assert json.loads(line)["path"] == forged
    assert json.loads(line)["time"] == "1970-01-01T00:00:00.000Z"
    assert line.isprintable()
