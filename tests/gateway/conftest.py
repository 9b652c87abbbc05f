from collections.abc import Iterator

import pytest
from tests.gateway.whole import Platform, run_platform


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with run_platform(tmp_path_factory.mktemp("whole")) as whole:
        yield whole
