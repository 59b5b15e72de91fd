"""Where a request stands in a trace (W3C Trace Context). The one place that knows OpenTelemetry.

Its API comes with `mcp`. Without an SDK spans are nothing, and a trace that comes in still goes out again.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

LONGEST_STATE = 512
"""Characters of a `tracestate` that is passed on; W3C Trace Context (3.3.1.5) asks for no more."""

Kind = Literal["server", "client"]

_KINDS: dict[Kind, SpanKind] = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT}

logging.getLogger("opentelemetry.trace.span").setLevel(logging.ERROR)  # its warnings quote a `tracestate`

_w3c = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("thenvoi_bridge")
_NAMES = {name.encode() for name in _w3c.fields}


def headers() -> dict[str, str]:
    """What carries the trace that is going on to whoever is asked next; nothing if there is none."""
    carried: dict[str, str] = {}
    _w3c.inject(carried)
    if len(carried.get("tracestate", "")) > LONGEST_STATE:
        del carried["tracestate"]
    return carried


def trace_id() -> str | None:
    """The trace that is going on, in 32 hexadecimal digits."""
    here = trace.get_current_span().get_span_context()
    return trace.format_trace_id(here.trace_id) if here.is_valid else None


def carrier_of(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """What carries a trace among the headers of a request."""
    return {name.decode(): value.decode("latin-1") for name, value in headers if name in _NAMES}


@contextmanager
def within(carrier: Mapping[str, Any] | None) -> Generator[None]:
    """Go on with the trace that came with a request, if one did that can be read."""
    if not carrier or "traceparent" not in carrier:
        yield
        return
    token = context.attach(_extracted(carrier))
    try:
        yield
    finally:
        context.detach(token)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the trace that is going on. Errors are not noted: somebody may have written them."""

    span: Span

    def named(self, name: str) -> None:
        """Say late what it is."""
        self.span.update_name(name)

    def failed(self) -> None:
        """Say that it went wrong."""
        self.span.set_status(StatusCode.ERROR)

    def answered(self, status: int) -> str:
        """Note the status of an answer over HTTP, and return it as a text."""
        self.span.set_attribute("http.response.status_code", status)
        if status >= 400:
            self.failed()
        return str(status)


@contextmanager
def part(name: str, kind: Kind, **attributes: str) -> Generator[Part]:
    """A part of the trace, with a name and attributes that nobody wrote."""
    if _nobody_traces():
        yield Part(trace.INVALID_SPAN)
        return
    with _tracer.start_as_current_span(
        name,
        kind=_KINDS[kind],
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        begun = Part(span)
        try:
            yield begun
        except BaseException:
            begun.failed()
            raise


def request(name: str, kind: Kind, method: str, template: str) -> AbstractContextManager[Part]:
    """A part that is one request over HTTP, as OpenTelemetry's conventions have it."""
    return part(name, kind, **{"http.request.method": method, "url.template": template})


def _nobody_traces() -> bool:
    """Whether there is neither an SDK nor a trace to go on with; spans would cost something all the same."""
    here = trace.get_current_span()
    return here is trace.INVALID_SPAN and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def _extracted(carrier: Mapping[str, Any]) -> context.Context:
    given = {name: value for name in _w3c.fields if isinstance(value := carrier.get(name), str)}
    return _w3c.extract(given, context.get_current())
