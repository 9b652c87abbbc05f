"""Every form of the desync corpus is refused, or read as exactly one request."""

from tests.unit.gateway.downstream.desync_corpus import ACCEPTED, REFUSED
from tests.unit.gateway.raw import RawConnection
from tests.unit.gateway.servers import RunningGateway, StubServices


def send_form(gate: RunningGateway, form: bytes) -> tuple[RawConnection, bytes]:
    """With the administrator's token behind the Host header, and another request behind it."""
    wire = gate.connect()
    token = f"Authorization: Bearer {gate.token}\r\n".encode()
    probe = wire.build_get("/v1/search?after")
    head, host, rest = form.partition(b"Host: shop.example\r\n")
    wire.send(head + host + token + rest + probe)
    return wire, probe


def test_corpus_has_more_than_a_hundred_forms() -> None:
    assert len(REFUSED) + len(ACCEPTED) > 100


def test_ambiguous_form_is_refused_and_what_follows_is_not_read(
    gate: RunningGateway, services: StubServices
) -> None:
    wrong = {}
    for name, form in REFUSED.items():
        wire, _ = send_form(gate, form)
        with wire:
            answer = wire.read_response()
            end = wire.read_to_end()
        if (answer.status, answer.headers.get("connection"), end) != (400, "close", b""):
            wrong[name] = (answer.status, answer.body[:80], end[:80])
    assert wrong == {}
    assert [request.url.query for request in services.requests if "after" in request.url.query] == []


def test_unusual_but_valid_form_is_one_request(gate: RunningGateway, services: StubServices) -> None:
    wrong = {}
    for name, form in ACCEPTED.items():
        before = len(services.requests)
        wire, _ = send_form(gate, form)
        with wire:
            answers = [wire.read_response(), wire.read_response()]
        paths = [request.url.query for request in services.requests[before:]]
        if [answer.status for answer in answers] != [200, 200] or paths[-1:] != ["after"] or len(paths) > 2:
            wrong[name] = ([answer.status for answer in answers], paths)
    assert wrong == {}
