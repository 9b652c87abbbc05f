"""Password hashes: argon2id (19 MiB, two passes), in two threads, which bounds the memory of concurrent
logins.

One password is typed as different code points on different keyboards, so its NFC form is hashed. Accounts of
before have the hash of what was typed; that, decomposed or not, is accepted too.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from unicodedata import normalize

from argon2 import PasswordHasher as Argon2Hasher
from argon2.exceptions import InvalidHashError, VerificationError

from bookcore.domain.errors import Unavailable

T = TypeVar("T")

_THREADS = 2
_MOST_WAITING = 64


class PasswordHasher:
    """Hashes at most two passwords at once (38 MiB); with 64 waiting, further calls raise Unavailable."""

    def __init__(self) -> None:
        self._hasher = Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="argon2")
        self._waiting = 0
        self._dummy = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """Hash to store, with salt and parameters."""
        return await self._run_in_thread(lambda: self.hash_blocking(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password matches the stored hash. None (no such user) is False after the same time."""
        is_right = await self._run_in_thread(lambda: self.verify_blocking(stored or self._dummy, password))
        return is_right and stored is not None

    def hash_blocking(self, password: str) -> str:
        """Blocking form of `hash`."""
        return self._hasher.hash(normalize("NFC", password))

    def verify_blocking(self, stored: str, password: str) -> bool:
        """Blocking form of `verify`, for a stored password."""
        forms = dict.fromkeys((normalize("NFC", password), password, normalize("NFD", password)))
        return any(self._matches(stored, form) for form in forms)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown()

    async def _run_in_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise Unavailable("too many concurrent logins; try again", retry_after=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1
