"""`bookstream stack up prometheus alertmanager` starts both, and the one knows the other."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from threading import Event

import httpx
import pytest
from tests.integration.servers import SKIPPED

from devstack.home import StackHome, open_home
from devstack.stack import DEFAULT, SERVERS, Stack

NAMES = ["alertmanager", "prometheus"]


@pytest.fixture
def stack() -> Iterator[Stack]:
    """With the programs of the usual one, and data of its own: that one may be in use."""
    if not shutil.which("dpkg-deb"):
        pytest.skip(f"{SKIPPED}Debian's Prometheus runs on Debian only")
    folder = Path(mkdtemp(prefix="bookstream-observability-"))
    folder.chmod(0o755)
    (folder / "programs").symlink_to(open_home().path / "programs")
    for name in ("data", "logs"):
        (folder / name).mkdir()
    stack = Stack(StackHome(folder))
    try:
        assert stack.start(NAMES) == {}
        yield stack
    finally:
        stack.stop(NAMES)
        shutil.rmtree(folder)


def test_prometheus_and_alertmanager_start_and_know_each_other(stack: Stack) -> None:
    base, alerts = (f"http://127.0.0.1:{stack.locate(SERVERS[name]).port}" for name in reversed(NAMES))
    with httpx.Client(base_url=f"{base}/api/v1", trust_env=False, timeout=30) as client:
        groups = client.get("/rules").json()["data"]["groups"]
        assert {group["name"] for group in groups} >= {"bookstream-objectives", "bookstream-models"}
        for _ in range(100):
            found = client.get("/alertmanagers").json()["data"]["activeAlertmanagers"]
            if found:
                break
            Event().wait(0.1)
        assert [each["url"] for each in found] == [f"{alerts}/api/v2/alerts"]
    status = httpx.get(f"{alerts}/api/v2/status", trust_env=False, timeout=30).json()
    assert "name: example" in status["config"]["original"]


def test_the_stack_starts_neither_without_its_name() -> None:
    assert not {*DEFAULT} & {*NAMES}
