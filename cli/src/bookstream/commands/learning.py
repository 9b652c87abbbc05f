"""`train` and `model`: price models, trained and decided about by the trainer's own program."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from bookcore.domain.errors import BookstreamError
from bookstream.programs import run_program
from bookstream.settings import settings_for
from bookstream.stores import refuse_empty

Data = Annotated[Path | None, typer.Option(help="Folder of all data; default: BOOKSTREAM_DATA, or ./var.")]
Name = Annotated[str, typer.Argument(help="As `bookstream model list` shows it.")]
Reason = Annotated[str, typer.Option(help="Kept with the decision.")]
Line = dict[str, Any]  # JSON that our own trainer wrote


class TrainingFailed(BookstreamError):
    """The trainer ended early; the text is its own line."""


def train(
    *,
    source: Annotated[str | None, typer.Option(help="A crawled or imported source.")] = None,
    snapshot: Annotated[str | None, typer.Option(help="Train again on this snapshot.")] = None,
    if_needed: Annotated[bool, typer.Option("--if-needed", help="Only what is due: of all sources.")] = False,
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Train a price model on a source's books; promote it only if it surely beats the middle price.

    With --if-needed a source is trained on only if it has no model yet, or if the newest is old, many books
    are new or have another price, new books differ from the old ones, or live prices are too far off. What
    was found is said of every source, or of the one that is named.
    """
    folder = settings_for(data).data
    if if_needed:
        if snapshot:
            raise typer.BadParameter("a snapshot never changes; leave out --if-needed")
        words = ["train", "--if-needed", *([source] if source else [])]
        _follow_training(
            folder, words, lambda line: print(json.dumps(line) if as_json else _sentence(line), flush=True)
        )
        return
    if source is None:
        raise typer.BadParameter("name a --source, or say --if-needed")
    outcome = trained(folder, ["train", source, *(["--snapshot", snapshot] if snapshot else [])])
    print(json.dumps(outcome) if as_json else outcome["sentence"])


def _sentence(line: Line) -> str:
    if line["event"] == "need":
        return f"{line['source']}: {'due' if line['needed'] else 'not due'}: {line['reason']}"
    return str(line["sentence"])


def list_models(*, data: Data = None) -> None:
    """Every version with its role, its errors out of fold, the gate's verdict, and why it has its role."""
    table = Table(
        "model", "version", "role", "verdict", "RMSLE", "gain", "coverage", "books", "why", box=None
    )

    def add_row(line: Line) -> None:
        figures = (
            _shown(line["rmsle"], ".3f"),
            _shown(line["gain"], "+.1%"),
            _shown(line["coverage"], ".3f"),
            str(line["books"]),
            line["reason"],
        )
        table.add_row(line["name"], str(line["version"]), line["role"], line["verdict"], *figures)

    _run_trainer(settings_for(data).data, ["model", "list"], add_row)
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _shown(figure: float | None, form: str) -> str:
    return "-" if figure is None else format(figure, form)


def promote(name: Name, version: int, *, reason: Reason = "", data: Data = None) -> None:
    """Put a version to use; one that was refused stays refused."""
    _decide(data, "promote", name, version, reason)


def reject(name: Name, version: int, *, reason: Reason = "", data: Data = None) -> None:
    """Never use a version again; if it was the champion, the one before is it again."""
    _decide(data, "reject", name, version, reason)


def challenge(name: Name, version: int, *, reason: Reason = "", data: Data = None) -> None:
    """Try a version beside the champion: only recorded, or on readers, as BOOKSTREAM_ML_TRIAL says."""
    _decide(data, "challenge", name, version, reason)


def rollback(name: Name, *, reason: Reason = "", data: Data = None) -> None:
    """Take the last promotion back."""
    _decide(data, "rollback", name, None, reason)


def model() -> typer.Typer:
    """The group of these verbs."""
    group = typer.Typer(help="Price models: look, promote, try, reject, roll back.", no_args_is_help=True)
    group.command("list")(list_models)
    for verb in (promote, reject, challenge, rollback):
        group.command()(verb)
    return group


def trained(data: Path, words: list[str]) -> Line:
    """Run the trainer to its end, with a bar on a terminal; its last line.

    Raises: TrainingFailed.
    """
    outcomes: list[Line] = []
    _follow_training(data, words, outcomes.append)
    outcome = next((line for line in outcomes if line["event"] == "trained"), None)
    if outcome is None:
        raise TrainingFailed("the trainer said nothing")
    return outcome


def _follow_training(data: Path, words: list[str], on_line: Callable[[Line], None]) -> None:
    """The trainer's lines but for progress, which moves a bar on a terminal."""
    bar = Progress(
        TextColumn("training"),
        BarColumn(bar_width=30),
        TextColumn("{task.completed:.0f} of {task.total:.0f} folds"),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    task = bar.add_task("train", total=1)

    def follow(line: Line) -> None:
        if line["event"] == "progress":
            bar.update(task, completed=line["done"], total=line["of"])
        else:
            on_line(line)

    with bar:
        _run_trainer(data, words, follow)


def _decide(data: Path | None, act: str, name: str, version: int | None, reason: str) -> None:
    words = [
        "model",
        act,
        name,
        *([str(version)] if version is not None else []),
        *([reason] if reason else []),
    ]

    def show(line: Line) -> None:
        print(f"{line['act']}: {line['name']} version {line['version']}")

    _run_trainer(settings_for(data).data, words, show)


def _run_trainer(data: Path, words: list[str], on_line: Callable[[Line], None]) -> None:
    refuse_empty(settings_for(data))
    environment = {"BOOKSTREAM_DATA": str(data.absolute())}
    exited = run_program(["trainer", *words], environment, on_line=lambda text: on_line(json.loads(text)))
    if exited.code != 0:
        raise TrainingFailed(exited.last_error.removeprefix("trainer: "))
