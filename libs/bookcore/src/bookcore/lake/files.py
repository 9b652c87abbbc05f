"""A lake in a folder, for laptops and tests."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from uuid import uuid4

from bookcore.domain.errors import NotFound, Unavailable
from bookcore.lake import Lake
from bookcore.lake.keys import check_key

_STAGING = ".staging"
_FILES_AT_A_TIME = 256


def open_lake(url: str) -> Lake:
    """`file:///absolute/folder`; the folder is created if absent."""
    return FileLake(Path(url.removeprefix("file://")))


def prepare(url: str) -> str:
    """Opening creates the folder."""
    open_lake(url).close()
    return f"kept {url}"


class FileLake:
    """One file per object. A hard link from a complete, synced file makes `put` atomic and exclusive."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._staging = root / _STAGING
        try:
            self._staging.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _build_unavailable(root, error) from error

    def put(self, key: str, body: bytes) -> bool:
        target = self._resolve_path(key)
        if target.exists():
            return False
        staged = self._staging / uuid4().hex
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_synced(staged, body)
            os.link(staged, target)
            _sync_folder(target.parent)
        except FileExistsError:
            return False
        except OSError as error:
            raise _build_unavailable(target, error) from error
        finally:
            staged.unlink(missing_ok=True)
        return True

    def put_many(self, objects: Mapping[str, bytes]) -> None:
        """Works in chunks of 256 files, below the limit of file descriptors."""
        absent = ((self._resolve_path(key), body) for key, body in objects.items() if not self.exists(key))
        while piece := dict(islice(absent, _FILES_AT_A_TIME)):
            try:
                self._put_chunk(piece)
            except OSError as error:
                raise _build_unavailable(self._root, error) from error

    def _put_chunk(self, bodies: Mapping[Path, bytes]) -> None:
        """Each step runs for all files before the next step, so that the file system groups the syncs."""
        prefix = f"{self._staging}/{uuid4().hex}-"
        with ExitStack() as at_the_end:
            files = []
            for number, body in enumerate(bodies.values()):
                staged = f"{prefix}{number}"
                files.append(at_the_end.enter_context(open(staged, "xb")))  # noqa: PTH123 - hot
                at_the_end.callback(os.unlink, staged)
                files[-1].write(body)
                files[-1].flush()
            for file in files:
                os.fsync(file.fileno())
            for file, target in zip(files, bodies, strict=True):
                _link(file.name, target)
            for folder in {target.parent for target in bodies}:
                _sync_folder(folder)

    def get(self, key: str) -> bytes:
        try:
            return self._resolve_path(key).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"the lake has no {key}") from error

    def list(self, prefix: str) -> Iterator[str]:
        """Walks the folder lazily."""
        folder = self._root / prefix.rpartition("/")[0]
        for key in self._walk(folder):
            if key.startswith(prefix):
                yield key

    def exists(self, key: str) -> bool:
        return self._resolve_path(key).exists()

    def close(self) -> None:
        """Nothing is open."""

    def _resolve_path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _walk(self, folder: Path) -> Iterator[str]:
        if not folder.is_dir():
            return
        entries = sorted(os.scandir(folder), key=lambda e: e.name + "/" * e.is_dir())
        for entry in entries:
            if entry.is_dir():
                if entry.name != _STAGING:
                    yield from self._walk(Path(entry.path))
            else:
                yield Path(entry.path).relative_to(self._root).as_posix()


def _write_synced(path: Path, body: bytes) -> None:
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def _link(staged: str, target: Path) -> None:
    """Leaves an existing file unchanged."""
    with suppress(FileExistsError):
        try:
            os.link(staged, target)
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(staged, target)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _build_unavailable(path: Path, error: OSError) -> Unavailable:
    remedy = (
        "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "check the folder's permissions"
    )
    return Unavailable(f"the lake can't store {path} ({error.strerror}); {remedy}", retry_after=5)
