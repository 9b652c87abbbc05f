"""What the lake on Google Cloud Storage says without a bucket, credentials or a server."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from bookcore.domain.errors import Invalid, Unavailable
from bookcore.lake import open_lake


class _Google(BaseHTTPRequestHandler):
    """Answers every request with its server's `status`."""

    def do_GET(self) -> None:
        self.send_response(self.server.status)  # type: ignore[attr-defined]  # set by the test
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given
        """Silent."""


@contextmanager
def serve(status: int) -> Iterator[str]:
    """The URL of a lake whose server answers every request with this status."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Google)
    server.status = status  # type: ignore[attr-defined]  # read by the handler
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"gs://bucket?endpoint=http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_an_error_with_the_role(status: int) -> None:
    with serve(status) as url, pytest.raises(Invalid, match=rf"{status}.*roles/storage\.objectUser"):
        open_lake(url)


def test_a_missing_bucket_is_an_error_with_the_remedy() -> None:
    with (
        serve(404) as url,
        pytest.raises(Invalid, match=r"no gs://bucket at http.*python -m ingestor migrate"),
    ):
        open_lake(url)


def test_a_server_that_fails_is_unavailable_after_some_tries() -> None:
    with serve(503) as url, pytest.raises(Unavailable, match="503") as caught:
        open_lake(url)
    assert caught.value.retry_after


def test_missing_credentials_are_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(Invalid, match="set GOOGLE_APPLICATION_CREDENTIALS"):
        open_lake("gs://bucket")


def test_an_unreachable_endpoint_is_named() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 .*BOOKSTREAM_LAKE_URL"):
        open_lake("gs://bucket?endpoint=http://127.0.0.1:9")


@pytest.mark.parametrize("url", ["gs://", "gs://bucket?endpont=x"])
def test_a_url_that_cannot_be_right_is_refused_by_its_setting(url: str) -> None:
    with pytest.raises(Invalid, match="BOOKSTREAM_LAKE_URL"):
        open_lake(url)
