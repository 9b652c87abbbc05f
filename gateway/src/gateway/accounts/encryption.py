"""Encryption at rest of the few secrets that must be read again: AES in Fernet's envelope, with a key derived
from the secret that all gateways share."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bookcore.domain.errors import Unavailable


class SecretCipher:
    """Texts encrypted under another shared secret can't be read."""

    def __init__(self, secret: str) -> None:
        key = HKDF(SHA256(), 32, salt=None, info=b"bookstream accounts").derive(secret.encode())
        self._fernet = Fernet(urlsafe_b64encode(key))

    def encrypt(self, text: str) -> str:
        """ASCII, three times as long at most."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, text: str) -> str:
        """Raises: Unavailable when the shared secret was changed."""
        try:
            return self._fernet.decrypt(text.encode()).decode()
        except InvalidToken as error:
            raise Unavailable(
                "the second factor can't be read since BOOKSTREAM_INTERNAL_SECRET was changed; "
                "use a recovery code"
            ) from error
