"""Client for notebooks: training data as a table and predictions, over the gateway."""

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

    def load_training_data(self, source: str, **filters: str | int) -> duckdb.DuckDBPyRelation:
        """Rows that the newest model of the source was trained on; `snapshot`, `category`, `limit` filter.

        Returns a DuckDB relation: `.df()` converts to pandas, `.pl()` to polars.
        Raises: Invalid with the gateway's reason, Unavailable.
        """
        path = self._folder / f"{len(list(self._folder.iterdir()))}.jsonl"
        query = urlencode({"source": source, **filters})
        with self._send_request(f"/training-data?{query}") as response, path.open("wb") as file:
            while block := response.read(_BLOCK):
                file.write(block)
        read = self._duck.read_json(str(path), format="newline_delimited", sample_size=-1)
        return read.project("* REPLACE (price::DECIMAL(18, 4) AS price)")

    def predict(self, source: str, **features: object) -> Mapping[str, Any]:  # Any: JSON
        """Predicted price and interval of a book, the JSON of `POST /ml/predict`.

        Raises: Invalid with the gateway's reason, Unavailable.
        """
        body = orjson.dumps({"source": source, "features": features})
        with self._send_request("/predict", body) as response:
            prediction: dict[str, Any] = orjson.loads(response.read())
        return prediction

    def _send_request(self, path: str, body: bytes | None = None) -> HTTPResponse:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._base + path, body, headers)  # noqa: S310 - the user's own gateway
        try:
            response: HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310 - as above
        except HTTPError as error:
            raise Invalid(_read_detail(error)) from error
        except URLError as error:
            raise Unavailable(f"the gateway can't be reached ({error.reason})") from error
        return response


def _read_detail(error: HTTPError) -> str:
    try:
        return str(orjson.loads(error.read())["detail"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return f"the gateway responded with status {error.code}"
