"""For notebooks: training data as a table in one call, a price in another, by the gateway."""

import urllib.request
from collections.abc import Mapping
from http.client import HTTPResponse
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode

import duckdb
import orjson

from bookcore.domain.errors import Invalid, Unavailable

_TIMEOUT = 60.0  # seconds
_BLOCK = 1 << 20


class Bookstream:
    """`Bookstream("http://127.0.0.1:8080", token)`; the token is the one that `bookstream up` prints."""

    def __init__(self, gateway: str, token: str) -> None:
        self._base = gateway.rstrip("/") + "/v1/ml"
        self._token = token
        self._folder = Path(mkdtemp(prefix="bookstream-"))
        self._duck = duckdb.connect()

    def load_training_data(self, source: str, **narrowed: str | int) -> duckdb.DuckDBPyRelation:
        """The rows that the newest model of the source was trained on; `snapshot`, `category`, `limit` pick.

        A DuckDB relation: notebooks show it as a table, `.df()` makes a pandas, `.pl()` a polars DataFrame.
        Raises: Invalid with what the gateway says, Unavailable.
        """
        path = self._folder / f"{len(list(self._folder.iterdir()))}.jsonl"
        question = urlencode({"source": source, **narrowed})
        with self._send_request(f"/training-data?{question}") as answer, path.open("wb") as file:
            while block := answer.read(_BLOCK):
                file.write(block)
        read = self._duck.read_json(str(path), format="newline_delimited", sample_size=-1)
        return read.project("* REPLACE (price::DECIMAL(18, 4) AS price)")

    def predict(self, source: str, **features: object) -> Mapping[str, Any]:  # Any: JSON
        """The price of a book of these facts, with its interval, as ml-api answers.

        Raises: Invalid with what the gateway says, Unavailable.
        """
        body = orjson.dumps({"source": source, "features": features})
        with self._send_request("/predict", body) as answer:
            told: dict[str, Any] = orjson.loads(answer.read())
        return told

    def _send_request(self, path: str, body: bytes | None = None) -> HTTPResponse:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._base + path, body, headers)  # noqa: S310 - the user's own gateway
        try:
            answer: HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310 - as above
        except HTTPError as error:
            raise Invalid(_read_detail(error)) from error
        except URLError as error:
            raise Unavailable(f"the gateway can't be reached ({error.reason})") from error
        return answer


def _read_detail(error: HTTPError) -> str:
    try:
        return str(orjson.loads(error.read())["detail"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return f"the gateway answers {error.code}"
