"""A folder built beside the living one and put in its place by renaming."""

import shutil
from pathlib import Path

from bookcore.domain.errors import Unavailable
from bookcore.search import SearchIndex
from bookcore.search.tantivy.folder import take_writing
from bookcore.search.tantivy.index import TantivyIndex


class TantivyRebuild:
    """Readers go on through the swap. The living writer has to be stopped for it: it keeps its files open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built = folder.with_name(folder.name + "-rebuilt")
        self._before = folder.with_name(folder.name + "-before")
        self._clear_leftovers()
        self._index = TantivyIndex(self._built, writable=True)

    @property
    def index(self) -> SearchIndex:
        """As Rebuild.index."""
        return self._index

    def swap(self) -> None:
        """As Rebuild.swap.

        Raises: Conflict while another process writes the living index, Unavailable when the disk refuses.
        """
        lock = take_writing(self._folder)
        try:
            self._index.close()
            self._folder.replace(self._before)  # aside, not away: the place is empty for one rename only
            self._built.replace(self._folder)
        except OSError as error:
            self._put_back()
            raise Unavailable(f"{self._built} can't take the place of {self._folder} ({error})") from error
        finally:
            lock.close()
        self._index = TantivyIndex(self._folder, writable=True)

    def retire(self) -> None:
        """As Rebuild.retire."""
        shutil.rmtree(self._before, ignore_errors=True)

    def discard(self) -> None:
        """As Rebuild.discard."""
        self._index.close()
        shutil.rmtree(self._built, ignore_errors=True)

    def _clear_leftovers(self) -> None:
        """Of a rebuild that was killed.

        Raises: Conflict when it isn't dead.
        """
        lock = take_writing(self._built)
        self._put_back()
        shutil.rmtree(self._built, ignore_errors=True)
        shutil.rmtree(self._before, ignore_errors=True)
        lock.close()

    def _put_back(self) -> None:
        if self._before.exists() and not self._folder.exists():
            self._before.replace(self._folder)
