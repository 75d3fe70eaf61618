"""What a monitor measures: `/metrics`, in the text format of Prometheus.

What this process does is counted as it happens. What the database knows is read when a monitor asks, with a
fixed number of queries, and is the same on all replicas. No label is the id of a person, a binder or a
repository, and none has more values than the code, the settings or Slack's methods name.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.binders.stages import STAGES
from bot.provisioning.agent.failures import FailureCode
from storage import census
from storage.census import Census
from storage.engine import Store
from storage.history_models import LaunchTime
from storage.vocabulary import ImageState

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
OTHER = "other"
KINDS = frozenset({"Dockerfile", "conda", "Python", "Pipfile", "R", "Julia", "Nix"})
"""What an instance reports is not believed: all else counts as `other`."""
_STAGE_BUCKETS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_TICK_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_CODES = frozenset(str(each.value) for each in FailureCode)


class Metrics:
    """Counts what this process does, and reads the rest from the database.

    Args:
        store: The database.
    """

    def __init__(self, store: Store) -> None:
        self._registry = CollectorRegistry()
        self._launches = Counter(
            "binder_bot_launches", "Launches that became ready.", registry=self._registry
        )
        self._failures = Counter(
            "binder_bot_launch_failures",
            "Launches that failed, by the stage and the name of the failure.",
            ["stage", "reason"],
            registry=self._registry,
        )
        self._stages = Histogram(
            "binder_bot_launch_stage_seconds",
            "How long the stages of launches took that became ready, by what was built.",
            ["stage", "kind"],
            buckets=_STAGE_BUCKETS,
            registry=self._registry,
        )
        self._slack = Counter(
            "binder_bot_slack_calls",
            "Calls of Slack's Web API for messages; `too_early` is an answer 429.",
            ["method", "outcome"],
            registry=self._registry,
        )
        self._cloud = Histogram(
            "binder_bot_cloud_call_seconds",
            "How long the calls of the cloud took by which binders are driven, and what became of them.",
            ["call", "outcome"],
            buckets=_CALL_BUCKETS,
            registry=self._registry,
        )
        self._ticks = Histogram(
            "binder_bot_tick_seconds",
            "How long the periodic jobs took.",
            ["tick"],
            buckets=_TICK_BUCKETS,
            registry=self._registry,
        )
        self._tick_failures = Counter(
            "binder_bot_tick_failures", "Periodic jobs that failed.", ["tick"], registry=self._registry
        )
        for stage in STAGES:
            for reason in (*sorted(_CODES), OTHER):
                self._failures.labels(stage, reason)
        self._registry.register(_CensusCollector(store))

    def as_text(self) -> bytes:
        """All of it, as a monitor reads it."""
        return generate_latest(self._registry)

    def note_launch(self, launch: LaunchTime, failure_code: str | None) -> None:
        """Note a launch that became ready, or failed."""
        if launch.failed_in is not None:
            stage = launch.failed_in if launch.failed_in in STAGES else OTHER
            reason = failure_code if failure_code in _CODES else OTHER
            self._failures.labels(stage, reason).inc()
            return
        self._launches.inc()
        kind = launch.kind if launch.kind in KINDS else OTHER
        for stage, seconds in launch.stages.items():
            if stage in STAGES:
                self._stages.labels(stage, kind).observe(seconds)

    def note_slack(self, method: str, outcome: str) -> None:
        """Note a call of Slack, and what became of it."""
        self._slack.labels(method, outcome).inc()

    def note_cloud(self, call: str, outcome: str, seconds: float) -> None:
        """Note a call of the cloud: see `bot.provisioning.measured`."""
        self._cloud.labels(call, outcome).observe(seconds)

    def note_tick(self, name: str, seconds: float, *, failed: bool) -> None:
        """Note that a periodic job ran."""
        self._ticks.labels(name).observe(seconds)
        failures = self._tick_failures.labels(name)  # from zero: a rise from nothing is none for Prometheus
        if failed:
            failures.inc()


class _CensusCollector(Collector):
    """Reads what there is whenever a monitor asks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> Iterator[Metric]:
        """Name nothing at the start, for which the database would be asked."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """All that the database knows."""
        with self._store.read() as session:
            taken = census.take(session)
        yield _of_groups("binder_bot_binders", "Binders that are not gone.", taken, is_warm=False)
        yield _of_groups("binder_bot_warm_instances", "Instances of the warm pool.", taken, is_warm=True)
        yield _one(
            "binder_bot_cost_per_hour",
            "What all instances cost per hour, in COST_UNIT.",
            sum(each.price_per_hour for each in taken.groups),
        )
        yield _one("binder_bot_queue", "Launches that wait for a place in a quota.", taken.waiting)
        yield _one("binder_bot_outbox", "Messages that are owed to Slack.", taken.outbox)
        yield _one("binder_bot_outbox_age_seconds", "How old the oldest of them is.", taken.outbox_age)
        leases = GaugeMetricFamily("binder_bot_leases", "Leases that are held.", labels=["of"])
        for name, count in taken.leases.items():
            leases.add_metric([name], count)
        yield leases
        images = GaugeMetricFamily("binder_bot_images", "Images of the image store.", labels=["state"])
        for state in ImageState:
            images.add_metric([state], taken.images.get(state, 0))
        yield images
        yield _one("binder_bot_image_bytes", "What they take in the registry.", taken.image_bytes)


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _of_groups(name: str, text: str, taken: Census, *, is_warm: bool) -> GaugeMetricFamily:
    found = GaugeMetricFamily(name, text, labels=["status", "size"])
    for each in taken.groups:
        if each.is_warm is is_warm:
            found.add_metric([each.status, each.size], each.count)
    return found
