"""The console blocks of the how-to pages are pasted as they stand, and print what the pages show."""

import gzip
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest
from docs.generate import ROOT

from bookstream.services import find_free_port

_END = "end of"


@dataclass(frozen=True)
class Step:
    """A command of a page, and the lines that the page shows below it."""

    command: str
    shown: tuple[str, ...]


def list_steps(page: str) -> Iterator[Step]:
    for block in re.findall(r"```console\n(.*?)```", (ROOT / page).read_text(), re.DOTALL):
        for part in re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
            command, *shown = part.rstrip("\n").split("\n")
            yield Step(command, tuple(shown))


def run_steps(steps: list[Step], folder: Path, port: int) -> list[str]:
    """One shell runs all; what each command printed."""
    lines = ["exec 2>&1"]
    for number, step in enumerate(steps):
        command = step.command.replace("8080", str(port)).replace(" up ", f" up --port {port} ")
        lines += [command, f"echo {_END} {number} $?"]
    lines.append("kill $(jobs -p) 2> /dev/null; wait")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "BOOKSTREAM_DATA": str(folder / "data"),
    }
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=400,
        check=False,
    )
    printed, output = [], done.stdout
    for number in range(len(steps)):
        text, _, output = output.partition(f"{_END} {number} ")
        code, _, output = output.partition("\n")
        assert code == "0", f"{steps[number].command}: {text}"
        printed.append(text)
    return printed


def write_table(source: Path, folder: Path, *, rows: int) -> None:
    """The first rows of a gzipped table, under its name; a model of few is trained sooner."""
    with gzip.open(source) as lines, gzip.open(folder / source.name, "wb") as copy:
        copy.writelines(islice(lines, rows + 1))


def check_shown(step: Step, printed: str) -> None:
    """Every line of the page, in order; `...` stands for anything, and so does a duration."""
    rest = printed
    for line in step.shown:
        if line.strip() == "...":
            continue
        pattern = re.sub(r"\\\.\\\.\\\.|[\d.\\]+\\ s\b", ".*", re.escape(line))
        found = re.search(f"^{pattern}$", rest, re.MULTILINE)
        assert found, f"$ {step.command}\nmissing: {line}\nprinted: {printed}"
        rest = rest[found.end() :]


@pytest.mark.parametrize(
    ("page", "rows"),
    [
        ("docs/how-to/import-a-table.md", 10_000),
        ("docs/how-to/train-and-predict.md", 600),
    ],  # all; to be quick
)
def test_console_blocks_of_the_page_run_and_print_what_it_shows(
    page: str, rows: int, shared_data: Path, tmp_path: Path
) -> None:
    write_table(shared_data / "serbian_bookshop/books.csv.gz", tmp_path, rows=rows)
    for table in re.findall(r"```csv\n(.*?)```", (ROOT / page).read_text(), re.DOTALL):
        (tmp_path / "shop.csv").write_text(table)
    port = find_free_port()
    steps = list(list_steps(page))
    for step, printed in zip(steps, run_steps(steps, tmp_path, port), strict=True):
        check_shown(step, printed)
