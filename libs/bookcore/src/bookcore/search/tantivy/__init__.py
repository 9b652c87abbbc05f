"""A tantivy index in a folder: one writer process, any number of readers.

Each document stores the whole book as JSON beside its words. A removed book leaves a tombstone with its
version, so that an older state cannot restore it.
"""

from pathlib import Path

from bookcore.domain.errors import Invalid
from bookcore.search import IndexRebuild, SearchIndex
from bookcore.search.tantivy.index import TantivyIndex
from bookcore.search.tantivy.rebuild import TantivyRebuild, swap_folders


def open_index(url: str, *, writable: bool) -> SearchIndex:
    """`tantivy:///absolute/folder`; the folder is created if absent.

    Raises: Invalid when the URL names no absolute folder, Conflict when another process writes.
    """
    return TantivyIndex(_parse_folder(url), writable=writable)


def open_rebuild(url: str) -> IndexRebuild:
    """Builds in a folder beside the live one.

    Raises: the same errors as open_index; Conflict while another rebuild runs.
    """
    return TantivyRebuild(_parse_folder(url))


def restore_replaced(url: str) -> None:
    """By renaming; readers continue."""
    swap_folders(_parse_folder(url))


def _parse_folder(url: str) -> Path:
    folder = Path(url.removeprefix("tantivy://"))
    if not folder.is_absolute():
        raise Invalid(f"{url} names no absolute folder; write tantivy:///folder", field="search_url")
    return folder
