"""Encodes predictions as messages: the same bytes as the model `events.ml.PredictionMade`, at a quarter of
the cost; a test compares them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from bookcore.domain.book import from_version
from bookcore.events.codec import build_cloud_event_headers
from bookcore.events.message import Message
from bookcore.events.ml import PredictionMade
from ml_api.predictions.store import PredictionRow

_JSON = ("content-type", b"application/json")
_FIELDS = tuple(name for name in PredictionMade.model_fields if name not in ("prediction_id", "made_at"))
_BEFORE = _FIELDS[: _FIELDS.index("milliseconds")]


def encode_messages(rows: Sequence[PredictionRow]) -> list[Message]:
    """One for each row."""
    now = datetime.now(UTC)
    return [_encode_message(row, now) for row in rows]


def _encode_message(row: PredictionRow, now: datetime) -> Message:
    payload = {"prediction_id": row["id"], **{name: row[name] for name in _BEFORE}}
    payload |= {"made_at": from_version(row["made_at"]), "milliseconds": row["milliseconds"]}
    key = row["book_id"] or row["id"]
    headers = build_cloud_event_headers(row["id"], PredictionMade.type, source="ml-api", key=key, now=now)
    return Message(key, orjson.dumps(payload, option=orjson.OPT_UTC_Z), (*headers, _JSON))
