"""Records the calls of named functions, in this process or in a module that is run:

`python -m tests.architecture.traced NAMES OUT MODULE ...` runs a module like `python -m MODULE ...` and
writes one qualified name per call to OUT. NAMES are separated by commas.
"""

import runpy
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


class CallRecorder:
    """Qualified names of the watched functions, one per call, over all threads."""

    def __init__(self, watched: Sequence[str]) -> None:
        self._watched = set(watched)
        self.calls: list[str] = []

    def record(self, frame: FrameType, event: str, _: object) -> None:
        """A profile function of sys.setprofile."""
        if event == "call":
            name = f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}"
            if name in self._watched:
                self.calls.append(name)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Records this thread and every thread that is started meanwhile."""
        threading.setprofile(self.record)
        sys.setprofile(self.record)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)


def main() -> None:
    """Runs a module and writes its calls, also when it ends by an exception."""
    recorder, out, sys.argv = CallRecorder(sys.argv[1].split(",")), Path(sys.argv[2]), sys.argv[3:]
    try:
        with recorder.recording():
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    finally:
        out.write_text("\n".join(recorder.calls))


if __name__ == "__main__":
    main()
