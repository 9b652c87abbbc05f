"""`bookstream train` as its user types it, with a trainer that writes more than a pipe holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bookstream.settings import load_settings
from bookstream.stores import prepare_stores

_WITHIN = 60.0  # seconds
_TRAINER = """
import json
import sys
sys.stderr.write("a warning\\n" * 30_000)
sys.stderr.flush()
print('{"event": "progress", "what": "folds", "done": 1, "of": 5}')
trained = {"event": "trained", "decision": "promoted", "sentence": "price-shop-gbp version 1 is promoted"}
model = {"name": "price-shop-gbp", "version": 1, "digest": "", "snapshot": "", "metrics": {}}
print(json.dumps({**trained, **model}))
"""


@pytest.fixture
def trainer(tmp_path: Path) -> Path:
    """A folder of packages in which `trainer` warns with 300 kB on standard error."""
    package = tmp_path / "packages" / "trainer"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(_TRAINER)
    return package.parent


def test_train_ends_when_the_trainer_fills_the_pipe_of_standard_error(tmp_path: Path, trainer: Path) -> None:
    prepare_stores(load_settings(tmp_path / "data"))
    command = [sys.executable, "-m", "bookstream", "train", "--source", "shop"]
    done = subprocess.run(
        [*command, "--data", str(tmp_path / "data")],
        env={**os.environ, "PYTHONPATH": str(trainer)},
        capture_output=True,
        text=True,
        check=False,
        timeout=_WITHIN,
    )
    assert (done.returncode, done.stdout) == (0, "price-shop-gbp version 1 is promoted\n"), done.stderr[-500:]
