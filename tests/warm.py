"""Programs of ours in processes forked from a warm one, so that the imports of a start are paid once.

The process is one of its own, with its exit code, signals, environment and outputs.
"""

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

_PRELOADED = (
    "scraper.__main__",
    "bookcore.lake.files",
    "bookcore.event_log.sqlite",
    "scraper.frontier.sqlite.frontier",
    "bookstream.__main__",
    "bookstream.commands.import_table",
    "bookstream.commands.status",
)
_warm = get_context("forkserver")
_warm.set_forkserver_preload(list(_PRELOADED))


def run_warm(
    *words: str, environment: Mapping[str, str] | None = None, seconds: float = 240
) -> CompletedProcess[str]:
    """`python -m WORDS` to its end, by the `main` of the module. `environment`: None for that of here."""
    with TemporaryDirectory() as folder:
        process = _warm.Process(target=_run, args=(words, dict(environment or os.environ), folder))
        process.start()
        process.join(seconds)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
            raise TimeoutError(f"{words} runs for more than {seconds} s")
        process.close()
        out, error = ((Path(folder) / name).read_text() for name in ("out", "error"))
        return CompletedProcess(words, code, out, error)


def _run(words: tuple[str, ...], environment: dict[str, str], folder: str) -> None:
    """Within the new process."""
    os.environ.clear()
    os.environ.update(environment)
    for number, name in ((1, "out"), (2, "error")):
        with (Path(folder) / name).open("wb") as file:
            os.dup2(file.fileno(), number)
    sys.argv = list(words)
    sys.exit(import_module(f"{words[0]}.__main__").main())
