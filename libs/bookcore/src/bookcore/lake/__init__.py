"""The lake port: immutable objects by key. S3 or Google Cloud Storage in production, a folder on a laptop."""

from collections.abc import Iterator, Mapping
from typing import Protocol, cast

from bookcore.kit.adapters import load_adapter


class Lake(Protocol):
    """Blocking; safe for several threads and processes. Keys are `/`-separated, of A-Z a-z 0-9 . _ = -."""

    def put(self, key: str, body: bytes) -> bool:
        """Stores durably if the key is absent; returns False, and changes nothing, if it exists.

        Raises: Unavailable when the store is full or unreachable; a partial object is never visible.
        """

    def put_many(self, objects: Mapping[str, bytes]) -> None:
        """Stores durably, by key, the absent objects; cheaper than one `put` each. Idempotent.

        Raises: Unavailable like `put`; some of the objects may be stored then, each of them complete.
        """

    def get(self, key: str) -> bytes:
        """Raises: NotFound."""

    def list(self, prefix: str) -> Iterator[str]:
        """Keys that start with the prefix, in byte order."""

    def exists(self, key: str) -> bool: ...

    def close(self) -> None:
        """Frees the connections."""


_ADAPTERS = {"file": "bookcore.lake.files", "s3": "bookcore.lake.s3", "gs": "bookcore.lake.gcs"}


class _Adapter(Protocol):
    def open_lake(self, url: str) -> Lake: ...

    def prepare(self, url: str) -> str: ...


def open_lake(url: str) -> Lake:
    """Raises: Invalid when no adapter speaks the URL's scheme."""
    return _load_adapter(url).open_lake(url)


def prepare_lake(url: str) -> str:
    """Creates the bucket or folder if absent; returns one line about the result."""
    return _load_adapter(url).prepare(url)


def _load_adapter(url: str) -> _Adapter:
    return cast(_Adapter, load_adapter(url, _ADAPTERS, port="lake", field="lake_url"))
