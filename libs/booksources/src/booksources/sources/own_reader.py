"""A source's own reader: the function `read` of the page.py in its folder, for pages that state nothing."""

import traceback
from collections.abc import Iterator
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import cast, get_args

from bookcore.domain.errors import BookstreamError, Invalid
from booksources.readers import READERS, LazyReader
from booksources.reading import Document, Reader, ReadItem, SourceProfile
from booksources.sources.definition import OWN_READER, SourceDefinition

_ITEMS = get_args(ReadItem)


def get_reader(definition: SourceDefinition) -> LazyReader | None:
    """The reader that the source names, its own or one of READERS; None for page objects."""
    if definition.reader == OWN_READER:
        return LazyReader(partial(_load, Path(definition.folder) / OWN_READER))
    return READERS[definition.reader] if definition.reader else None


def _load(path: Path) -> Reader:
    """Runs the file. Raises: Invalid with the line of its fault."""
    spec = spec_from_file_location(f"booksources_own_{path.parent.name}", path)
    if spec is None or spec.loader is None:
        raise Invalid(f"{path} is no Python file")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise Invalid(_explain(path, error)) from error
    read = getattr(module, "read", None)
    if not callable(read):
        raise Invalid(f"{path} has no function read(document, profile)")
    return partial(_read, path, cast(Reader, read))


def _read(path: Path, read: Reader, document: Document, profile: SourceProfile) -> Iterator[ReadItem]:
    """The items; an error of the file is a fault of the document."""
    try:
        for item in read(document, profile):
            if not isinstance(item, _ITEMS):
                raise Invalid(f"{path} gives a {type(item).__name__}, not a Listing, Link, Gone or Parked")
            yield item
    except BookstreamError:
        raise
    except Exception as error:
        raise Invalid(_explain(path, error)) from error


def _explain(path: Path, error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"{path} line {error.lineno}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    place = f" line {lines[-1]}" if lines else ""
    return f"{path}{place}: {type(error).__name__}: {error}"
