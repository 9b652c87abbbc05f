"""`bookstream train`: train a price model."""

import json
from typing import Annotated

import typer

from bookcore.kit.progress import RetrainLine
from bookstream.commands.options import AsJson, Data
from bookstream.settings import load_settings
from bookstream.training import TrainerOutput, run_training, train_source


def train(
    *,
    source: Annotated[str | None, typer.Option(help="A crawled or imported source.")] = None,
    snapshot: Annotated[str | None, typer.Option(help="Train again on this snapshot.")] = None,
    if_needed: Annotated[
        bool, typer.Option("--if-needed", help="Train only the sources that are due.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Train a price model on the books of a source.

    The model is promoted only if it beats the baseline (the middle price) with 95 % confidence; otherwise it
    is refused, with the reason. `bookstream model list` shows all versions.

    --if-needed trains a source only if it has no model, or its newest model is old, or many of its books are
    new or have another price, or new books differ from old ones, or the error on live prices is too high. It
    prints the reason for every source, or for the one that --source names.
    """
    folder = load_settings(data).data
    if if_needed:
        if snapshot:
            raise typer.BadParameter("a snapshot never changes; leave out --if-needed")

        def print_line(line: TrainerOutput) -> None:
            print(json.dumps(line.model_dump(mode="json")) if as_json else _format_line(line), flush=True)

        run_training(folder, ["--if-needed", *([source] if source else [])], on_result=print_line)
        return
    if source is None:
        raise typer.BadParameter("name a --source, or use --if-needed for all sources")
    trained = train_source(folder, source, snapshot=snapshot)
    print(json.dumps(trained.model_dump(mode="json")) if as_json else trained.sentence)


def _format_line(line: TrainerOutput) -> str:
    if isinstance(line, RetrainLine):
        return f"{line.source}: {'due' if line.needed else 'not due'}: {line.reason}"
    return line.sentence
