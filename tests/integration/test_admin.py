"""The operator's commands that need no cloud of their own: drain, migrate, and how patient the bot is."""

import gzip
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr
from sqlalchemy import inspect

from bot import config, wiring
from bot.admin import audit as audit_command
from bot.admin import warm as warm_command
from bot.admin.backup import backup, restore
from bot.admin.check import check
from bot.admin.drain import drain
from bot.admin.migrate import migrate
from bot.admin.stats import stats
from bot.binders.launch_history import measured
from bot.binders.warm_pool import WarmPolicy, WarmPool
from bot.errors import ConfigError
from bot.provisioning.instances import Size
from storage import binders, launch_times, warm
from storage.audit_models import Audit
from storage.engine import Store
from storage.vocabulary import Ending, Status, Target
from storage.warm_models import WarmRequest
from tests.chaos.sim.world import requested
from tests.fakes.cloud import FakeCloud
from tests.fakes.database import KEY
from tests.fakes.github import FakeGitHub
from workspace.options import Options
from workspace.server import Workspace


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Settings:
    monkeypatch.chdir(tmp_path)
    return config.load(
        slack_bot_token="xoxb-1",
        slack_app_token="xapp-1",
        secret_key=KEY,
        database_url=f"sqlite:///{tmp_path / 'bot.sqlite3'}",
        local_root=tmp_path / "local",
        local_engine="none",
        local_unisolated_ok=True,
        tick_seconds=0.01,
    )


@pytest.fixture
def store(settings: config.Settings) -> Iterator[Store]:
    with closing(wiring.open_store(settings)) as store:
        yield store


def test_migrate_makes_the_tables(settings: config.Settings, store: Store) -> None:
    migrate(settings)
    migrate(settings)  # the second time there is nothing to do
    with store.read() as session:
        assert {"binders", "outbox"} <= set(inspect(session.connection()).get_table_names())


def test_the_audit_is_written_as_lines_of_json(settings: config.Settings, store: Store) -> None:
    assert list(audit_command.lines(settings, since=None, user=None)) == [], (
        "an empty database gets its tables"
    )
    with store.write() as session:
        for actor, day in (("U1", 1), ("U2", 2), ("U1", 3)):
            at = datetime(2026, 11, day, tzinfo=UTC).timestamp()
            session.add(Audit(at=at, actor=actor, event="launch", detail={"url": "https://example.org"}))
    found = [json.loads(each) for each in audit_command.lines(settings, since="2026-11-02", user="U1")]
    assert found == [
        {
            "at": "2026-11-03T00:00:00.000+00:00",
            "actor": "U1",
            "event": "launch",
            "result": "done",
            "detail": {"url": "https://example.org"},
        }
    ]
    with pytest.raises(ConfigError, match="no day"):
        list(audit_command.lines(settings, since="yesterday", user=None))


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


# The warm pool -------------------------------------------------------------------------------------------


@pytest.fixture
def of_cloud(settings: config.Settings, monkeypatch: pytest.MonkeyPatch) -> config.Settings:
    """Settings of a cloud whose instances can wait."""
    sizes = (Size("m3.small", "Small", 2.0), Size("m3.quad", "Quad"))
    monkeypatch.setattr(warm_command, "build_cloud", lambda _: FakeCloud([0.0], sizes=sizes))
    return settings.model_copy(update={"warm_pool": {"m3.quad": 1}, "cost_unit": "SU", "timezone": "UTC"})


def in_pool(store: Store, number: int, **values: Any) -> None:
    row = requested(f"w{number}", store.now(), is_warm=True, name="warm", size="m3.small", **values)
    with store.write() as session:
        session.add(row)


def test_warm_says_what_waits_and_what_it_costs(of_cloud: config.Settings, store: Store) -> None:
    migrate(of_cloud)
    in_pool(store, 1, status=Status.WAITING)
    in_pool(store, 2, status=Status.BOOTING)
    in_pool(store, 3, status=Status.WAITING, target=Target.GONE)
    assert list(warm_command.listing(of_cloud)) == [
        "m3.small: 0 wanted, 1 waiting, 1 on the way, 1 ending, 6 SU per hour",
        "m3.quad: 1 wanted, 0 waiting, 0 on the way",
    ]


