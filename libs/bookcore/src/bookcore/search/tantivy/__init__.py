"""A tantivy index in a folder: one process writes, any number read.

Each document keeps the whole book as JSON beside its words. A removed book stays as a mark with its version,
so that an older state can't bring it back.
"""

from pathlib import Path

from bookcore.domain.errors import Invalid
from bookcore.search import IndexRebuild, SearchIndex
from bookcore.search.tantivy.index import TantivyIndex
from bookcore.search.tantivy.rebuild import TantivyRebuild


def open_index(url: str, *, writable: bool) -> SearchIndex:
    """`tantivy:///absolute/folder`; the folder is made when it isn't there.

    Raises: Invalid when the URL names no absolute folder, Conflict when another process writes.
    """
    return TantivyIndex(_folder(url), writable=writable)


def open_rebuild(url: str) -> IndexRebuild:
    """Builds in a folder beside the living one's.

    Raises: as open_index; Conflict when another rebuild is under way.
    """
    return TantivyRebuild(_folder(url))


def _folder(url: str) -> Path:
    folder = Path(url.removeprefix("tantivy://"))
    if not folder.is_absolute():
        raise Invalid(f"{url} names no absolute folder; write tantivy:///folder", field="search_url")
    return folder
