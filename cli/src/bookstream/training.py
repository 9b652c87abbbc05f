"""Runs the trainer as a child process and shows its progress."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from bookcore.domain.errors import BookstreamError
from bookcore.kit.progress import RetrainLine, TrainingProgress, TrainingResult, parse_training_line
from bookstream.programs import run_program
from bookstream.settings import load_settings
from bookstream.stores import require_data

TrainerOutput = RetrainLine | TrainingResult


class TrainingFailed(BookstreamError):
    """The trainer ended early; the text is its own error line."""


def train_source(data: Path, source: str, *, snapshot: str | None = None) -> TrainingResult:
    """Train on a source, or again on a snapshot of it; the trainer's result.

    Raises: TrainingFailed.
    """
    results: list[TrainerOutput] = []
    run_training(data, [source, *(["--snapshot", snapshot] if snapshot else [])], on_result=results.append)
    trained = next((line for line in results if isinstance(line, TrainingResult)), None)
    if trained is None:
        raise TrainingFailed("the trainer ended without a result")
    return trained


def train_if_needed(data: Path, source: str) -> str:
    """Train on a source that is due; a sentence about the result, or why it is not due.

    Raises: TrainingFailed.
    """
    lines: list[TrainerOutput] = []
    run_training(data, ["--if-needed", source], on_result=lines.append)
    trained = next((line for line in lines if isinstance(line, TrainingResult)), None)
    if trained is not None:
        return trained.sentence
    reasons = [line.reason for line in lines if isinstance(line, RetrainLine)]
    return f"price model of {source}: not trained again: {'; '.join(reasons)}"


def run_training(data: Path, arguments: Sequence[str], *, on_result: Callable[[TrainerOutput], None]) -> None:
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

    def read_line(text: str) -> None:
        line = parse_training_line(text)
        if isinstance(line, TrainingProgress):
            bar.update(task, completed=line.done, total=line.of)
        else:
            on_result(line)

    with bar:
        run_trainer(data, ["train", *arguments], on_line=read_line)


def run_trainer(data: Path, arguments: Sequence[str], *, on_line: Callable[[str], None]) -> None:
    """Run the trainer's program to its end.

    Raises: NotFound without data, TrainingFailed.
    """
    require_data(load_settings(data))
    environment = {"BOOKSTREAM_DATA": str(data.absolute())}
    exited = run_program(["trainer", *arguments], environment, on_line=on_line)
    if exited.code != 0:
        raise TrainingFailed(exited.last_error.removeprefix("trainer: "))
