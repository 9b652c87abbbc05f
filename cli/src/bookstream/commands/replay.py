"""`bookstream replay`: rebuild catalogue and index from the lake, or the index from the catalogue."""

from typing import Annotated

import typer

from bookstream.commands.options import Data
from bookstream.data_program import run_on_data


def replay(
    *,
    data: Data = None,
    swap: Annotated[
        bool, typer.Option("--swap", help="Put the rebuilt stores in place; stop `bookstream up` first.")
    ] = False,
    index: Annotated[
        bool, typer.Option("--index", help="Rebuild the search index alone, compare it and put it in place.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --index: also where its hits differ too much.")
    ] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Put the search index of before the last rebuild in place.")
    ] = False,
) -> None:
    """Rebuild catalogue and index from the lake.

    Compares them with the ones in use. Exit code 1 when they differ. Without --swap nothing is replaced.
    """
    chosen = {"--swap": swap, "--index": index, "--force": force, "--rollback": rollback}
    run_on_data(data, ["ingestor", "replay", *(name for name, is_on in chosen.items() if is_on)])
