"""When a source is to be crawled: `[schedule]` of its source.toml."""

import re
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Protocol, Self, cast
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

_EVERY = re.compile(r"([1-9][0-9]{0,3})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_ONE_OF = "schedule needs either every or cron"


class _Cron(Protocol):
    def find_fault(self, expression: str) -> str | None: ...

    def find_next(self, expression: str, after: datetime) -> datetime: ...


class Schedule(BaseModel):
    """Either `every` or `cron`; the field descriptions complete "must be ..." for people."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    every: str | None = Field(
        None, pattern=f"^{_EVERY.pattern}$", description="a number and m, h or d, such as 30m, 1h or 7d"
    )
    cron: str | None = Field(
        None, max_length=100, description="five fields of cron (minute, hour, day, month, weekday)"
    )
    timezone: str = Field("UTC", max_length=60, description="a time zone such as Europe/Belgrade")

    @model_validator(mode="after")
    def _check_choice(self) -> Self:
        if (self.every is None) == (self.cron is None):
            raise ValueError(_ONE_OF)
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(
                f"schedule.timezone {self.timezone!r} is not known; an example is UTC"
            ) from error
        if self.cron is not None and (fault := _load_cron().find_fault(self.cron)):
            raise ValueError(f"schedule.cron {self.cron!r} {fault}")
        return self

    def __str__(self) -> str:
        if self.every is not None:
            return f"every {self.every}"
        return f"cron {self.cron} {self.timezone}"

    def compute_due(self, last: datetime) -> datetime:
        """When the run after the one that began at `last` is due (UTC): slots that were missed meanwhile are
        one."""
        if self.every is not None:
            return last.astimezone(UTC) + _parse_every(self.every)
        assert self.cron is not None
        return _load_cron().find_next(self.cron, last.astimezone(ZoneInfo(self.timezone))).astimezone(UTC)


def _parse_every(text: str) -> timedelta:
    number, unit = text[:-1], text[-1]
    return timedelta(**{_UNITS[unit]: int(number)})


def _load_cron() -> _Cron:
    """Imported by name: most sources have no cron, and its library would cost every start 70 ms."""
    return cast(_Cron, import_module("booksources.sources.cron"))
