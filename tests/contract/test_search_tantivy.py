from pathlib import Path

import pytest

from bookcore.testing.contracts.search import SearchContract


class TestTantivyIndex(SearchContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"tantivy://{tmp_path}/search"
