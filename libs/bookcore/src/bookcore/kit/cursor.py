"""Opaque page cursors: signed, and valid only for the query that produced them."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from hashlib import sha256

import orjson

from bookcore.kit.problem import ProblemError

_MAC = 16
CursorValue = str | int | None


class SignedCursors:
    """HMAC-SHA256 over the page's end and the query; a modified or foreign cursor is rejected."""

    def __init__(self, secret: str) -> None:
        self._key = sha256(b"cursor\x00" + secret.encode()).digest()

    def encode(self, end: Sequence[CursorValue], *, question: str) -> str:
        """The cursor of the page after `end`; `question` holds all parameters that the pages depend on."""
        payload = orjson.dumps(list(end))
        return urlsafe_b64encode(self._compute_mac(payload, question) + payload).decode().rstrip("=")

    def decode(self, cursor: str, *, question: str) -> list[CursorValue]:
        """Inverse of encode. Raises: ProblemError(bad-cursor) for any cursor that was not issued for this
        query.
        """
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            mac, payload = raw[:_MAC], raw[_MAC:]
            if not hmac.compare_digest(mac, self._compute_mac(payload, question)):
                raise ValueError("signature")
            end: list[CursorValue] = orjson.loads(payload)
        except (ValueError, Base64Error) as error:
            detail = "cursor: modified, or issued for other filters or another order"
            raise ProblemError("bad-cursor", detail) from error
        return end

    def _compute_mac(self, payload: bytes, question: str) -> bytes:
        return hmac.new(self._key, question.encode() + b"\x00" + payload, sha256).digest()[:_MAC]
