"""Health and metrics of an HTTP service."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager

from bookcore.kit.admin.event_loop import EventLoopGate
from bookcore.kit.admin.health import Check, DependencyMonitor, ProcessHealth
from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.kit.admin.server import AdminPages
from bookcore.kit.tracing.options import TraceOptions
from bookcore.kit.tracing.tracer import open_tracer

_NEVER = float("inf")
_NO_TRACES = TraceOptions()


class ServiceAdmin:
    """Kept at `app.state.admin`. `checks` ask a store each; `request_prefix` names the metrics of requests,
    "" for none; `elsewhere` as in ProcessMetrics. `render_more`: further families as text.
    """

    def __init__(
        self,
        process: str,
        checks: Mapping[str, Check],
        *,
        request_prefix: str = "",
        elsewhere: Collection[str] = (),
        traces: TraceOptions = _NO_TRACES,
    ) -> None:
        self.request_prefix = request_prefix
        self.render_more: Callable[[], str] = str
        self.health = ProcessHealth(stuck_seconds=_NEVER)
        self.dependencies = DependencyMonitor(checks)
        self.metrics = ProcessMetrics(process, elsewhere=elsewhere)
        self.metrics.watch_dependencies(self.dependencies.read_states)
        self.tracer = open_tracer(traces, self.metrics)
        self.gate = EventLoopGate()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """The service takes work within the block, in the running event loop."""
        self.gate.open()
        self.health.start()
        try:
            yield
        finally:
            self.health.leave()
            self.gate.close()
            await asyncio.to_thread(self.tracer.close)

    def render_metrics(self) -> bytes:
        """All metrics in Prometheus' text format; may block."""
        return self.metrics.render() + self.render_more().encode()

    def build_pages(self) -> AdminPages:
        """What the admin port serves."""
        return AdminPages(
            health=self.health,
            dependencies=self.dependencies,
            render_metrics=self.render_metrics,
            check_loop=self.gate.check,
        )
