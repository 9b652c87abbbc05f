"""Failpoints: named places where a test can kill the process, to prove that nothing is lost there."""

import os
import signal
from enum import StrEnum

ENVIRONMENT_VARIABLE = "BOOKSTREAM_CRASH_AT"


class Failpoint(StrEnum):
    """`NAME:N` in the environment variable triggers at the N-th pass."""

    SCRAPER_AFTER_PAGE_STORED = "scraper.after_page_stored"
    SCRAPER_AFTER_APPEND = "scraper.after_append"
    SCRAPER_AFTER_LEDGER = "scraper.after_ledger"
    SCRAPER_AFTER_MARK = "scraper.after_mark"
    INGESTOR_AFTER_POLL = "ingestor.after_poll"
    INGESTOR_AFTER_LAKE_PUT = "ingestor.after_lake_put"
    INGESTOR_INSIDE_TRANSACTION = "ingestor.inside_transaction"
    INGESTOR_AFTER_TRANSACTION = "ingestor.after_transaction"
    INGESTOR_AFTER_PARK = "ingestor.after_park"
    CONSUMER_AFTER_COMMIT = "consumer.after_commit"
    INGESTOR_AFTER_RELAY_APPEND = "ingestor.after_relay_append"
    INGESTOR_AFTER_RELAY_MARK = "ingestor.after_relay_mark"
    INGESTOR_AFTER_INDEX = "ingestor.after_index"


_pass_counts: dict[Failpoint, int] = {}


def trigger_failpoint(point: Failpoint) -> None:
    """Kills this process without clean-up when the environment names this failpoint; otherwise does
    nothing.
    """
    wanted = os.environ.get(ENVIRONMENT_VARIABLE)
    if not wanted:
        return
    name, _, nth = wanted.partition(":")
    if name != point:
        return
    _pass_counts[point] = _pass_counts.get(point, 0) + 1
    if _pass_counts[point] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
