from pathlib import Path

import pytest

from bookcore.testing.contracts.catalogue import CatalogueContract


class TestSqliteCatalogue(CatalogueContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/catalogue.db"

    @pytest.fixture
    def other_url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/other.db"
