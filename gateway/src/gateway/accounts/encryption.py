"""Encryption at rest of the few secrets that must be read again: AES-256-GCM with a random nonce of 96 bits,
and a key derived from the secret that all gateways share."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bookcore.domain.errors import Unavailable

_NONCE_BYTES = 12


class SecretCipher:
    """Texts encrypted under another shared secret can't be read."""

    def __init__(self, secret: str) -> None:
        key = HKDF(SHA256(), 32, salt=None, info=b"bookstream accounts").derive(secret.encode())
        self._aes = AESGCM(key)

    def encrypt(self, text: str) -> str:
        """ASCII: the nonce and the encrypted text with its tag, in base64url."""
        nonce = token_bytes(_NONCE_BYTES)
        return urlsafe_b64encode(nonce + self._aes.encrypt(nonce, text.encode(), None)).decode()

    def decrypt(self, text: str) -> str:
        """Raises: Unavailable when the shared secret, or the text, was changed."""
        try:
            sealed = urlsafe_b64decode(text)
            return self._aes.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None).decode()
        except (InvalidTag, ValueError) as error:
            raise Unavailable(
                "the second factor can't be read since BOOKSTREAM_INTERNAL_SECRET was changed; "
                "use a recovery code"
            ) from error
