"""`python -m ingestor`: consume events into lake, catalogue, topics and index until SIGTERM or SIGINT.

`python -m ingestor migrate`: create bucket, schema and topics, or migrate them.
`python -m ingestor replay`: rebuild catalogue and index from the lake beside the live ones.
`python -m ingestor replay --index`: rebuild the search index alone; `--rollback`: put back the one of before.
`python -m ingestor drill`: do that for practice, compare, and tell how long it took.
"""

import signal
import sys
from collections.abc import Iterator, Sequence
from threading import Event

from bookcore.domain.errors import BookstreamError, Invalid
from bookcore.kit.admin.server import open_admin_port
from bookcore.kit.logger import get_logger
from bookcore.kit.logging import configure_logging
from bookcore.kit.parent_process import stop_with_parent
from bookcore.kit.settings import read_settings
from ingestor.app import Ingestor, tune_garbage_collector
from ingestor.drill import run_drill
from ingestor.index_rebuild import rebuild_index, roll_back_index
from ingestor.migrate import migrate_stores
from ingestor.replay import replay
from ingestor.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 after an orderly stop, 1 after an error, which is one line on standard error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        settings = read_settings(Settings)
        configure_logging(settings, service="ingestor")
        stop_with_parent()
        if words == []:
            return _run_ingestor(settings)
        if words == ["migrate"]:
            return _print_lines(migrate_stores(settings))
        if words in (["replay", "--index"], ["replay", "--index", "--force"]):
            return _print_lines(rebuild_index(settings, force="--force" in words))
        if words == ["replay", "--rollback"]:
            return _print_lines(roll_back_index(settings))
        if words[0] == "replay" and set(words[1:]) <= {"--swap"}:
            return _run_replay(settings, swap="--swap" in words)
        if words[0] == "drill" and set(words[1:]) <= {"--json"}:
            return _run_drill(settings, as_json="--json" in words)
        raise Invalid(
            f"unknown arguments {' '.join(words)!r};"
            " use `python -m ingestor [migrate | replay [--swap | --index [--force] | --rollback] |"
            " drill [--json]]`"
        )
    except BookstreamError as error:
        sys.stderr.write(f"ingestor: {error}\n")
        return 1


def _run_ingestor(settings: Settings) -> int:
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Ingestor(settings) as ingestor, open_admin_port(settings, ingestor.build_pages()):
        tune_garbage_collector()
        get_logger(__name__).info("started")
        ingestor.run(stop)
    return 0


def _print_lines(lines: Iterator[str]) -> int:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    return 0


def _run_replay(settings: Settings, *, swap: bool) -> int:
    result = replay(settings, swap=swap)
    sys.stdout.write(f"{result}\n")
    if swap:
        sys.stdout.write("the rebuilt catalogue and index are live now\n")
    return 0 if swap or result.is_equal else 1


def _run_drill(settings: Settings, *, as_json: bool) -> int:
    report = run_drill(settings)
    sys.stdout.write(f"{report.to_json() if as_json else report}\n")
    return 0 if report.is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
