"""Metrics as Prometheus reads them. The one place that knows its client, which is an extra."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from thenvoi_bridge.metering import Metric, Source

# When each series began: as many series again, in a format that nobody asked for.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Prometheus:
    """The meter of one process, and what it has counted."""

    def __init__(self, table: Iterable[Metric]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        of_kind: dict[str, list[Metric]] = {"counter": [], "gauge": [], "histogram": []}
        for row in table:
            of_kind[row.kind].append(row)
        about = self._registry
        self._counters = {m: Counter(m.name, m.help, m.labels, registry=about) for m in of_kind["counter"]}
        self._gauges = {m: Gauge(m.name, m.help, m.labels, registry=about) for m in of_kind["gauge"]}
        self._histograms = {
            m: Histogram(m.name, m.help, m.labels, registry=about, buckets=m.buckets)
            for m in of_kind["histogram"]
        }
        self._sources: list[Source] = []

    def add(self, counter: Metric, *labels: str, by: float = 1) -> None:
        """As `Meter` has it."""
        kept = self._counters[counter]
        (kept.labels(*labels) if labels else kept).inc(by)

    def observe(self, histogram: Metric, value: float, *labels: str) -> None:
        """As `Meter` has it."""
        kept = self._histograms[histogram]
        (kept.labels(*labels) if labels else kept).observe(value)

    @contextmanager
    def sampling(self, source: Source) -> Generator[None]:
        """As `Meter` has it."""
        self._sources.append(source)
        try:
            yield
        finally:
            self._sources.remove(source)

    async def exposition(self) -> bytes:
        """All of it in Prometheus's text format, gauges as they are now."""
        samples = [sample for source in self._sources for sample in await source()]
        for metric, gauge in self._gauges.items():
            if metric.labels:
                gauge.clear()
            else:
                gauge.set(0)
        for sample in samples:
            gauge = self._gauges[sample.metric]
            (gauge.labels(*sample.labels) if sample.labels else gauge).inc(sample.value)
        return generate_latest(self._registry)
