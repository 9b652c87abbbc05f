from pathlib import Path

import pytest
from tests.contract.frontier import FrontierContract


class TestSqliteFrontier(FrontierContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite://{tmp_path}/frontier"
