"""Runs one of our programs as a child process and reads its lines."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from bookcore.kit.parent_process import ENVIRONMENT_VARIABLE as PARENT_PIPE


@dataclass(frozen=True, slots=True)
class ProgramExit:
    """Exit code, and the lines of standard error."""

    code: int
    errors: Sequence[str]

    @property
    def last_error(self) -> str:
        """The last line of standard error."""
        return self.errors[-1].strip() if self.errors else "no error message"


def run_program(
    arguments: Sequence[str], environment: Mapping[str, str], *, on_line: Callable[[str], None]
) -> ProgramExit:
    """Run `python -m ARGUMENTS` to its end; `on_line` gets each line of standard output as it is written.

    Both outputs are drained at the same time: a full pipe of one would block the child for ever. Ctrl-C is
    passed on as SIGINT, so that the child stops cleanly; any other exception of `on_line` terminates it.
    """
    with _open_child(arguments, environment) as child, ThreadPoolExecutor(1) as drain:
        assert child.stdout is not None
        assert child.stderr is not None
        errors = drain.submit(child.stderr.readlines)
        try:
            for line in child.stdout:
                on_line(line)
        except BaseException as error:
            child.send_signal(signal.SIGINT if isinstance(error, KeyboardInterrupt) else signal.SIGTERM)
            _discard(child.stdout)
            raise
        finally:
            child.wait()
        return ProgramExit(child.returncode, errors.result())


@contextmanager
def _open_child(arguments: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """In a session of its own; it sees our end of a pipe close, however we end."""
    parent_pipe = os.pipe()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env={**os.environ, "BOOKSTREAM_ADMIN_PORT": "0", **environment, PARENT_PIPE: str(parent_pipe[0])},
            pass_fds=parent_pipe[:1],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as child:
            yield child
    finally:
        for descriptor in parent_pipe:
            os.close(descriptor)


def _discard(lines: IO[str]) -> None:
    for _ in lines:
        pass
