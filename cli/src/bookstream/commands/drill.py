"""`bookstream drill`: restore from the lake for practice."""

from typing import Annotated

import typer

from bookstream.commands.options import Data
from bookstream.data_program import run_on_data


def run_restore_drill(
    *,
    data: Data = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Restore catalogue and index from the lake for practice.

    Restores them beside the live ones, compares, removes them again, and prints how long it took (RTO) and
    how old the newest event in the lake is (RPO). Exit code 1 when they differ or can't be restored.
    """
    run_on_data(data, ["ingestor", "drill", *(["--json"] if json else [])])
