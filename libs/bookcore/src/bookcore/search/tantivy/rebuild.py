"""Builds an index folder beside the live one and replaces it by renaming."""

import shutil
from pathlib import Path

from bookcore.domain.errors import NotFound, Unavailable
from bookcore.search import SearchIndex
from bookcore.search.tantivy.folder import acquire_writer_lock
from bookcore.search.tantivy.index import TantivyIndex


class TantivyRebuild:
    """Readers continue through the swap. The live writer must be stopped first: it keeps its files open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._new_folder = folder.with_name(folder.name + "-rebuilt")
        self._old_folder = folder.with_name(folder.name + "-before")
        self._clear_leftovers()
        self._index = TantivyIndex(self._new_folder, writable=True)

    @property
    def index(self) -> SearchIndex:
        return self._index

    def swap(self) -> None:
        """Raises: Conflict while another process writes the live index, Unavailable when the disk fails."""
        lock = acquire_writer_lock(self._folder)
        try:
            self._index.close()
            shutil.rmtree(self._old_folder, ignore_errors=True)
            self._folder.replace(
                self._old_folder
            )  # renamed, not deleted: the folder is missing for one rename only
            self._new_folder.replace(self._folder)
        except OSError as error:
            self._restore()
            raise Unavailable(
                f"{self._new_folder} can't take the place of {self._folder} ({error})"
            ) from error
        finally:
            lock.close()
        self._index = TantivyIndex(self._folder, writable=True)

    def delete_old(self) -> None:
        shutil.rmtree(self._old_folder, ignore_errors=True)

    def discard(self) -> None:
        self._index.close()
        shutil.rmtree(self._new_folder, ignore_errors=True)

    def _clear_leftovers(self) -> None:
        """Deletes the files of a killed rebuild.

        Raises: Conflict while that rebuild still runs.
        """
        lock = acquire_writer_lock(self._new_folder)
        self._restore()
        shutil.rmtree(self._new_folder, ignore_errors=True)
        lock.close()

    def _restore(self) -> None:
        if self._old_folder.exists() and not self._folder.exists():
            self._old_folder.replace(self._folder)


def swap_folders(folder: Path) -> None:
    """The live folder and the one that the last swap replaced.

    Raises: NotFound without the latter, OutdatedIndex when it is of another version, Conflict while another
    process writes the live one.
    """
    old, aside = (folder.with_name(f"{folder.name}-{role}") for role in ("before", "rebuilt"))
    if not old.exists():
        raise NotFound(f"no index of before a rebuild is kept beside {folder}")
    TantivyIndex(old, writable=True).close()  # of this version, and not in use
    lock = acquire_writer_lock(folder)
    try:
        shutil.rmtree(aside, ignore_errors=True)
        folder.replace(aside)
        old.replace(folder)
        aside.replace(old)
    except OSError as error:
        raise Unavailable(f"{old} can't take the place of {folder} ({error})") from error
    finally:
        lock.close()
