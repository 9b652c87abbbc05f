"""`bookstream model list|promote|reject|challenge|rollback`: versions of price models and their roles."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bookcore.kit.progress import DecisionLine, ModelLine
from bookstream.commands.options import AsJson, Data
from bookstream.settings import load_settings
from bookstream.training import run_trainer

HELP = """Versions of price models and their roles.

The champion predicts; a challenger is tried beside it; a rejected version is never used again. Every decision
is kept with its reason.
"""
Name = Annotated[str, typer.Argument(help="A name of `bookstream model list`.")]
Version = Annotated[int, typer.Argument(help="A version of `bookstream model list`.")]
Reason = Annotated[str, typer.Option(help="Stored with the decision.")]
_COLUMNS = ("model", "version", "role", "verdict", "RMSLE", "gain", "coverage", "books", "why")


def list_models(*, data: Data = None, as_json: AsJson = False) -> None:
    """List every version: role, errors out of fold, the gate's verdict, and the reason for its role."""
    if as_json:
        run_trainer(load_settings(data).data, ["model", "list"], on_line=lambda text: print(text.strip()))
        return
    table = Table(*_COLUMNS, box=None)

    def add_row(text: str) -> None:
        line = ModelLine.model_validate_json(text)
        figures = (
            _format_figure(line.rmsle, ".3f"),
            _format_figure(line.gain, "+.1%"),
            _format_figure(line.coverage, ".3f"),
            str(line.books),
            line.reason,
        )
        table.add_row(line.name, str(line.version), line.role, line.verdict, *figures)

    run_trainer(load_settings(data).data, ["model", "list"], on_line=add_row)
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def promote(name: Name, version: Version, *, reason: Reason = "", data: Data = None) -> None:
    """Make a version the champion; a refused version can't be promoted."""
    _decide(data, "promote", name, version, reason)


def reject(name: Name, version: Version, *, reason: Reason = "", data: Data = None) -> None:
    """Never use a version again; if it is the champion, the previous champion replaces it."""
    _decide(data, "reject", name, version, reason)


def challenge(name: Name, version: Version, *, reason: Reason = "", data: Data = None) -> None:
    """Try a version beside the champion; BOOKSTREAM_ML_TRIAL chooses shadow, split or canary."""
    _decide(data, "challenge", name, version, reason)


def rollback(name: Name, *, reason: Reason = "", data: Data = None) -> None:
    """Undo the last promotion."""
    _decide(data, "rollback", name, None, reason)


def create_group() -> typer.Typer:
    """The group of these verbs."""
    group = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(list_models)
    for verb in (promote, reject, challenge, rollback):
        group.command()(verb)
    return group


def _format_figure(figure: float | None, spec: str) -> str:
    return "-" if figure is None else format(figure, spec)


def _decide(data: Path | None, action: str, name: str, version: int | None, reason: str) -> None:
    words = [
        "model",
        action,
        name,
        *([str(version)] if version is not None else []),
        *([reason] if reason else []),
    ]

    def print_decision(text: str) -> None:
        line = DecisionLine.model_validate_json(text)
        serving = f"version {line.champion} serves" if line.champion else "the labelled baseline serves"
        print(f"{line.act}: {line.name} version {line.version}; {serving} now")

    run_trainer(load_settings(data).data, words, on_line=print_decision)
