"""Opaque page cursors: signed, and good only for the question that they came from."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha256

import orjson

from bookcore.catalogue import BookFilter, Key, Sort
from bookcore.kit.problem import ProblemError

_MAC = 16
_LONGEST = 200  # characters: a cursor is a part of an address


@dataclass(frozen=True, slots=True)
class End:
    """Where a page ended. `value` None: too long to carry about, it stands in the row of that book."""

    value: str | int | None
    id: str


class Cursors:
    """HMAC-SHA256 over the page's end and the question; a changed or borrowed cursor is refused."""

    def __init__(self, secret: str) -> None:
        self._key = sha256(b"cursor\x00" + secret.encode()).digest()

    def write(self, end: Key, wanted: BookFilter, sort: Sort) -> str:
        """The cursor for what comes after `end`."""
        value = None if isinstance(end.value, str) and len(end.value) > _LONGEST else end.value
        payload = orjson.dumps([value, end.id])
        return urlsafe_b64encode(self._mac(payload, wanted, sort) + payload).decode().rstrip("=")

    def read(self, cursor: str, wanted: BookFilter, sort: Sort) -> End:
        """Raises: ProblemError(bad-cursor) for anything but a cursor of ours for this very question."""
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            mac, payload = raw[:_MAC], raw[_MAC:]
            if not hmac.compare_digest(mac, self._mac(payload, wanted, sort)):
                raise ValueError("signature")
            value, book_id = orjson.loads(payload)
        except (ValueError, Base64Error) as error:
            detail = "cursor: it was changed, or belongs to other filters or another order"
            raise ProblemError("bad-cursor", detail) from error
        return End(value, book_id)

    def _mac(self, payload: bytes, wanted: BookFilter, sort: Sort) -> bytes:
        question = repr((wanted, sort.value)).encode()
        return hmac.new(self._key, question + b"\x00" + payload, sha256).digest()[:_MAC]
