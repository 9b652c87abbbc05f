"""A fill of the cache: one request to the service however many clients wait for it, and on though they leave.

What may be kept is collected and, once it is larger than a first helping, streamed to those who wait at the
same time. What may not be kept is the first client's alone; the others ask for themselves.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from bookcore.kit.problem import ProblemError
from gateway.cache.entry import Entry, Known, entry_of
from gateway.http.caching import Lifetime, lifetime, variant_key, varies
from gateway.http.headers import Header, first, to_client
from gateway.proxy.exchange import Visit
from gateway.proxy.passthrough import unbelieved
from gateway.routing.routes import PUBLIC_PREFIX_BYTES
from gateway.upstream.call import Call
from gateway.upstream.request import Failure

_HELPING = 65_536


class Home(Protocol):
    """Where flights come from and put what they bring."""

    most: Lifetime
    entry_bytes: int
    now: Callable[[], float]

    def landed(self, flight: "Flight") -> None:
        """Nobody can join any more."""

    def keep(self, flight: "Flight", entry: Entry) -> None:
        """Keep what it brought."""

    def again(self, visit: Visit, key: str) -> None:
        """That visit needs an answer of its own; alone when `key` is empty."""


class Flight:
    """A Receiver; `ticket` is the purge sequence when it began, `stale` what was kept before."""

    def __init__(self, home: Home, first_visit: Visit, *, service: str, stale: Entry | None) -> None:
        self._home, self._service, self.stale = home, service, stale
        self.key, self.plan, self.ticket = first_visit.key, first_visit.plan, first_visit.counted.ticket
        self._head = first_visit.head
        self._note = (
            b"fwd=request" if first_visit.head.wants_fresh else b"fwd=stale" if stale else b"fwd=uri-miss"
        )
        self.visits: list[Visit] = []
        self.call: Call | None = None
        self._headers: list[Header] = []
        self._lifetime = Lifetime(0.0)
        self._chunks: list[bytes] = []
        self._size = self._paused = 0
        self._is_streaming = self._is_passing = self._is_over = self._is_renewed = False
        self._failed_status = 0

    def join(self, visit: Visit) -> None:
        """Wait for it too."""
        visit.flow = _Seat(self, visit)
        self.visits.append(visit)
        if self._is_streaming:
            visit.begin(200, self._headers, self._note + b"; collapsed")
            visit.chunk(b"".join(self._chunks))
            visit.flush()

    def variant_key(self, names: Sequence[str]) -> str:
        """Where what it brought is kept when it varies by those request headers."""
        return variant_key(self.plan.key, names, self._head.headers)

    def leave(self, visit: Visit) -> None:
        """The client is gone; the fill goes on if there is something to keep."""
        if visit in self.visits:
            self.visits.remove(visit)
        if self._is_passing and not self.visits and self.call is not None:
            self._is_over = True
            self.call.abandon()

    def hold(self, *, more: bool) -> None:
        """A client reads slowly, or no longer. What is collected is bounded and needs no holding."""
        self._paused += 1 if more else -1
        if self.call is None or not self._is_passing:
            return
        if self._paused > 0:
            self.call.pause()
        else:
            self.call.resume()

    def on_ready(self) -> None:
        """As Receiver."""

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        """As Receiver."""
        if status == 304 and self.stale is not None:
            self._is_renewed = True
            return
        if status == 401:
            self._give_up(unbelieved(self._service))
            return
        if status >= 500 and self._falls_back():
            self._failed_status = status
            return
        self._headers = to_client(headers, PUBLIC_PREFIX_BYTES)
        self._lifetime = lifetime(status, self._headers, most=self._home.most)
        if self._lifetime.ttl <= 0 or _is_too_large(self._headers, self._home.entry_bytes):
            self._pass_on(status)
        else:
            self._part_variants()

    def on_body(self, chunk: bytes) -> None:
        """As Receiver."""
        if self._is_passing:
            for visit in self.visits:
                visit.chunk(chunk)
            return
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._is_streaming:
            for visit in self.visits:
                visit.chunk(chunk)
        if self._size > self._home.entry_bytes:
            self._stop_collecting()

    def on_end(self) -> None:
        """As Receiver."""
        if self._is_over:
            return
        self._is_over, self.call = True, None
        self._home.landed(self)
        if self._failed_status:
            self._serve_stale()
        elif self._is_renewed and self.stale is not None:
            self._land(self.stale.renewed(self._known(self.stale.lifetime)))
        elif self._is_passing:
            self._end_all()
        else:
            body = b"".join(self._chunks)
            self._land(entry_of(self._headers, body, self.plan.tags, known=self._known(self._lifetime)))

    def on_failure(self, failure: Failure) -> None:
        """As Receiver."""
        if self._is_over:
            return
        self._is_over, self.call = True, None
        self._home.landed(self)
        if not self._is_streaming and not self._is_passing and self._falls_back():
            self._serve_stale()
            return
        for visit in list(self.visits):
            visit.fail(failure.problem(self._service))

    def on_flush(self) -> None:
        """As Receiver."""
        if self._is_over and not self._is_passing:
            return
        if not self._is_passing and not self._is_streaming and self._size > _HELPING:
            self._is_streaming = True
            self._begin_all(200)
            for visit in self.visits:
                visit.chunk(b"".join(self._chunks))
        if self._is_passing or self._is_streaming:
            for visit in list(self.visits):
                visit.flush()

    def _known(self, lifetime: Lifetime) -> Known:
        return Known(self.ticket, self._home.now(), lifetime)

    def _land(self, entry: Entry) -> None:
        self._home.keep(self, entry)
        if self._is_streaming:
            self._end_all()
            return
        for place, visit in enumerate(list(self.visits)):
            note = self._note + (b"; collapsed" if place else b"") + b"; stored"
            visit.whole(entry, note, age=-1)

    def _begin_all(self, status: int) -> None:
        for place, visit in enumerate(self.visits):
            visit.begin(status, self._headers, self._note + (b"; collapsed" if place else b""))

    def _end_all(self) -> None:
        for visit in list(self.visits):
            visit.end()
            visit.flush()

    def _pass_on(self, status: int) -> None:
        """Not to be kept. An error is everybody's answer; others may be meant for the first client."""
        self._home.landed(self)
        if status == 200:
            for visit in self.visits[1:]:
                self._home.again(visit, "")
            del self.visits[1:]
        self._is_passing = True
        self._begin_all(status)
        if not self.visits and self.call is not None:
            self._is_over = True
            self.call.abandon()

    def _stop_collecting(self) -> None:
        self._home.landed(self)
        if not self._is_streaming:
            self._begin_all(200)
            for visit in self.visits:
                visit.chunk(b"".join(self._chunks))
        self._chunks.clear()
        self._is_passing = True
        self._is_streaming = False
        if self._paused > 0 and self.call is not None:
            self.call.pause()
        if not self.visits and self.call is not None:
            self._is_over = True
            self.call.abandon()

    def _part_variants(self) -> None:
        names = varies(self._headers)
        if not names or self.key != self.plan.key:
            return
        mine = self.variant_key(names)
        for visit in list(self.visits):
            other = variant_key(self.plan.key, names, visit.head.headers)
            if other != mine:
                self.visits.remove(visit)
                self._home.again(visit, other)

    def _falls_back(self) -> bool:
        if self.stale is None:
            return False
        life = self.stale.lifetime
        return self.stale.known.age(self._home.now()) < life.ttl + life.if_error

    def _serve_stale(self) -> None:
        stale = self.stale
        if stale is None:
            return
        age = stale.known.age(self._home.now())
        note = b"hit; fwd=stale; ttl=%d" % int(stale.lifetime.ttl - age)
        if self._failed_status:
            note += b"; fwd-status=%d" % self._failed_status
        for visit in list(self.visits):
            visit.whole(stale, note, age=age)

    def _give_up(self, problem: ProblemError) -> None:
        self._is_over = True
        self._home.landed(self)
        if self.call is not None:
            self.call.abandon()
        for visit in list(self.visits):
            visit.fail(problem)


class _Seat:
    """One visit's place in a flight, as its Flow."""

    def __init__(self, flight: Flight, visit: Visit) -> None:
        self._flight, self._visit = flight, visit
        self._is_paused = False

    def pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._flight.hold(more=True)

    def resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._flight.hold(more=False)

    def abandon(self) -> None:
        self.resume()
        self._flight.leave(self._visit)


def _is_too_large(headers: Sequence[Header], most: int) -> bool:
    said = first(headers, b"content-length") or b""
    kind = first(headers, b"content-type") or b""
    return kind.startswith(b"text/event-stream") or (said.isdigit() and int(said[:20]) > most)