def test_warm_asks_for_more_until_a_time_and_forgets_it_again(of_cloud: config.Settings) -> None:
    lines = list(warm_command.announce(of_cloud, 30, "M3.SMALL", "2h"))
    assert lines[0] == "m3.small: 30 wanted, 0 waiting, 0 on the way, 0 SU per hour"
    assert lines[2].startswith("asked for: 30 of m3.small until 20")
    assert list(warm_command.listing(of_cloud, stop=True)) == [
        "1 requests are forgotten.",
        "m3.quad: 1 wanted, 0 waiting, 0 on the way",
    ]
    assert list(warm_command.listing(of_cloud.model_copy(update={"warm_pool": {}}))) == [
        "The warm pool is empty."
    ]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((0, "m3.small", "2h"), "1 or more"),
        ((3, "m9.huge", "2h"), "There is no size `m9.huge`."),
        ((3, "m3.small", "a while"), "is not a time"),
        ((3, "m3.small", "2 days"), "within the next 24 hours"),
    ],
)
def test_warm_refuses_what_makes_no_sense(
    of_cloud: config.Settings, asked: tuple[int, str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        list(warm_command.announce(of_cloud, *asked))


def test_a_moment_is_one_by_the_clock_of_the_site(of_cloud: config.Settings, store: Store) -> None:
    tokyo = of_cloud.model_copy(update={"timezone": "Asia/Tokyo"})
    soon = datetime.fromtimestamp(store.now() + 7200, ZoneInfo("Asia/Tokyo"))
    list(warm_command.announce(tokyo, 1, "m3.small", soon.strftime("%Y-%m-%d %H:%M")))
    with store.read() as session:
        (request,) = warm.announced(session)
    assert request.until_at == soon.replace(second=0, microsecond=0).timestamp()


def test_the_local_cloud_has_no_warm_instances(settings: config.Settings) -> None:
    with pytest.raises(ConfigError, match="CLOUD=local has no warm instances"):
        list(warm_command.listing(settings))


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"warm_pool": "m3.small"}, "WARM_POOL: each must be a size"),
        ({"warm_pool": "m3.small:-1"}, "WARM_POOL: each must be a size"),
        ({"warm_pool": "m3.small:2"}, "instances of the local cloud cannot wait"),
        ({"warm_hours": "9 to 5"}, "WARM_HOURS: must be days and hours"),
        (
            {
                "warm_pool": "m9:1",
                "cloud": "openstack",
                "openstack_image": "i",
                "openstack_sizes": "m3.small",
            },
            "WARM_POOL names m9, which is not a size",
        ),
    ],
)
def test_a_pool_that_cannot_be_is_refused_at_the_start(chosen: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        config.load(slack_bot_token="xoxb-1", slack_app_token="xapp-1", **chosen)


def test_the_settings_say_what_the_pool_should_be(settings: config.Settings) -> None:
    chosen = {"warm_pool": {"a": 2}, "warm_hours": "mon 8-9", "warm_leaves_free": 3, "warm_lifetime_hours": 2}
    policy = wiring.warm_policy(settings.model_copy(update=chosen))
    assert (policy.sizes, policy.leaves_free, policy.lifetime) == ({"a": 2}, 3, 7200)
    assert policy.hours is not None
    assert wiring.warm_policy(settings).hours is None


def test_drain_empties_the_pool_and_keeps_a_running_bot_from_filling_it(
    settings: config.Settings, store: Store
) -> None:
    migrate(settings)
    in_pool(store, 1)
    assert drain(settings, timeout=60.0) == 0
    pool = WarmPool(store, FakeCloud([0.0]), WarmPolicy({"small": 1}), "bot")
    pool.tick()
    with store.read() as session:
        assert warm.existing(session) == []


def test_a_backup_is_restored_into_another_database(
    settings: config.Settings, store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "binder-bot.gz"
    migrate(settings)
    with store.write() as session:
        warm.announce(session, "small", 2, 2e9)
    rows = backup(settings, file)
    assert rows == 1
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob("*.part")) == []
    other = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'other.sqlite3'}"})
    assert restore(other, file) == rows
    with closing(Store(other.database_url)) as copied, copied.read() as session:
        assert [(each.size, each.left) for each in session.query(WarmRequest)] == [("small", 2)]


def test_a_backup_never_overwrites_a_file(settings: config.Settings, tmp_path: Path) -> None:
    file = tmp_path / "precious"
    migrate(settings)
    file.write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        backup(settings, file)
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no gzip", "no backup"),
        (gzip.compress(b"{}")[:-6], "not whole"),
        (gzip.compress(b"\xff"), "not whole"),
    ],
    ids=["no gzip", "cut", "no text"],
)
def test_what_is_no_backup_is_not_restored(
    settings: config.Settings, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        restore(settings, file)


def test_a_file_that_is_not_there_is_named(settings: config.Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        restore(settings, tmp_path / "nowhere")


@pytest.fixture
def in_workspace(settings: config.Settings) -> Iterator[tuple[config.Settings, Workspace]]:
    """Settings for a bot in a workspace that answers."""
    with Workspace(Options()) as workspace:
        slack = {
            "slack_bot_token": SecretStr(workspace.bot_token),
            "slack_app_token": SecretStr(workspace.app_token),
            "slack_api_url": workspace.api_url,
        }
        yield settings.model_copy(update=slack), workspace


def channel_named(workspace: Workspace, name: str) -> str:
    return next(each.id for each in workspace.state.channels.values() if each.name == name)


def test_check_names_the_channels_in_which_the_bot_is_to_post(
    in_workspace: tuple[config.Settings, Workspace],
) -> None:
    settings, workspace = in_workspace
    lab = channel_named(workspace, "lab")
    lines = list(check(settings.model_copy(update={"approval_channel": lab, "help_channel": lab})))
    assert lines[-2:] == ["channel    APPROVAL_CHANNEL is #lab", "channel    HELP_CHANNEL is #lab"]


@pytest.mark.parametrize("setting", ["admin_channel", "approval_channel", "help_channel"])
def test_check_refuses_a_channel_in_which_the_bot_cannot_post(
    in_workspace: tuple[config.Settings, Workspace], setting: str
) -> None:
    settings, workspace = in_workspace
    chosen = settings.model_copy(update={setting: channel_named(workspace, "secret")})
    with pytest.raises(ConfigError, match=rf"{setting.upper()}: the bot cannot see the channel .* /invite"):
        list(check(chosen))


def test_check_shows_where_the_app_of_github_is_installed(
    in_workspace: tuple[config.Settings, Workspace], tmp_path: Path
) -> None:
    settings, _ = in_workspace
    with FakeGitHub(tmp_path / "git") as github:
        given = github.settings | {"github_app_key": SecretStr(github.settings["github_app_key"])}
        page = f"{github.url}/apps/binders/installations/new"
        assert any(each.endswith(page) for each in check(settings.model_copy(update=given)))
        with pytest.raises(ConfigError, match="does not know this site's App"):
            list(check(settings.model_copy(update=given | {"github_app_id": "1"})))
    gone = {"github_app_key": SecretStr(str(tmp_path / "gone.pem"))}
    with pytest.raises(ConfigError, match="GITHUB_APP_KEY names a file that cannot be read: No such file"):
        list(check(settings.model_copy(update=given | gone)))
