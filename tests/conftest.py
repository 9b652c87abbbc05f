import os
from pathlib import Path

import hypothesis
import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real input that BOOKSTREAM_TEST_DATA names; tests that need it are skipped without it."""
    named = os.environ.get("BOOKSTREAM_TEST_DATA")
    if not named:
        pytest.skip("BOOKSTREAM_TEST_DATA names no folder with the real pages")
    return Path(named)


hypothesis.settings.register_profile("bookstream", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("bookstream")
