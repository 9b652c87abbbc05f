"""`bookstream export`: the catalogue as JSON Lines or CSV."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated

import typer

from bookcore.catalogue import BookFilter, Catalogue
from bookcore.catalogue.export import export_csv, export_jsonl
from bookcore.domain.errors import Unavailable
from bookstream.commands.options import Data
from bookstream.settings import load_settings
from bookstream.stores import open_stores


class ExportFormat(StrEnum):
    """File formats of an export."""

    JSONL = "jsonl"
    CSV = "csv"


def export(
    *,
    data: Data = None,
    output: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    format: Annotated[ExportFormat, typer.Option(help="JSON Lines or CSV.")] = ExportFormat.JSONL,  # noqa: A002
) -> None:
    """Write all books as JSON Lines or CSV.

    Ordered by id, in constant memory.
    """
    with open_stores(load_settings(data)) as stores:
        if output is None:
            _write_blocks(sys.stdout.buffer, _export_blocks(stores.catalogue, format))
        else:
            try:
                with output.open("wb") as file:
                    _write_blocks(file, _export_blocks(stores.catalogue, format))
            except OSError as error:
                reason = error.strerror or str(error)
                raise Unavailable(f"cannot write {output} ({reason}); choose another --output") from error


def _export_blocks(catalogue: Catalogue, format: ExportFormat) -> Iterator[bytes]:  # noqa: A002
    blocks = export_csv if format is ExportFormat.CSV else export_jsonl
    return blocks(catalogue, BookFilter())


def _write_blocks(file: IO[bytes], blocks: Iterator[bytes]) -> None:
    for block in blocks:
        file.write(block)
    file.flush()
