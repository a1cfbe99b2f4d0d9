"""What a node tells Prometheus. Labels are closed lists of words: no identifier, path or address.

Counters follow what happens; gauges are set from the watch's last look when they are read, so that
a scrape asks neither the database nor the chain.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ledger.services.background.status import StreamStatus
from ledger.services.background.watch import Seen, Watch
from ledger.services.lookup.answers import Answer, Result
from ledger.services.publication import BatchReport, Outcome

PREFIX: Final = "credit_ledger"
MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

REQUEST_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)
CONFIRMED_S: Final = (0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600)

MAX_CODES: Final = 64
"""Different codes of answers counted by name; a code beyond them counts as ``other``."""


class Metrics:
    """The metrics of one node.

    Args:
        region: The node's region.
        regions: Every region of the trust root.
        watch: Where gauges come from.
    """

    def __init__(self, *, region: str, regions: Iterable[str], watch: Watch) -> None:
        self._region = region
        self._codes: set[str] = set()
        self.registry = CollectorRegistry()
        ProcessCollector(namespace=PREFIX, registry=self.registry)
        self._requests = Histogram(
            f"{PREFIX}_http_request_duration_seconds",
            "Time from the first byte of a request to the last of its answer",
            ("method", "route", "status"),
            buckets=REQUEST_S,
            registry=self.registry,
        )
        self._refused = self._counter("http_refused", "Requests refused for now", "code")
        self._rows = self._counter("rows", "Rows of files taken in", "region", "outcome")
        self._published = self._counter(
            "records_published", "Rows whose events were stored", "region"
        )
        self._latency = Histogram(
            f"{PREFIX}_publish_latency_seconds",
            "Time from the acceptance of an event until it is confirmed and served",
            ("stream",),
            buckets=CONFIRMED_S,
            registry=self.registry,
        )
        self._lookups = self._counter(
            "lookups", "Answers given, by where they were asked for", "asked", "result", "code"
        )
        self._verified = self._counter(
            "verify", "Answers of regions verified before they were passed on", "region", "result"
        )
        self._up = Gauge(
            f"{PREFIX}_region_up",
            "Whether the region answered when it was asked last",
            ("region",),
            registry=self.registry,
        )
        self._known = frozenset(regions)
        self.registry.register(_Gauges(watch))

    def note_request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def note_refused(self, code: str) -> None:
        """Count a request refused for now; ``code`` is of the table of problems."""
        self._refused.labels(code).inc()

    def note_batch(self, report: BatchReport) -> None:
        """Count a file that was taken in."""
        for outcome in Outcome:
            count = report.count(outcome)
            self._rows.labels(self._region, outcome.value).inc(count)
            if outcome is Outcome.ACCEPTED:
                self._published.labels(self._region).inc(count)

    def note_confirmed(
        self, stream: str, accepted: Iterable[tuple[datetime, int]], now: datetime
    ) -> None:
        """Count events that have just become provable: (when accepted, how many)."""
        latency = self._latency.labels(stream)
        for at, count in accepted:
            seconds = max(0.0, (now - at).total_seconds())
            for _ in range(count):
                latency.observe(seconds)

    def note_answers(self, asked: str, answers: Iterable[Answer]) -> None:
        """Count answers given; ``asked`` is ``all`` for a lookup and ``here`` for this region."""
        for answer in answers:
            self._lookups.labels(asked, answer.result.value, self._code(answer.code)).inc()
            region = answer.question.region
            if asked != "all" or region not in self._known or answer.result is Result.REFUSED:
                continue
            self._up.labels(region).set(answer.result is not Result.UNAVAILABLE)
            if answer.verdict is not None or answer.result is Result.INVALID:
                result = "invalid" if answer.result is Result.INVALID else "valid"
                self._verified.labels(region, result).inc()

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", about, labels, registry=self.registry)

    def _code(self, code: str) -> str:
        if code not in self._codes:
            if len(self._codes) >= MAX_CODES:
                return "other"
            self._codes.add(code)
        return code


class _Gauges(Collector):
    """What the watch saw last, as gauges; nothing before its first look."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def describe(self) -> Iterator[Metric]:
        """None by name: what there is depends on what was seen."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Gauges of now."""
        checks = self._watch.checks()
        ready = all(one.is_ok or not one.counts for one in checks)
        yield GaugeMetricFamily(f"{PREFIX}_ready", "Whether lookups are proved now", float(ready))
        seen = self._watch.seen
        if seen is None:
            return
        if seen.backlog is not None:
            depth, oldest = seen.backlog.heads, seen.backlog.oldest_head
            age = 0.0 if oldest is None else max(0.0, (seen.at - oldest).total_seconds())
            yield _gauge("outbox_depth", "Heads signed and not yet proved", depth)
            yield _gauge("outbox_oldest_seconds", "Age of the oldest of them", age)
        yield _gauge("chain_up", "Whether the chain answers", seen.block is not None)
        if seen.block is not None and seen.block_time is not None:
            age = seen.at.timestamp() - seen.block_time
            yield _gauge("chain_head_age_seconds", "Age of the chain's newest block", age)
            yield _gauge("chain_block", "Height of the chain's newest block", seen.block)
        yield from _by_stream(seen)
        yield from _confirmations(seen)
        failing = GaugeMetricFamily(
            f"{PREFIX}_step_failures", "Failures in a row of a step of the worker", labels=["step"]
        )
        for error in seen.worker.errors:
            failing.add_metric([error.step], error.failures)
        yield failing
        yield from _mirrors(seen)


