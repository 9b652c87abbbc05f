"""Whatever is wrong with the address or with what answers there is said once, with the remedy."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from bookcore.domain.errors import Invalid, Unavailable
from bookcore.search import begin_rebuild, open_search_index
from bookcore.search.elasticsearch.connection import parse_address

_OLD = (
    b"""{"error": {"type": "media_type_header_exception", "reason": "Invalid media-type value on headers"}}"""
)
_DENIED = b"""{"error": {"type": "security_exception", "reason": "unable to authenticate user [reader]"}}"""


@contextmanager
def answering(status: int, body: bytes, *, kind: str, product: str = "") -> Iterator[str]:
    """A server that says the same to everybody; yields host:port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            if product:
                self.send_header("x-elastic-product", product)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


@pytest.mark.parametrize("opening", [open_search_index, begin_rebuild])
def test_an_unreachable_address_is_an_error_without_the_password(opening: Callable[[str], object]) -> None:
    with pytest.raises(Unavailable, match=r"elasticsearch://127\.0\.0\.1:9/books .*SEARCH_URL") as caught:
        opening("elasticsearch://reader:geheim@127.0.0.1:9/books")
    assert "geheim" not in str(caught.value)


def test_a_server_that_is_too_old_is_rejected() -> None:
    with (
        answering(400, _OLD, kind="application/json", product="Elasticsearch") as there,
        pytest.raises(Invalid, match="older than Elasticsearch 9; upgrade"),
    ):
        open_search_index(f"elasticsearch://{there}/books")


def test_a_wrong_password_is_rejected_without_printing_it() -> None:
    with (
        answering(401, _DENIED, kind="application/json", product="Elasticsearch") as there,
        pytest.raises(Invalid, match="refuses the user") as caught,
    ):
        open_search_index(f"elasticsearch://reader:geheim@{there}/books")
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<p>Hello", "text/html"),
        (404, b"<p>No", "text/html"),
        (404, b"{}", "application/json"),
        (200, b"{}", "application/json"),
        (200, b"{", "application/json"),
    ],
)
def test_another_server_than_elasticsearch_is_rejected(status: int, body: bytes, kind: str) -> None:
    with (
        answering(status, body, kind=kind) as there,
        pytest.raises(Invalid, match="is not Elasticsearch; correct the host and port"),
    ):
        open_search_index(f"elasticsearch://{there}/books")


def test_a_server_that_is_busy_is_worth_another_try() -> None:
    with (
        answering(503, b"later", kind="text/plain") as there,
        pytest.raises(Unavailable, match="is busy"),
    ):
        open_search_index(f"elasticsearch://{there}/books")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("elasticsearch:///books", "host is missing"),
        ("elasticsearch://h:port/books", "port"),
        ("elasticsearch://h:9200", "name an index"),
        ("elasticsearch://h:9200/Books", "name an index"),
        ("elasticsearch://h:9200/a/b", "name an index"),
        ("elasticsearch://h:9200/books?replicas=2", "its only options are cafile"),
    ],
)
def test_a_url_that_cannot_be_right_is_refused(url: str, why: str) -> None:
    with pytest.raises(Invalid, match=f"search_url: .*{why}"):
        open_search_index(url)


def test_user_and_password_may_hold_any_sign_and_the_port_may_be_left_out() -> None:
    address = parse_address("elasticsearch://a%40b:p%2F%3A@h/books")
    assert (address.host, address.port, address.user) == ("h", 9200, ("a@b", "p/:"))
    assert address.display == "elasticsearch://h:9200/books"
