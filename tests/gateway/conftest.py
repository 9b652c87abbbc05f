import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gateway.browser import open_browser
from tests.gateway.person import SIZES, Person
from tests.gateway.whole import Platform, run_platform


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with run_platform(tmp_path_factory.mktemp("whole")) as whole:
        yield whole


@pytest.fixture(params=SIZES)
def person(request: pytest.FixtureRequest, whole: Platform, tmp_path: Path) -> Iterator[Person]:
    width, height = SIZES[request.param]
    with open_browser(tmp_path / "profile", width=width, height=height) as driver:
        shots = Path(os.environ.get("BOOKSTREAM_SHOTS", tmp_path))
        yield Person(driver, whole.address, size=request.param, shots=shots)
