"""`make soak`: what the fault suite does one by one, at random for a while, from a seed that is printed.

`python -m tests.faults.soak MINUTES [SEED]`: exit 0 when nothing was lost or doubled, else 1.
"""

import logging
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from tests.e2e.laptop import Laptop
from tests.faults.conftest import STRUCK
from tests.faults.load import Publisher, build_observation
from tests.integration.platform import Addresses

from bookcore.testing.proxy import FaultProxy
from devstack.kafka import KAFKA, PROXIED_PORT_OFFSET, PROXY_PORT_OFFSET
from devstack.stack import SERVERS, Stack

PER_SECOND = 60
QUIET = 3.0  # seconds at most between two faults
BOOKS = 1_000


@dataclass
class Soak:
    """A platform behind proxies, an ingestor that is started again whenever it is killed."""

    stack: Stack
    laptop: Laptop
    proxies: dict[str, FaultProxy]
    chance: random.Random
    ingestor: subprocess.Popen[bytes]

    def strike(self) -> str:
        """One fault, healed before this returns; what it was."""
        acts: Sequence[Callable[[], str]] = [
            *(self._kill_server,) * 2,
            self._kill_ingestor,
            self._reset,
            self._delay,
            self._silence,
            self._cut,
        ]
        return self.chance.choice(acts)()

    def supervise(self) -> None:
        """An ingestor that found no server when it began has said so and ended."""
        if self.ingestor.poll() is not None:
            print("the ingestor ended by itself; another one goes on", flush=True)
            self.start_ingestor()

    def start_ingestor(self) -> None:
        """Another one."""
        environment = {**os.environ, "BOOKSTREAM_DATA": str(self.laptop.data), **self.laptop.environment}
        self.ingestor = subprocess.Popen([sys.executable, "-m", "ingestor"], env=environment)

    def _kill_server(self) -> str:
        name = self.chance.choice(STRUCK)
        self.stack.stop([name], now=self.chance.random() < 0.7)
        self.stack.start([name])
        return f"{name} went down and came back"

    def _kill_ingestor(self) -> str:
        self.ingestor.send_signal(signal.SIGKILL)
        self.ingestor.wait()
        self.start_ingestor()
        return "the ingestor was killed"

    def _reset(self) -> str:
        name, proxy = self._any_proxy()
        proxy.reset()
        return f"connections to {name} were reset"

    def _delay(self) -> str:
        name, proxy = self._any_proxy()
        proxy.delay(0.2)
        Event().wait(4)
        proxy.delay(0)
        return f"{name} was slow"

    def _silence(self) -> str:
        name, proxy = self._any_proxy()
        proxy.stall()
        Event().wait(self.chance.uniform(1, 8))
        proxy.resume()
        return f"{name} was silent"

    def _cut(self) -> str:
        name, proxy = self._any_proxy()
        proxy.drop_connections(3)
        return f"three answers of {name} were cut"

    def _any_proxy(self) -> tuple[str, FaultProxy]:
        return self.chance.choice(sorted(self.proxies.items()))


def main(minutes: float, seed: int) -> int:
    """Print each fault, then the ledger's line."""
    print(f"soak: {minutes:g} minutes, SEED={seed}", flush=True)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it tells each broken connection
    stack = Stack()
    urls = stack.start(STRUCK)
    os.environ.update({name: value for name, value in urls.items() if name.startswith("AWS_")})
    with tempfile.TemporaryDirectory() as folder, ExitStack() as closing:
        direct = _addresses(urls).laptop(Path(folder), BOOKSTREAM_INGESTOR_BATCH="200")
        programs, proxies = _proxied(stack, direct, closing)
        soak = Soak(stack, programs, proxies, random.Random(seed), subprocess.Popen(["true"]))
        soak.start_ingestor()
        closing.callback(lambda: soak.ingestor.kill())
        count = int(minutes * 60 * PER_SECOND)
        events = [build_observation(n % BOOKS, price=f"£{n % 997}.25", turn=n // BOOKS) for n in range(count)]
        load = Publisher(programs, events, per_second=PER_SECOND).start()
        began = time.monotonic()
        while not load.is_done and time.monotonic() - began < minutes * 60:
            Event().wait(soak.chance.uniform(0, QUIET))
            struck = soak.strike()
            print(f"{time.monotonic() - began:6.0f} s  {load.acked:7} acked  {struck}", flush=True)
            soak.supervise()
        while not load.is_done:
            Event().wait(QUIET)
            soak.supervise()
        load.finish()
        direct.wait_until_settled()
        audit = direct.audit()
    print(audit)
    return 0 if audit.is_sound and audit.acked == audit.search == count else 1


def _addresses(urls: Mapping[str, str]) -> Addresses:
    names = ("EVENT_LOG", "LAKE", "CATALOGUE", "SEARCH", "CACHE")
    return Addresses(*(urls[f"BOOKSTREAM_{name}_URL"] for name in names))


def _proxied(stack: Stack, direct: Laptop, closing: ExitStack) -> tuple[Laptop, dict[str, FaultProxy]]:
    environment, proxies = dict(direct.environment), {}
    for name in ("kafka", "versitygw", "postgresql", "elasticsearch"):
        server = SERVERS[name]
        here = stack.locate(server)
        target, wish = (
            (here.port + PROXIED_PORT_OFFSET, here.port + PROXY_PORT_OFFSET)
            if server is KAFKA
            else (here.port, 0)
        )
        proxies[name] = closing.enter_context(FaultProxy(target, port=wish))
        setting = next(iter(server.build_exports(here)))
        environment[setting] = environment[setting].replace(f":{here.port}", f":{proxies[name].port}")
    return replace(direct, environment=environment), proxies


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(float(words[0]), int(words[1]) if len(words) > 1 else secrets.randbelow(10**6)))