def _by_stream(seen: Seen) -> Iterator[Metric]:
    about: Mapping[str, str] = {
        "size": "Entries in the log and the integrated map",
        "served_size": "Entries under the served snapshot",
        "pending": "Accepted events that are not served yet",
        "epoch": "Epoch of the served snapshot",
        "snapshot_age_seconds": "Age of the served snapshot's block",
        "blocks_behind": "Blocks between the served snapshot and the chain's newest",
    }
    for name, text in about.items():
        family = GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=["stream"])
        for stream in seen.worker.streams:
            value = _stream_values(stream, seen.block)[name]
            if value is not None:
                family.add_metric([stream.stream], value)
        yield family


def _stream_values(stream: StreamStatus, block: int | None) -> dict[str, float | None]:
    behind: float | None = None
    if block is not None and stream.block_number is not None:
        behind = max(0, block - stream.block_number)
    return {
        "size": stream.size,
        "served_size": stream.served_size,
        "pending": stream.pending,
        "epoch": stream.epoch,
        "snapshot_age_seconds": stream.snapshot_age_s,
        "blocks_behind": behind,
    }


def _confirmations(seen: Seen) -> Iterator[Metric]:
    """What mirrors say of the newest head of each of the node's own streams."""
    about = {
        "confirmations_required": "Operators that must confirm the newest head",
        "confirmations": "Operators that have",
        "contradictions": "Mirrors that computed another map",
    }
    families = {
        name: GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=["stream"])
        for name, text in about.items()
    }
    for stream in seen.worker.streams:
        tally = stream.confirmations
        if tally is not None:
            labels = [stream.stream]
            families["confirmations_required"].add_metric(labels, tally.required)
            families["confirmations"].add_metric(labels, tally.confirmed)
            families["contradictions"].add_metric(labels, len(tally.contradicted_by))
    yield from families.values()


def _mirrors(seen: Seen) -> Iterator[Metric]:
    """Lag and alarm of each stream that this node mirrors."""
    lag = GaugeMetricFamily(
        f"{PREFIX}_mirror_lag", "Entries anchored and not yet replayed", labels=["region", "stream"]
    )
    alarm = GaugeMetricFamily(
        f"{PREFIX}_mirror_alarm", "Whether the map contradicts", labels=["region", "stream"]
    )
    for one in seen.worker.mirrors:
        labels = [one.region, one.stream]
        if one.lag is not None:
            lag.add_metric(labels, one.lag)
        alarm.add_metric(labels, float(one.is_alarmed))
    yield lag
    yield alarm


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", about, float(value))
