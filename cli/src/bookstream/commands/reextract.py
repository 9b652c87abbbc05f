"""`bookstream reextract`: read the stored pages again."""

from typing import Annotated

import typer

from bookstream.commands.options import Data, Source
from bookstream.data_program import run_on_data


def reextract(
    source: Source,
    *,
    data: Data = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the changes, publish nothing.")] = False,
) -> None:
    """Parse the stored pages again and publish changed books.

    Uses today's page objects on the page bodies of the lake. Exit code 1 when a page could not be parsed.
    """
    run_on_data(data, ["scraper", "reextract", source, *(["--dry-run"] if dry_run else [])])
