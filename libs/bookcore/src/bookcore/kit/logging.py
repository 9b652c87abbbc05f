"""Structured logs: one line per event on standard error, JSON in production, readable in development."""

import logging
import sys

import structlog

from bookcore.kit.secret_files import list_overridden
from bookcore.kit.settings import Environment, Settings

_TALKATIVE = ("alembic", "boto3", "botocore", "elastic_transport", "kafka", "urllib3")
"""Libraries that log every request; only their warnings are kept."""


def configure_logging(settings: Settings, *, service: str) -> None:
    """Routes structlog and the standard library's loggers to standard error in one format."""
    production = settings.environment is Environment.PRODUCTION
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if production else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        stream=sys.stderr, level=settings.log_level, format="%(levelname)s %(name)s %(message)s"
    )
    for talkative in _TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.WARNING)
    logging.getLogger("kafka.net.selector").setLevel(
        logging.ERROR
    )  # it warns of every busy tenth of a second
    structlog.contextvars.bind_contextvars(service=service)
    for name in list_overridden():
        structlog.get_logger().warning("the environment overrides a secret file", variable=name)
