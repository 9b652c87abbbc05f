"""`bookstream stack`: the real servers on this machine; the work is done by tools/devstack."""

import os
import sys
from importlib.util import find_spec

import typer

from bookcore.domain.errors import NotFound


def run_stack(context: typer.Context) -> None:
    """Run the real servers on this machine: up, status, down.

    Raises: NotFound without the tool, which images and plain installations of the command line don't have.
    """
    if find_spec("devstack") is None:
        raise NotFound(
            "`bookstream stack` needs the developer's tool: pip install --no-deps -e tools/devstack"
        )
    os.execv(sys.executable, [sys.executable, "-m", "devstack", *context.args])  # noqa: S606 - our own program
