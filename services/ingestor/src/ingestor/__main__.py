"""`python -m ingestor`: feed lake, catalogue, topics and index until told to stop.

`python -m ingestor migrate`: make bucket, schema and topics, or bring them up to date.
`python -m ingestor replay`: rebuild catalogue and index from the lake beside the living ones.
"""

import signal
import sys
from collections.abc import Sequence
from threading import Event

import structlog

from bookcore.domain.errors import BookstreamError, Invalid
from bookcore.kit.logging import configure_logging
from bookcore.kit.parent_process import stop_with_parent
from bookcore.kit.settings import read_settings
from ingestor.app import Ingestor, tune_garbage_collector
from ingestor.migrate import migrate_stores
from ingestor.replay import replay
from ingestor.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """0 after a clean stop; 1 with one plain line when it can't start or go on."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        settings = read_settings(Settings)
        configure_logging(settings, service="ingestor")
        stop_with_parent()
        if words == []:
            return _ingest(settings)
        if words == ["migrate"]:
            return _migrate(settings)
        if words[0] == "replay" and set(words[1:]) <= {"--swap"}:
            return _replay(settings, swap="--swap" in words)
        raise Invalid(
            f"unknown words {' '.join(words)!r}; use `python -m ingestor [migrate | replay [--swap]]`"
        )
    except BookstreamError as error:
        sys.stderr.write(f"ingestor: {error}\n")
        return 1


def _ingest(settings: Settings) -> int:
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Ingestor(settings) as ingestor:
        tune_garbage_collector()
        structlog.get_logger().info("started")
        ingestor.run(stop)
    return 0


def _migrate(settings: Settings) -> int:
    for line in migrate_stores(settings):
        sys.stdout.write(f"{line}\n")
    return 0


def _replay(settings: Settings, *, swap: bool) -> int:
    result = replay(settings, swap=swap)
    sys.stdout.write(f"{result}\n")
    if swap:
        sys.stdout.write("the rebuilt catalogue and index are the living ones now\n")
    return 0 if swap or result.is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
