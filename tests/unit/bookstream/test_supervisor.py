"""The supervisor of local services."""

import os
import signal
from pathlib import Path
from threading import Event

import pytest
from tests.gateway.rolling import wait_until

from bookstream import supervisor
from bookstream.supervisor import Service, Supervisor

_SLEEPER = """
import os, signal, sys
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
if sys.argv[2] == "sleep":
    signal.pause()
sys.exit("no reason to stay")
"""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with the program `sleeper`, which writes its pid to a file and sleeps, or ends."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "sleeper.py").write_text(_SLEEPER.replace("\\\\n", "\\n"))
    return folder


def read_pids(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_killed_service_is_started_again(
    tmp_path: Path, packages: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pids = tmp_path / "pids"
    with Supervisor(tmp_path / "logs", {"PYTHONPATH": str(packages)}) as services:
        services.start_all([Service("sleeper", ["sleeper", str(pids), "sleep"])])
        wait_until(lambda: len(read_pids(pids)) == 1)
        os.kill(read_pids(pids)[0], signal.SIGKILL)

        def is_started_again() -> bool:
            services.check()
            return len(read_pids(pids)) == 2

        wait_until(is_started_again)
    assert "sleeper ended with code -9" in capfd.readouterr().err


def test_service_that_ends_again_and_again_stays_down_and_the_others_go_on(
    tmp_path: Path, packages: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervisor, "_RESTART_SECONDS", (0.01,) * 3)
    pids, others = tmp_path / "pids", tmp_path / "others"
    said = ""
    with Supervisor(tmp_path / "logs", {"PYTHONPATH": str(packages)}) as services:
        services.start_all(
            [
                Service("ending", ["sleeper", str(pids), "end"]),
                Service("sleeper", ["sleeper", str(others), "sleep"]),
            ]
        )
        while "stays down" not in said:
            services.check()
            Event().wait(0.05)
            said += capfd.readouterr().err
        assert len(read_pids(pids)) == 4
        os.kill(read_pids(others)[0], 0)
    assert "no reason to stay" in said
