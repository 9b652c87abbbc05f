"""Runs the trainer as a child process and shows its progress."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from bookcore.domain.errors import BookstreamError
from bookstream.programs import run_program
from bookstream.settings import load_settings
from bookstream.stores import require_data

Line = dict[str, Any]  # JSON that our own trainer wrote


class TrainingFailed(BookstreamError):
    """The trainer ended early; the text is its own error line."""


def train_source(data: Path, source: str, *, snapshot: str | None = None) -> Line:
    """Train on a source, or again on a snapshot of it; the trainer's result.

    Raises: TrainingFailed.
    """
    results: list[Line] = []
    run_training(data, [source, *(["--snapshot", snapshot] if snapshot else [])], on_result=results.append)
    trained = next((line for line in results if line["event"] == "trained"), None)
    if trained is None:
        raise TrainingFailed("the trainer ended without a result")
    return trained


def run_training(data: Path, arguments: Sequence[str], *, on_result: Callable[[Line], None]) -> None:
    """Run `train ARGUMENTS`; progress moves a bar on a terminal, all other lines go to `on_result`."""
    bar = Progress(
        TextColumn("training"),
        BarColumn(bar_width=30),
        TextColumn("{task.completed:.0f} of {task.total:.0f} folds"),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    task = bar.add_task("train", total=1)

    def read_line(line: Line) -> None:
        if line["event"] == "progress":
            bar.update(task, completed=line["done"], total=line["of"])
        else:
            on_result(line)

    with bar:
        run_trainer(data, ["train", *arguments], on_line=read_line)


def run_trainer(data: Path, arguments: Sequence[str], *, on_line: Callable[[Line], None]) -> None:
    """Run the trainer's program to its end.

    Raises: NotFound without data, TrainingFailed.
    """
    require_data(load_settings(data))
    environment = {"BOOKSTREAM_DATA": str(data.absolute())}
    exited = run_program(["trainer", *arguments], environment, on_line=lambda text: on_line(json.loads(text)))
    if exited.code != 0:
        raise TrainingFailed(exited.last_error.removeprefix("trainer: "))
