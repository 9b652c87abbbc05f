"""Health and metrics of a command, on the admin port of the environment."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from bookcore.kit.admin.health import DependencyMonitor, ProcessHealth
from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.kit.admin.server import AdminPages, open_admin_port
from bookstream.settings import load_settings

VARIABLE = "BOOKSTREAM_ADMIN_PORT"


@contextmanager
def serve_admin_port() -> Iterator[None]:
    """Serves within the block where the environment names a port; a command without one reads no settings.

    Raises: Unavailable when the port is taken.
    """
    if not os.environ.get(VARIABLE):
        yield
        return
    settings = load_settings(None)
    health = ProcessHealth(stuck_seconds=settings.admin_stuck_seconds)
    health.start()
    pages = AdminPages(health=health, dependencies=DependencyMonitor({}), render_metrics=get_metrics().render)
    with open_admin_port(settings, pages):
        yield


@cache
def get_metrics() -> ProcessMetrics:
    """Metrics of this command."""
    return ProcessMetrics("cli")


def record_audit(*, acked: int, lost: int, doubled: int) -> None:
    """Sets the gauges of the audit."""
    for result, count in (("acked", acked), ("lost", lost), ("doubled", doubled)):
        get_metrics().set("bookstream_audit_events", result, value=count)
    get_metrics().set("bookstream_audit_timestamp_seconds", value=time.time())
