"""When a source is due."""

from datetime import UTC, datetime

import pytest

from bookcore.domain.errors import Invalid
from booksources.sources.definition import parse_definition
from booksources.sources.schedule import Schedule

SOURCE = {"name": "shop", "reader": "schema_org", "start": ["http://shop/"]}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "last", "due"),
    [
        (Schedule(every="1h"), "2026-05-04T12:20", "2026-05-04T13:20"),
        (Schedule(every="30m"), "2026-05-04T23:45", "2026-05-05T00:15"),
        (Schedule(every="7d"), "2026-05-04T12:00", "2026-05-11T12:00"),
        (Schedule(cron="0 */6 * * *"), "2026-05-04T12:00", "2026-05-04T18:00"),
        (Schedule(cron="0 */6 * * *"), "2026-05-04T11:59", "2026-05-04T12:00"),
        (Schedule(cron="30 3 * * 1"), "2026-05-04T03:30", "2026-05-11T03:30"),
        (Schedule(cron="0 3 * * *", timezone="Europe/Belgrade"), "2026-05-04T12:00", "2026-05-05T01:00"),
        (Schedule(cron="0 3 * * *", timezone="Europe/Belgrade"), "2026-12-04T12:00", "2026-12-05T02:00"),
        (Schedule(cron="30 2 * * *", timezone="Europe/Belgrade"), "2026-03-28T12:00", "2026-03-29T01:00"),
    ],
)
def test_a_source_is_due_after_its_last_run(schedule: Schedule, last: str, due: str) -> None:
    assert schedule.compute_due(at(last)) == at(due)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"evry": "1h"}, "there is no key 'schedule.evry'; the nearest is 'every'"),
        ({"every": "hourly"}, "'schedule.every' must be a number and m, h or d, such as 30m, 1h or 7d"),
        ({"every": "0h"}, "'schedule.every' must be a number and m, h or d, such as 30m, 1h or 7d"),
        ({"every": 3600}, "'schedule.every' must be a number and m, h or d, such as 30m, 1h or 7d"),
        ({}, "schedule needs either every or cron"),
        ({"every": "1h", "cron": "0 * * * *"}, "schedule needs either every or cron"),
        ({"cron": "* *"}, "schedule.cron '* *' must have five fields: minute, hour, day, month, weekday"),
        ({"cron": "61 * * * *"}, "schedule.cron '61 * * * *' has a field out of range, or never comes due"),
        ({"cron": "0 0 31 2 *"}, "schedule.cron '0 0 31 2 *' has a field out of range, or never comes due"),
        (
            {"every": "1h", "timezone": "Mars/Base"},
            "schedule.timezone 'Mars/Base' is not known; an example is UTC",
        ),
        ({"every": "1h", "timezone": "../etc"}, "schedule.timezone '../etc' is not known; an example is UTC"),
    ],
)
def test_a_fault_of_a_schedule_is_one_line_with_its_key(keys: dict[str, object], line: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_definition({**SOURCE, "schedule": keys}, place="source.toml")
    assert str(refusal.value) == f"source.toml: {line}"


def test_a_source_without_a_schedule_has_none_and_others_show_theirs() -> None:
    assert parse_definition(dict(SOURCE), place="x").schedule is None
    found = parse_definition({**SOURCE, "schedule": {"every": "1h"}}, place="x").schedule
    assert str(found) == "every 1h"
    assert str(Schedule(cron="0 3 * * *", timezone="Europe/Belgrade")) == "cron 0 3 * * * Europe/Belgrade"
