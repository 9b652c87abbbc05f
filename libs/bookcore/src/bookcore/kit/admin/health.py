"""Health of a process: whether its loops turn, whether it takes work, whether its stores answer."""

import time
from collections.abc import Callable, Mapping
from threading import Event, Thread

from bookcore.domain.errors import BookstreamError, Unavailable

Check = Callable[[], object]
"""Raises a BookstreamError when a store can't be used now; may block."""
CHECK_SECONDS = 10.0
"""Between two checks of a store."""
HANG_SECONDS = 5.0
"""A check that takes longer says that the store is away."""


class ProcessHealth:
    """Liveness and readiness; thread-safe. Neither asks a store: a shared one that is away would take every
    process out of service at once, also those that could go on without it.

    A loop beats at each turn and is stuck when it hasn't for `stuck_seconds`.
    """

    def __init__(self, *, stuck_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._stuck_seconds = stuck_seconds
        self._now = now
        self._beats: dict[str, float] = {}
        self._requirements: dict[str, Callable[[], bool]] = {}
        self._is_started = self._is_leaving = False

    def beat(self, loop: str) -> None:
        """A turn of the loop; the first one makes it known."""
        self._beats[loop] = self._now()

    def forget(self, loop: str) -> None:
        """The loop has ended in order."""
        self._beats.pop(loop, None)

    def require(self, what: str, is_met: Callable[[], bool]) -> None:
        """The process is ready only while this is met; `what` completes the sentence "waits for"."""
        self._requirements[what] = is_met

    def start(self) -> None:
        """The process takes work from now on."""
        self._is_started = True

    def leave(self) -> None:
        """The process takes no new work from now on."""
        self._is_leaving = True

    def check_live(self) -> None:
        """Raises: Unavailable with the loops that are stuck."""
        latest = self._now() - self._stuck_seconds
        stuck = sorted(loop for loop, beat in self._beats.copy().items() if beat < latest)
        if stuck:
            raise Unavailable(f"no turn of {', '.join(stuck)} for {self._stuck_seconds:g} s")

    def check_ready(self) -> None:
        """Raises: Unavailable before the start, after the order to stop, and while a requirement is not
        met."""
        if self._is_leaving:
            raise Unavailable("stopping")
        if not self._is_started:
            raise Unavailable("starting")
        missing = [what for what, is_met in self._requirements.items() if not is_met()]
        if missing:
            raise Unavailable(f"waits for {', '.join(missing)}")


class DependencyMonitor:
    """Checks the stores of a process every ten seconds, each in a thread of its own, so that one that hangs
    delays neither a probe, a scrape nor another check."""

    def __init__(self, checks: Mapping[str, Check], *, now: Callable[[], float] = time.monotonic) -> None:
        self._checks = checks
        self._now = now
        self._stop = Event()
        self._reasons: dict[str, str | None] = {}
        self._asked_at: dict[str, float] = {}

    def start(self) -> None:
        """Checks until `close`."""
        for name in self._checks:
            Thread(target=self._run, args=(name,), name=f"check {name}", daemon=True).start()

    def close(self) -> None:
        """A check under way ends by itself."""
        self._stop.set()

    def read_states(self) -> Mapping[str, str | None]:
        """None for a store that answered, else the reason; without those that were never asked."""
        states = dict(self._reasons)
        for name, asked_at in dict(self._asked_at).items():
            if self._now() - asked_at > HANG_SECONDS:
                states[name] = f"no answer for {HANG_SECONDS:g} s"
        return states

    def _run(self, name: str) -> None:
        while not self._stop.is_set():
            self._asked_at[name] = self._now()
            self._reasons[name] = _find_reason(self._checks[name])
            del self._asked_at[name]
            self._stop.wait(CHECK_SECONDS)


def _find_reason(check: Check) -> str | None:
    try:
        check()
    except BookstreamError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - reported as the state of the store
        return f"{type(error).__name__}: {error}"
    return None
