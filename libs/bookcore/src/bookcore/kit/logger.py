"""Loggers of events with fields, on the standard library's: `configure_logging` decides how a line looks.

A package for this would cost each process start a quarter of a second of imports.
"""

import logging
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

FIELDS = "fields"
"""The attribute of a log record that holds its fields."""

bound_fields: ContextVar[Mapping[str, object]] = ContextVar("bound_fields", default=MappingProxyType({}))
"""Fields of every line of the current context."""


class FieldLogger(logging.LoggerAdapter[logging.Logger]):
    """Takes the fields of an event, a constant text, by keyword: `log.warning("page failed", url=url)`."""

    def process(
        self,
        msg: str,
        kwargs: MutableMapping[str, Any],  # Any: as the standard library has it
    ) -> tuple[str, MutableMapping[str, Any]]:
        """`exc_info` is no field."""
        fields = dict(kwargs)
        error = fields.pop("exc_info", None)
        return msg, {"exc_info": error, "extra": {FIELDS: fields}}


def get_logger(name: str) -> FieldLogger:
    """The logger of a module, by `__name__`."""
    return FieldLogger(logging.getLogger(name))


@contextmanager
def bind_fields(**fields: object) -> Iterator[None]:
    """Every line within the block has these fields."""
    token = bound_fields.set({**bound_fields.get(), **fields})
    try:
        yield
    finally:
        bound_fields.reset(token)
