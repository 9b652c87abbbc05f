"""Runs one of the services' programs on a data folder, with this program's own input and output."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import typer

from bookstream.settings import load_settings
from bookstream.stores import require_data


def run_on_data(data: Path | None, arguments: Sequence[str]) -> NoReturn:
    """Run `python -m ARGUMENTS` to its end and exit with its code. Raises: NotFound without data."""
    settings = load_settings(data)
    require_data(settings)
    environment = {**os.environ, "BOOKSTREAM_DATA": str(settings.data.absolute())}
    command = [sys.executable, "-m", *arguments]
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)
