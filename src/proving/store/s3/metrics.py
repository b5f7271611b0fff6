"""The status in Prometheus' text format; the one module that knows its library."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from proving.store.s3.status import Status
from proving.store.s3.tally import BOUNDS_S

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "proving_store_"


class _Once(Collector):
    """Gives the numbers of one status."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        yield from _requests(self._status)
        yield from _extents(self._status)
        store = self._status.store
        for name, told, value in (
            ("buckets", "Buckets.", store.bucket_count),
            ("objects", "Objects, older versions and delete markers included.", store.object_count),
            ("live_bytes", "What objects and the index take, frames included.", store.live_bytes),
            ("used_bytes", "What is written in extents, garbage included.", store.used_bytes),
            ("extent_size_bytes", "Size of an extent.", store.extent_size_bytes),
            ("index_runs", "Sorted runs of the index.", store.run_count),
            ("index_bytes", "What the runs take on the disk.", store.index_bytes),
            ("journal_bytes", "What recovery would have to read.", store.journal_bytes),
            ("connections", "Open connections.", self._status.connection_count),
            ("uploads", "Multipart uploads in progress.", self._status.upload_count),
            ("start_time_seconds", "When the server was started.", self._status.started_s),
        ):
            yield GaugeMetricFamily(_PREFIX + name, told, value=value)
        if store.capacity_bytes is not None:
            yield GaugeMetricFamily(f"{_PREFIX}capacity_bytes", "What may be used.", value=store.capacity_bytes)
        reclaimed, moved = store.reclaimed_extent_count, store.moved_bytes
        yield CounterMetricFamily(f"{_PREFIX}reclaimed_extents", "Extents emptied by moving chunks.", value=reclaimed)
        yield CounterMetricFamily(f"{_PREFIX}moved_bytes", "Payload of the chunks moved for that.", value=moved)
        checks = GaugeMetricFamily(f"{_PREFIX}check_well", "1 where a check is well.", labels=("check",))
        for check in self._status.checks:
            if check.is_well is not None:
                checks.add_metric((check.name,), int(check.is_well))
        yield checks


def prometheus_text(status: Status) -> bytes:
    """Return the status as Prometheus reads it, with what the process takes."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_Once(status))
    return generate_latest(registry)


def _requests(status: Status) -> Iterator[Metric]:
    answers = CounterMetricFamily(f"{_PREFIX}requests", "Requests answered.", labels=("operation", "status"))
    received = CounterMetricFamily(f"{_PREFIX}received_bytes", "Bodies taken in.", labels=("operation",))
    sent = CounterMetricFamily(f"{_PREFIX}sent_bytes", "Bodies of answers.", labels=("operation",))
    seconds = HistogramMetricFamily(
        f"{_PREFIX}request_seconds", "From a request's head to its answer.", labels=("operation",)
    )
    for operation in sorted({counted.operation for counted in status.answered}):
        rows = [counted for counted in status.answered if counted.operation == operation]
        labels = (operation or "none",)
        for row in rows:
            answers.add_metric((*labels, str(row.status)), row.count)
        received.add_metric(labels, sum(row.received_bytes for row in rows))
        sent.add_metric(labels, sum(row.sent_bytes for row in rows))
        classes = [sum(times) for times in zip(*(row.times for row in rows), strict=True)]
        bounds = [*map(str, BOUNDS_S), "+Inf"]
        rising = [(bound, float(sum(classes[: at + 1]))) for at, bound in enumerate(bounds)]
        seconds.add_metric(labels, rising, sum(row.took_s for row in rows))
    yield from (answers, received, sent, seconds)


def _extents(status: Status) -> Iterator[Metric]:
    extents = GaugeMetricFamily(f"{_PREFIX}extents", "Extents by what they are used for.", labels=("role",))
    for role in sorted({extent.role for extent in status.extents}):
        extents.add_metric((role,), sum(extent.role == role for extent in status.extents))
    yield extents
