from pathlib import Path

import pytest
from tests.contract.frontier import FrontierContract
from tests.contract.schedules import ScheduleContract


class TestSqliteFrontier(FrontierContract, ScheduleContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite://{tmp_path}/frontier"
