"""wrk asks one question after the other, of many: one that is always the same flatters whoever guesses it."""

import asyncio
import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.gateway_load import LOADING, read_cpu_seconds

_SCRIPT = """
local calls, n = {}, 0
for line in io.lines("FILE") do calls[#calls + 1] = line end
wrk.method = "POST"
function request()
  n = n + 1
  return wrk.format(nil, nil, nil, calls[n % #calls + 1])
end
function done(summary, latency, requests)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format('{"requests": %d, "failed": %d, "microseconds": %d, "p50": %d, "p99": %d}\\n',
    summary.requests, failed, summary.duration, latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Rate:
    """Requests a second, how long they took in milliseconds, and CPU microseconds of the server for each."""

    per_second: float
    p50: float
    p99: float
    cpu: float


@dataclass(frozen=True)
class Calls:
    """POSTs of these bodies in turn to a server of this machine; `pid` is its process. Headers are asked for
    anew each time: a token lives a minute."""

    pid: int
    url: str
    bodies: Sequence[bytes]
    headers: Callable[[], dict[str, str]]

    def measure(self, folder: Path, *, clients: int, seconds: int) -> Rate:
        """As many requests as `clients` can make in that time.

        Raises: RuntimeError when one of them fails.
        """
        lines = folder / "bodies.jsonl"
        lines.write_bytes(b"\n".join(self.bodies) + b"\n")
        script = folder / "load.lua"
        script.write_text(_SCRIPT.replace("FILE", str(lines)))
        command = ["taskset", "-c", LOADING, "wrk", "-t1", f"-c{clients}", f"-d{seconds}s"]
        command += ["--timeout", "30s", "-s", str(script)]
        for name, value in {"Content-Type": "application/json", **self.headers()}.items():
            command += ["-H", f"{name}: {value}"]
        before = read_cpu_seconds(self.pid)
        done = subprocess.run([*command, self.url], capture_output=True, text=True, check=True)
        used = read_cpu_seconds(self.pid) - before
        told = json.loads(done.stdout.strip().splitlines()[-1])
        if told["failed"] or not told["requests"]:
            raise RuntimeError(f"{self.url}: {told}")
        rate = told["requests"] / (told["microseconds"] / 1e6)
        return Rate(rate, told["p50"] / 1e3, told["p99"] / 1e3, used * 1e6 / told["requests"])

    def collect_responses(self) -> list[bytes]:
        """The body of each answer."""
        return asyncio.run(self._answers())

    async def _answers(self) -> list[bytes]:
        place, _, path = self.url.removeprefix("http://").partition("/")
        reader, writer = await asyncio.open_connection(*place.split(":"))
        found = []
        for body in self.bodies:
            lines = [f"POST /{path} HTTP/1.1", f"Host: {place}", "Content-Type: application/json"]
            lines += [f"{name}: {value}" for name, value in self.headers().items()]
            lines += [f"Content-Length: {len(body)}", "", ""]
            writer.write("\r\n".join(lines).encode() + body)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            found.append(await reader.readexactly(int(length.split(b":")[1])))
        writer.close()
        return found
