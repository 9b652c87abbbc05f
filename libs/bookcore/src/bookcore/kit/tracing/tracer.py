"""Makes the spans of one process; without a collector it only passes contexts on."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol, cast

from bookcore.kit.adapters import explain_missing_client
from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.kit.tracing.context import SpanContext, create_child, create_root, current_span
from bookcore.kit.tracing.options import TraceOptions
from bookcore.kit.tracing.queue import SpanQueue, SpanSender
from bookcore.kit.tracing.span import Span, SpanKind

COUNTER = "bookstream_spans_total"


@dataclass(slots=True)
class SpanDraft:
    """A span under way; what is added to `attributes` and `error` is sent at its end."""

    context: SpanContext
    attributes: dict[str, str | int] = field(default_factory=dict)
    error: str = ""


class _OtlpModule(Protocol):
    def create_sender(self, url: str, *, process: str, version: str) -> SpanSender: ...


class Tracer:
    """Thread-safe. `add` takes the spans that have ended; None: nothing is sent, and no trace begins here."""

    def __init__(
        self,
        add: Callable[[Span], None] | None = None,
        *,
        ratio: float = 0.0,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.add, self._ratio, self.close = add, ratio, close

    def begin(self, parent: SpanContext | None) -> SpanContext | None:
        """The context of a new span. The parent's own when no span will be sent; None without a trace."""
        if self.add is None or (parent is not None and not parent.is_sampled):
            return parent
        return create_root(ratio=self._ratio) if parent is None else create_child(parent)

    @contextmanager
    def start_span(
        self, name: str, kind: SpanKind, parent: SpanContext | None, attributes: Mapping[str, str | int]
    ) -> Iterator[SpanDraft | None]:
        """The block is the span, and works for it; None without a trace. An error that leaves the block is
        the span's."""
        context = self.begin(parent)
        if context is None:
            yield None
            return
        began, token = time.time_ns(), current_span.set(context)
        draft = SpanDraft(context, dict(attributes))
        try:
            yield draft
        except BaseException as error:
            draft.error = draft.error or type(error).__name__
            raise
        finally:
            current_span.reset(token)
            self.end(name, kind, draft, parent, began)

    def end(
        self, name: str, kind: SpanKind, draft: SpanDraft, parent: SpanContext | None, began: int
    ) -> None:
        """Sends the span if its trace is sampled; `began` in nanoseconds since 1970."""
        if self.add is None or not draft.context.is_sampled:
            return
        self.add(
            Span(
                name=name,
                kind=kind,
                context=draft.context,
                parent=parent,
                began=began,
                ended=time.time_ns(),
                attributes=draft.attributes,
                error=draft.error,
            )
        )


def open_tracer(options: TraceOptions, metrics: ProcessMetrics) -> Tracer:
    """The tracer of a process. Only with a collector is OpenTelemetry's client loaded.

    Raises: Invalid when the client isn't installed.
    """
    if not options.url:
        return Tracer()
    try:
        module = cast(_OtlpModule, import_module("bookcore.kit.tracing.otlp"))
    except ModuleNotFoundError as error:
        raise explain_missing_client("otlp", error, field="traces_url") from error
    sender = module.create_sender(options.url, process=metrics.process, version=metrics.version)
    queue = SpanQueue(sender, lambda outcome, number: metrics.count(COUNTER, outcome, by=number))
    return Tracer(queue.add, ratio=options.ratio, close=queue.close)
