"""`bookstream shop`: serve the sample shop."""

import os
import sys

import typer


def serve_shop(context: typer.Context) -> None:
    """Serve the sample shop (`shop --help` lists its flags)."""
    os.execv(sys.executable, [sys.executable, "-m", "sample_shop", *context.args])  # noqa: S606 - our own program
