from collections.abc import Iterator
from pathlib import Path

import pytest

from bookcore.event_log import EventLog, open_event_log
from bookcore.lake import Lake, open_lake


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    log = open_event_log(f"sqlite://{tmp_path}/log.db")
    yield log
    log.close()


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    lake = open_lake(f"file://{tmp_path}/lake")
    yield lake
    lake.close()
