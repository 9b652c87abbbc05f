"""`bookstream replay`: rebuild catalogue and index from the lake."""

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
) -> None:
    """Rebuild catalogue and index from the lake.

    Compares them with the ones in use. Exit code 1 when they differ. Without --swap nothing is replaced.
    """
    run_on_data(data, ["ingestor", "replay", *(["--swap"] if swap else [])])
