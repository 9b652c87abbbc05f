from collections.abc import Iterator

import pytest
from tests.gateway.whole import Whole, whole_platform


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with whole_platform(tmp_path_factory.mktemp("whole")) as whole:
        yield whole
