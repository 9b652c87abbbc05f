"""The table of predictions on SQLite."""

from pathlib import Path

import pytest
from tests.contract.predictions import PredictionsContract


class TestSqlitePredictions(PredictionsContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/predictions.db"
