"""Structured logs on standard error, one line per event: JSON, or readable text in development."""

import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

from bookcore.kit.admin.metrics import read_version
from bookcore.kit.json_line import render_line
from bookcore.kit.logger import FIELDS, bound_fields, get_logger
from bookcore.kit.secret_files import list_overridden
from bookcore.kit.settings import Settings
from bookcore.kit.tracing.context import current_span

_log = get_logger(__name__)

_TALKATIVE = ("alembic", "boto3", "botocore", "elastic_transport", "google", "kafka", "urllib3")
"""Libraries that log every request; only their warnings are kept."""
_CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(9), *range(11, 32), *range(127, 160))}
"""Control characters but tab and line feed, as escapes."""
_QUOTED = frozenset(" \t=\r\n\"'")
"""A text with one of them is shown in quotation marks."""


def configure_logging(settings: Settings, *, service: str) -> None:
    """Routes all loggers to standard error in one format."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter(service) if settings.is_log_json else _TextFormatter(service))
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
        _log.warning("the environment overrides a secret file", variable=name)


class _JsonFormatter(logging.Formatter):
    """One object a line; time, level, logger and message come first."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._origin = {"service": service, "version": read_version(service)}

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        first = {
            "time": _format_time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        error = record.exc_info[1] if record.exc_info else None
        exception = {"exception": _describe_error(error)} if error else {}
        return render_line({**first, **self._origin, **_list_fields(record), **exception})


class _TextFormatter(logging.Formatter):
    """Time, level, message and logger, then the fields by name; a traceback has lines of its own."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._origin = {"service": service}

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        message = _escape_controls(record.getMessage()).replace("\n", "\\n")
        begin = f"{_format_time(record)} [{record.levelname.lower():<9}] {message:<30}"
        fields = {**self._origin, **_list_fields(record)}
        shown = " ".join(f"{name}={_show(value)}" for name, value in sorted(fields.items()))
        line = f"{begin} [{_escape_controls(record.name)}] {shown}"
        error = record.exc_info[1] if record.exc_info else None
        return f"{line}\n{_escape_controls(_format_error(error)).rstrip()}" if error else line


def _format_time(record: logging.LogRecord) -> str:
    time = datetime.fromtimestamp(record.created, UTC)
    return f"{time.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _list_fields(record: logging.LogRecord) -> dict[str, object]:
    fields = {**bound_fields.get(), **getattr(record, FIELDS, {})}
    span = current_span.get()
    return fields if span is None else {**fields, "trace_id": span.trace_id, "span_id": span.span_id}


def _describe_error(error: BaseException) -> dict[str, str]:
    return {"type": type(error).__qualname__, "message": str(error), "stacktrace": _format_error(error)}


def _format_error(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _show(value: object) -> str:
    if not isinstance(value, str):
        return repr(value)
    clean = _escape_controls(value)
    return repr(clean) if _QUOTED & set(clean) else clean


def _escape_controls(text: str) -> str:
    """What comes from outside writes no line and no terminal sequence."""
    return text.translate(_CONTROLS)


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    _log.critical("uncaught exception", exc_info=error)
