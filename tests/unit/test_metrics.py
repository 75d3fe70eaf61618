"""What a monitor reads: a real scrape over HTTP, parsed as Prometheus does it."""

import urllib.request
from collections.abc import Iterator, Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.errors import CloudError, CloudUnreachable, QuotaExceeded
from bot.health import HealthServer
from bot.metrics import Metrics
from bot.provisioning.base import Cloud
from bot.provisioning.instances import Survey
from bot.provisioning.measured import CALLS, measured
from bot.scheduler import Ticks
from storage.engine import Store
from storage.history_models import LaunchTime
from storage.vocabulary import Status
from tests.contract.database.rows import launch
from tests.fakes.cloud import FakeCloud
from tests.fakes.database import empty_store

Labels = Mapping[str, str]


@pytest.fixture
def store() -> Iterator[Store]:
    with empty_store(lambda: 1_800_000_000.0) as store:
        yield store


@pytest.fixture
def metrics(store: Store) -> Metrics:
    return Metrics(store)


def scraped(metrics: Metrics) -> dict[str, list[tuple[Labels, float]]]:
    """What a monitor reads, by name."""
    server = HealthServer("127.0.0.1", 0, dict, metrics.as_text)
    server.start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=")
            text = answer.read().decode()
    finally:
        server.stop()
    found: dict[str, list[tuple[Labels, float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(found: dict[str, list[tuple[Labels, float]]], name: str, **labels: str) -> float:
    [only] = [number for its, number in found[name] if labels.items() <= its.items()]
    return only


def launch_time(**values: object) -> LaunchTime:
    whole = {"kind": "R", "failed_in": None, "stages": {"build": 61.0, "server": 4.0}}
    return LaunchTime(**(whole | values))


def test_launches_and_failures_begin_at_zero(metrics: Metrics) -> None:
    found = scraped(metrics)
    assert value(found, "binder_bot_launches_total") == 0
    assert value(found, "binder_bot_launch_failures_total", stage="build", reason="build-failed") == 0
    assert value(found, "binder_bot_outbox_age_seconds") == 0
    assert value(found, "binder_bot_images", state="kept") == 0


def test_what_a_process_does_is_counted(metrics: Metrics) -> None:
    metrics.note_launch(launch_time(), None)
    metrics.note_launch(launch_time(failed_in="build"), "build-failed")
    metrics.note_slack("chat_postMessage", "too_early")
    found = scraped(metrics)
    assert value(found, "binder_bot_launches_total") == 1
    assert value(found, "binder_bot_launch_failures_total", stage="build", reason="build-failed") == 1
    assert value(found, "binder_bot_launch_stage_seconds_sum", stage="build", kind="R") == 61
    assert value(found, "binder_bot_launch_stage_seconds_bucket", stage="build", kind="R", le="120.0") == 1
    assert value(found, "binder_bot_launch_stage_seconds_bucket", stage="build", kind="R", le="60.0") == 0
    assert value(found, "binder_bot_slack_calls_total", method="chat_postMessage", outcome="too_early") == 1


def test_what_an_instance_reports_makes_no_new_labels(metrics: Metrics) -> None:
    hostile = 'x"} 1\nbinder_bot_owned 1'
    metrics.note_launch(launch_time(kind=hostile, stages={hostile: 1.0, "build": 2.0}), None)
    metrics.note_launch(launch_time(failed_in=hostile), hostile)
    found = scraped(metrics)
    assert "binder_bot_owned" not in found
    assert value(found, "binder_bot_launch_stage_seconds_count", stage="build", kind="other") == 1
    assert value(found, "binder_bot_launch_failures_total", stage="other", reason="other") == 1


def test_calls_of_the_cloud_are_timed_with_their_outcome(metrics: Metrics) -> None:
    cloud = FakeCloud([0.0])
    seen = measured(cloud, metrics.note_cloud)
    assert seen.name == cloud.name
    seen.survey()
    found = scraped(metrics)
    assert value(found, "binder_bot_cloud_call_seconds_count", call="survey", outcome="done") == 1


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (CloudUnreachable("It does not answer."), "unreachable"),
        (QuotaExceeded("It is full."), "quota"),
        (CloudError("It says no."), "refused"),
        (ValueError("x"), "broke"),
    ],
)
def test_a_call_that_fails_fails_as_before(metrics: Metrics, error: Exception, outcome: str) -> None:
    class Broken(FakeCloud):
        def survey(self) -> Survey:
            raise error

    with pytest.raises(type(error)):
        measured(Broken([0.0]), metrics.note_cloud).survey()
    found = scraped(metrics)
    assert value(found, "binder_bot_cloud_call_seconds_count", call="survey", outcome=outcome) == 1


def test_every_call_that_is_timed_is_one_of_a_cloud() -> None:
    assert all(callable(getattr(Cloud, each)) for each in CALLS)


def test_ticks_are_timed_and_their_failures_counted(metrics: Metrics) -> None:
    ticks = Ticks(metrics.note_tick)
    ticks.every(3600, "good", lambda: None)
    ticks.every(3600, "bad", lambda: 1 / 0)
    for name, body in (("good", lambda: None), ("bad", lambda: 1 / 0)):
        ticks._run_once(name, body)
    found = scraped(metrics)
    assert value(found, "binder_bot_tick_seconds_count", tick="good") == 1
    assert value(found, "binder_bot_tick_failures_total", tick="bad") == 1


def test_what_there_is_comes_from_the_database_and_names_nobody(store: Store, metrics: Metrics) -> None:
    binder = launch(store, url="https://example.org/secret-repo", owner="U777", price_per_hour=2.5)
    launch(store, is_warm=True, status=Status.WAITING, size="large", price_per_hour=1.0)
    found = scraped(metrics)
    assert value(found, "binder_bot_binders", status="requested", size="small") == 1
    assert value(found, "binder_bot_warm_instances", status="waiting", size="large") == 1
    assert value(found, "binder_bot_cost_per_hour") == 3.5
    assert value(found, "binder_bot_outbox") == 2
    text = metrics.as_text().decode()
    for each in (binder.id, binder.name, "U777", "secret-repo"):
        assert f'"{each}"' not in text
