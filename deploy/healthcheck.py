"""Health of a container, by BOOKSTREAM_HEALTH: `python3 healthcheck.py` exits with 0 when it is healthy.

A URL must answer with a 2xx status within 4 s. `threads:N`: the service's process has more than N threads;
for a process without a port. Empty: healthy while the process runs.
"""

import os
import sys
import urllib.request
from pathlib import Path


def count_threads(module: str) -> int:
    """Most threads of any process that runs the module; 0 without one."""
    counts = [0]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            if module.encode() in command:
                counts.append(sum(1 for _ in (folder / "task").iterdir()))
        except OSError:  # the process has ended meanwhile
            continue
    return max(counts)


def is_healthy(check: str, module: str) -> bool:
    """Runs one check."""
    if check.startswith("http"):
        try:
            urllib.request.urlopen(check, timeout=4).close()  # noqa: S310 - the image's own setting
        except OSError:
            return False
        return True
    least = int(check.partition(":")[2] or 0)
    return count_threads(module) > least


if __name__ == "__main__":
    health = os.environ.get("BOOKSTREAM_HEALTH", "")
    sys.exit(0 if is_healthy(health, os.environ["BOOKSTREAM_MODULE"]) else 1)
