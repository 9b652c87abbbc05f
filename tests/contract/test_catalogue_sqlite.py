from pathlib import Path

import pytest

from bookcore.testing.contracts.catalogue import CatalogueContract
from bookcore.testing.contracts.catalogue_categories import CatalogueCategoriesContract
from bookcore.testing.contracts.catalogue_changes import CatalogueChangesContract
from bookcore.testing.contracts.catalogue_migration import CatalogueMigrationContract
from bookcore.testing.contracts.catalogue_offers import CatalogueOffersContract
from bookcore.testing.contracts.catalogue_runs import CatalogueRunsContract


class TestSqliteCatalogue(
    CatalogueContract,
    CatalogueOffersContract,
    CatalogueRunsContract,
    CatalogueCategoriesContract,
    CatalogueChangesContract,
    CatalogueMigrationContract,
):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/catalogue.db"

    @pytest.fixture
    def empty_url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/empty.db"

    @pytest.fixture
    def other_url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/other.db"
