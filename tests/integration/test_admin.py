"""The operator's commands that need no cloud of their own: drain, migrate, and how patient the bot is."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from bot import config, wiring
from bot.admin.drain import drain
from bot.admin.migrate import migrate
from bot.admin.stats import stats
from bot.binders.launch_history import measured
from storage import binders, launch_times
from storage.engine import Store
from storage.models import Ending, Status
from tests.chaos.sim.world import requested
from tests.fakes.cloud import FakeCloud


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Settings:
    monkeypatch.chdir(tmp_path)
    return config.load(
        slack_bot_token="xoxb-1",
        slack_app_token="xapp-1",
        database_url=f"sqlite:///{tmp_path / 'bot.sqlite3'}",
        local_root=tmp_path / "local",
        local_engine="none",
        local_unisolated_ok=True,
        tick_seconds=0.01,
    )


@pytest.fixture
def store(settings: config.Settings) -> Iterator[Store]:
    with closing(Store(settings.database_url)) as store:
        yield store


def test_migrate_makes_the_tables(settings: config.Settings, store: Store) -> None:
    migrate(settings)
    migrate(settings)  # the second time there is nothing to do
    with store.read() as session:
        assert {"binders", "outbox"} <= set(inspect(session.connection()).get_table_names())


@pytest.mark.parametrize("days", [1, 30])
def test_stats_count_the_launches_of_the_last_days(
    settings: config.Settings, store: Store, days: int
) -> None:
    assert stats(settings, days=days).ready == 0, "an empty database gets its tables"
    for age in (2, 40):
        binder = requested(f"b{age}", store.now())
        ready = measured(binder, {"ready_at": store.now() - age * 86_400})
        assert ready is not None
        with store.write() as session:
            binders.add(session, binder, wanted_name=binder.id)
            launch_times.add(session, ready)
    assert stats(settings, days=days).ready == (1 if days == 30 else 0)


def test_drain_ends_every_binder_and_waits_until_nothing_is_left(
    settings: config.Settings, store: Store
) -> None:
    migrate(settings)
    with store.write() as session:
        for binder_id in ("b1aa", "b2bb"):
            binders.add(session, requested(binder_id, store.now()), wanted_name=binder_id)
    assert drain(settings, timeout=0.0) == 2
    assert drain(settings, timeout=60.0) == 0
    with store.read() as session:
        row = binders.get(session, "b1aa")
    assert row is not None
    assert (row.status, row.ending) == (Status.GONE, Ending.STOPPED)


def test_drain_of_an_empty_deployment_is_done_at_once(settings: config.Settings) -> None:
    assert drain(settings, timeout=0.0) == 0


@pytest.mark.parametrize(
    ("chosen", "can_log_in", "expected"),
    [
        ({"boot_timeout_minutes": 2}, False, {"boot": 120}),
        ({"build_timeout_minutes": 3}, False, {"build": 180}),
        ({"capacity_timeout_minutes": 4}, False, {"capacity": 240}),
        ({"shelved_days": 2}, False, {"shelved": 172_800}),
        ({"failed_minutes": 5}, True, {"failed": 300}),
        ({"failed_minutes": 5}, False, {"failed": 0}),
        ({"look_seconds": 7}, False, {"look": 7, "count": 7}),
        ({}, False, {"poll": 3, "attempt": 10, "missing": 6, "shelves_idle": False}),
    ],
)
def test_the_settings_say_how_patient_the_bot_is(
    settings: config.Settings, chosen: dict[str, Any], *, can_log_in: bool, expected: dict[str, Any]
) -> None:
    cloud = FakeCloud([0.0], poll_seconds=3.0, can_log_in=can_log_in)
    timeouts = wiring.timeouts(settings.model_copy(update=chosen), cloud)
    assert {name: getattr(timeouts, name) for name in expected} == expected
