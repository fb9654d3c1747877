"""Traces by OpenTelemetry, where an address to send them to is configured; else nothing of it is loaded.

One trace holds an event, the workflow that it started, what that did, each order and its fills. Temporal's library
carries the context along in the headers of what it starts; a history of before replays all the same.
"""

import os
from collections import OrderedDict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final

from temporalio.client import Interceptor

from configuration.variables import Variable

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider

VARIABLES: Final = (
    Variable(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "where traces are sent by OTLP over HTTP (OpenTelemetry's own variable; in the environment only): an event, "
        "its workflow, its orders and their fills in one trace",
        "no traces",
        "http://127.0.0.1:4318",
    ),
    Variable(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "the same, as the whole address; goes before it",
        "no traces",
        "http://127.0.0.1:4318/v1/traces",
    ),
)
"""OpenTelemetry's own: where traces go, by OTLP over HTTP. One of them has them sent."""

SERVICE: Final = "rebalancer"

REMEMBERED: Final = 1000
"""Orders whose place in a trace is remembered for their fills."""

FLUSH_WITHIN: Final = 3_000
"""Milliseconds for what is left at the end to be sent."""


@cache
def is_traced() -> bool:
    """Whether this process sends traces."""
    return any(os.environ.get(each.name) for each in VARIABLES)


def interceptors() -> Sequence[Interceptor]:
    """What a client, and the workers that use it, need to carry traces along."""
    if not is_traced():
        return ()
    from temporalio.contrib.opentelemetry import TracingInterceptor

    return (TracingInterceptor(_provider().get_tracer(SERVICE)),)


@contextmanager
def span(name: str, **attributes: str) -> Generator[None]:
    """What is done in the block is this step of the trace that it belongs to."""
    if not is_traced():
        yield
        return
    with _provider().get_tracer(SERVICE).start_as_current_span(name, attributes=attributes):
        yield


def flush() -> None:
    """Send what is left, for a bounded time; blocks."""
    if is_traced():
        _provider().force_flush(FLUSH_WITHIN)


class Traces:
    """Remembers the place of what was sent in its trace, so that what comes back later has it too."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, Context] = OrderedDict()

    def note_sent(self, ref: str, **attributes: str) -> None:
        """This was sent, as a step of the trace that is at work."""
        if not is_traced():
            return
        from opentelemetry import trace

        sent = _provider().get_tracer(SERVICE).start_span("order", attributes={"order.ref": ref, **attributes})
        sent.end()
        self._places[ref] = trace.set_span_in_context(sent)
        if len(self._places) > REMEMBERED:
            self._places.popitem(last=False)

    def note_back(self, ref: str, name: str, **attributes: str) -> None:
        """This came back for it; what was sent by another process has no place here."""
        if (place := self._places.get(ref)) is not None:
            came = (
                _provider()
                .get_tracer(SERVICE)
                .start_span(name, context=place, attributes={"order.ref": ref, **attributes})
            )
            came.end()


@cache
def _provider() -> "TracerProvider":
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider
