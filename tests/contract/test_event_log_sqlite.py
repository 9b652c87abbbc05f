from pathlib import Path

import pytest

from bookcore.testing.contracts.event_log import EventLogContract


class TestSqliteEventLog(EventLogContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite://{tmp_path}/log.db"
