from pathlib import Path

import pytest

from bookcore.testing.contracts.lake import LakeContract


class TestFileLake(LakeContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"file://{tmp_path}/lake"
