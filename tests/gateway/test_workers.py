"""Workers: what happens to the connections of a killed one."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.gateway.rolling import list_children, wait_until

ROUNDS = 40
"""Connections over two sockets: that all reach the living one by chance is one in 10^12."""
PARENT = """
import sys
from pathlib import Path
from gateway.workers import Workers, bind_sockets, build_worker_command

listeners = bind_sockets(2, "127.0.0.1", 0)
folder, starts = Path(sys.argv[1]), []

def build_command(index, ready_pipe):
    starts.append(index)
    if len(starts) > 2 and not (folder / "may-start").exists():
        return [sys.executable, "-c", "import time; time.sleep(600)"]
    return build_worker_command(listeners, index, ready_pipe, folder)

print(listeners[0].getsockname()[1], flush=True)
Workers(listeners, build_command, on_exited=lambda pid: None).run()
"""


@contextmanager
def run_workers(folder: Path) -> Iterator[tuple[int, str]]:
    """Two workers whose replacements never become ready; pid of the parent and address."""
    environment = {**os.environ, "BOOKSTREAM_DATA": str(folder)}
    command = [sys.executable, "-c", PARENT, str(folder)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        address = f"http://127.0.0.1:{parent.stdout.readline().strip()}"
        try:
            yield parent.pid, address
        finally:
            parent.terminate()


def is_served(address: str) -> bool:
    """Whether every one of many new connections gets a response."""
    try:
        for _ in range(ROUNDS):
            httpx.get(f"{address}/health/live", trust_env=False, timeout=5).raise_for_status()
    except httpx.HTTPError:
        return False
    return True


def test_living_worker_accepts_the_connections_of_a_killed_one(tmp_path: Path) -> None:
    with run_workers(tmp_path) as (pid, address):
        wait_until(lambda: is_served(address))
        victim = min(list_children(pid))
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in list_children(pid))
        assert is_served(address)
