"""Structured logs on standard error, one line per event: JSON, or readable text in development."""

import logging
import sys
import traceback
from types import TracebackType

import structlog
from structlog.stdlib import ProcessorFormatter

from bookcore.kit.admin.metrics import read_version
from bookcore.kit.json_line import render_line
from bookcore.kit.secret_files import list_overridden
from bookcore.kit.settings import Settings
from bookcore.kit.tracing.context import current_span

_TALKATIVE = ("alembic", "boto3", "botocore", "elastic_transport", "google", "kafka", "urllib3")
"""Libraries that log every request; only their warnings are kept."""
_CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(9), *range(11, 32), *range(127, 160))}
"""Control characters but tab and line feed, as escapes."""
_NAMES = {"time": "timestamp", "level": "level", "logger": "logger", "message": "event"}
"""The first fields of a line of JSON, by structlog's names."""


def configure_logging(settings: Settings, *, service: str) -> None:
    """Routes structlog and the standard library's loggers to standard error in one format."""
    shared = _list_processors(service, is_json=settings.is_log_json)
    structlog.configure(
        processors=[*shared, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            processors=[ProcessorFormatter.remove_processors_meta, *_list_renderers(settings)],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level)
    logging.captureWarnings(capture=True)
    for talkative in _TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.WARNING)
    logging.getLogger("kafka.net.selector").setLevel(
        logging.ERROR
    )  # it warns of every busy tenth of a second
    if settings.is_log_json:
        sys.excepthook = _log_uncaught
    for name in list_overridden():
        structlog.get_logger().warning("the environment overrides a secret file", variable=name)


def _list_processors(service: str, *, is_json: bool) -> list[structlog.types.Processor]:
    origin = {"service": service, "version": read_version(service)} if is_json else {"service": service}

    def add_origin(_: object, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
        return {**origin, **event}

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_origin,
        _add_span,
    ]


def _list_renderers(settings: Settings) -> list[structlog.types.Processor]:
    if settings.is_log_json:
        return [_explain_exception, _render_json]
    return [
        structlog.processors.format_exc_info,
        _escape_controls,
        structlog.dev.ConsoleRenderer(colors=False),
    ]


def _add_span(_: object, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    span = current_span.get()
    return event if span is None else {**event, "trace_id": span.trace_id, "span_id": span.span_id}


def _explain_exception(_: object, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["exception"] = {
            "type": type(error).__qualname__,
            "message": str(error),
            "stacktrace": "".join(traceback.format_exception(error)),
        }
    return event


def _render_json(_: object, __: str, event: structlog.types.EventDict) -> str:
    first = {ours: event.pop(theirs, "") for ours, theirs in _NAMES.items()}
    return render_line({**first, **event})


def _escape_controls(_: object, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """What comes from outside writes no line and no terminal sequence; a traceback has lines."""
    clean = {
        name: value.translate(_CONTROLS) if isinstance(value, str) else value for name, value in event.items()
    }
    clean["event"] = str(clean["event"]).replace("\n", "\\n")
    return clean


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    structlog.get_logger().critical("uncaught exception", exc_info=error)
