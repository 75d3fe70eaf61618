"""A bot that loses its database: everything goes on from what the cloud alone knows."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot import app, config
from bot.admin.check import check
from bot.admin.recover import recover, refuse_lost_database, write_rows
from bot.binders.dependencies import Dependencies
from bot.binders.reconciler import Reconciler
from bot.config import Settings
from bot.errors import ConfigError, ServerError
from bot.jupyter.activity import Usage
from bot.jupyter.contents import DirectoryListing
from bot.provisioning.instances import InstanceSpec, Phase, Report
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.tokens import new_secret, new_token
from storage import binders
from storage.engine import Store
from storage.models import Binder, OutboxMessage
from storage.vocabulary import Ending, Status, Target
from tests.chaos.sim.world import TIMEOUTS, FakeResolver, requested
from tests.fakes.database import migrated
from tests.integration.openstack.conftest import OPTIONS
from tests.integration.openstack.standin import StandIn
from workspace.server import Workspace

KEY = "a key that the operator keeps somewhere else"
HOUR = 3600.0
LIMITS = {"idle_hours": 2, "lifetime_hours": 24, "max_hours": 72, "max_cost_per_binder": 100}
TOKENS = {"slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1"}
NOW = 1_795_392_000.0
"""A little after the stand-in's servers are made."""


@dataclass
class Guest:
    """The server of an instance: it shows its pages to those who have its token."""

    tokens: set[str]
    token: str

    def is_alive(self) -> bool:
        return True

    def answers(self, path: str) -> bool:
        return self.token in self.tokens and path == "lab"

    def kind_of(self, path: str) -> str | None:
        return None

    def collaborates(self) -> bool | None:
        return None

    def proxied(self) -> frozenset[str]:
        return frozenset()

    def listing(self, path: str) -> DirectoryListing:
        raise ServerError("It does not tell.")

    def usage(self) -> Usage:
        raise ServerError("It does not tell.")

    def close(self) -> None:
        pass


@dataclass
class Bot:
    """A bot over the stand-in whose database can be lost."""

    root: Path
    standin: StandIn
    key: str | None = KEY
    clock: list[float] = field(default_factory=lambda: [NOW])
    tokens: set[str] = field(default_factory=set)
    databases: list[Store] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.console: Report | None = None
        self.cloud = OpenStackCloud(
            OPTIONS, "lab", self._render, lambda _: self.console, region=self.standin.region
        )
        self.lose_the_database()

    def _render(self, order: InstanceSpec) -> str:
        self.tokens.add(order.token)
        return "#!/bin/sh\n"

    def lose_the_database(self) -> None:
        name = self.root / f"{len(self.databases)}.sqlite3"
        shutil.copy(migrated(), name)
        self.databases.append(Store(f"sqlite:///{name}", clock=lambda: self.clock[0]))
        self.reconciler = Reconciler(
            Dependencies(
                store=self.store,
                cloud=self.cloud,
                resolver=FakeResolver(),
                timeouts=TIMEOUTS,
                worker=f"worker-{len(self.databases)}",
                server=lambda _, token: Guest(self.tokens, token),
            )
        )

    @property
    def store(self) -> Store:
        return self.databases[-1]

    @property
    def settings(self) -> Settings:
        return config.load(**TOKENS, **LIMITS, token_key=self.key)

    def close(self) -> None:
        self.cloud.close()
        for store in self.databases:
            store.close()

    def launch(self, binder_id: str, **values: Any) -> None:
        now = self.clock[0]
        chosen: dict[str, Any] = {"path": "index.ipynb", "ends_at": now + 10 * HOUR}
        row = requested(binder_id, now, **chosen | {"token": new_token(binder_id, self.key)} | values)
        with self.store.write() as session:
            binders.add(session, row, wanted_name=f"name-of-{binder_id}")

    def row(self, binder_id: str) -> Binder:
        with self.store.read() as session:
            found = binders.get(session, binder_id)
        assert found is not None
        return found

    def owed(self) -> list[str]:
        with self.store.read() as session:
            return [message.key for message in session.query(OutboxMessage).order_by(OutboxMessage.id)]

    def run_to(self, status: Status, binder_id: str = "b1") -> None:
        for _ in range(200):
            if self.row(binder_id).status == status:
                return
            self.reconciler.tick()
            self.clock[0] += 1
        raise AssertionError(f"never happened: {self.row(binder_id)!r}")

    def recover(self) -> list[str]:
        return write_rows(self.store, self.cloud, self.settings)

    def stop(self, binder_id: str = "b1") -> None:
        with self.store.write() as session:
            binders.end(session, binder_id, ending=Ending.STOPPED, by="U1")
        self.run_to(Status.GONE, binder_id)


@pytest.fixture
def bot(tmp_path: Path, standin: StandIn) -> Iterator[Bot]:
    bot = Bot(tmp_path, standin)
    yield bot
    bot.close()


@pytest.fixture
def ready(bot: Bot) -> Bot:
    """A bot with one ready binder, which has lost its database."""
    bot.launch("b1")
    bot.run_to(Status.READY)
    bot.clock[0] += HOUR
    bot.lose_the_database()
    return bot


def test_a_recovered_binder_gets_ready_again_by_itself_and_leaves_nothing(ready: Bot) -> None:
    before = ready.databases[0]
    (line,) = ready.recover()
    assert line == "b1  booting  name-of-b1 of U1: its links are posted when its server answers"
    ready.run_to(Status.READY)
    with before.read() as session:
        old = binders.get(session, "b1")
    assert old is not None
    new = ready.row("b1")
    same = (
        "name",
        "owner",
        "team_id",
        "channel",
        "provider",
        "url",
        "ref",
        "path",
        "commit",
        "size",
        "resource_ids",
    )
    assert [getattr(new, name) for name in same] == [getattr(old, name) for name in same]
    assert (new.token, new.server_url, new.ends_at) == (old.token, old.server_url, old.ends_at)
    assert new.maximum_at == new.created_at + 72 * HOUR
    assert (new.idle_seconds, new.budget, new.price_per_hour) == (2 * HOUR, 100, 2.0)
    assert [each["path"] for each in new.interfaces] == [each["path"] for each in old.interfaces]
    assert ready.owed() == ["card:b1", "ready:b1", "links:b1"]
    ready.stop()
    assert not ready.standin.leavings()


def test_a_binder_that_was_kept_is_recovered_with_its_new_end(bot: Bot) -> None:
    bot.launch("b1")
    bot.run_to(Status.READY)
    later = bot.row("b1").ends_at + 5 * HOUR
    with bot.store.write() as session:
        binders.keep(session, "b1", ends_at=later, awake_until=0.0, by="U1")
    bot.clock[0] += 60
    bot.reconciler.tick()
    bot.lose_the_database()
    bot.recover()
    assert bot.row("b1").ends_at == later


def test_recovering_twice_is_recovering_once(ready: Bot) -> None:
    ready.recover()
    ready.run_to(Status.READY)
    assert ready.recover() == ["b1  is in the database already"]
    assert ready.row("b1").status == Status.READY


def test_a_database_that_is_not_lost_is_not_touched(ready: Bot) -> None:
    ready.launch("b2")
    with pytest.raises(ConfigError, match="has 1 live binder, so"):
        ready.recover()
    assert ready.owed() == ["card:b2"]


@pytest.mark.parametrize("key", [None, "another key, which is as long as one has to be"])
def test_without_the_key_the_token_is_lost_and_the_rest_is_not(ready: Bot, key: str | None) -> None:
    ready.key = key
    (line,) = ready.recover()
    assert line.endswith("name-of-b1 of U1: its token is lost, so nobody gets new links to it")
    row = ready.row("b1")
    assert (row.status, row.token, row.target) == (Status.READY, "", Target.READY)
    assert row.server_url is not None
    for _ in range(5):
        ready.reconciler.tick()
        ready.clock[0] += 60
    assert ready.row("b1").status == Status.READY
    assert ready.owed() == ["card:b1"]
    ready.stop()
    assert not ready.standin.leavings()


def test_a_token_that_was_random_cannot_be_made_again(bot: Bot) -> None:
    bot.launch("b1", token=new_token("b1"))
    bot.run_to(Status.READY)
    bot.lose_the_database()
    bot.recover()
    assert bot.row("b1").token == ""


@pytest.mark.parametrize("stage", [Status.CREATING, Status.BOOTING])
def test_what_was_being_made_is_made_ready(bot: Bot, stage: Status) -> None:
    bot.launch("b1")
    bot.run_to(stage)
    bot.lose_the_database()
    bot.recover()
    bot.run_to(Status.READY)
    assert len(bot.standin.servers) == len(bot.standin.floating_ips) == 1


def test_what_is_put_away_stays_so(ready: Bot) -> None:
    (server,) = ready.standin.servers.values()
    server["status"] = "SHELVED_OFFLOADED"
    ready.standin.floating_ips.clear()
    (line,) = ready.recover()
    assert line.endswith("it stays shelved until somebody resumes it")
    row = ready.row("b1")
    assert (row.status, row.target) == (Status.SHELVED, Target.SHELVED)
    assert row.remaining_seconds == pytest.approx(9 * HOUR, abs=60)
    assert row.ends_at == ready.clock[0] + 7 * 24 * HOUR
    ready.reconciler.tick()
    assert ready.row("b1").status == Status.SHELVED
    assert not ready.standin.floating_ips


def test_what_is_switched_off_is_told_before_it_is_torn_down(ready: Bot) -> None:
    (server,) = ready.standin.servers.values()
    server["status"] = "SHUTOFF"
    (line,) = ready.recover()
    assert "switched off" in line
    server["status"] = "ACTIVE"
    ready.reconciler.tick()
    assert ready.row("b1").target == Target.READY


def test_a_deadline_that_is_over_was_perhaps_moved(ready: Bot) -> None:
    ready.clock[0] += 80 * HOUR
    ready.recover()
    row = ready.row("b1")
    assert row.ends_at == row.maximum_at == ready.clock[0] + HOUR


@pytest.mark.parametrize("mark", ["team", "channel"])
def test_whose_it_is_must_be_known(ready: Bot, mark: str) -> None:
    (server,) = ready.standin.servers.values()
    del server["metadata"][f"binder-{mark}"]
    assert ready.recover() == [
        f"b1  cannot be recovered, and `serve` removes it: its metadata lacks {mark}",
    ]


def test_a_seat_that_the_cloud_knows_no_owner_of_is_kept_for_an_admin(ready: Bot) -> None:
    (server,) = ready.standin.servers.values()
    del server["metadata"]["binder-owner"]
    (line,) = ready.recover()
    assert "of nobody (a seat of a class: an admin can share it)" in line
    assert (ready.row("b1").owner, ready.row("b1").target) == ("", Target.READY)


def test_everything_else_may_be_missing(ready: Bot) -> None:
    (server,) = ready.standin.servers.values()
    for mark in ("name", "url", "provider", "size", "deadline", "path", "commit"):
        server["metadata"].pop(f"binder-{mark}", None)
    ready.recover()
    row = ready.row("b1")
    assert (row.name, row.url, row.ends_at) == ("b1", "", ready.clock[0] + 24 * HOUR)
    ready.run_to(Status.READY)


def test_what_is_left_over_is_told(ready: Bot) -> None:
    (server,) = ready.standin.servers.values()
    twin = ready.standin.add_server(_asked(ready.standin), server["port"])
    assert ready.recover()[1] == f"b1  has a second instance, which is removed with it: {twin['id']}"
    ready.lose_the_database()
    ready.standin.servers.clear()
    assert ready.recover() == ["b1  only some of its resources are left: `serve` removes them"]
    ready.standin.ports.clear()
    ready.standin.floating_ips.clear()
    assert ready.recover() == ["The cloud has no instance of this deployment."]


def _asked(standin: StandIn) -> Any:
    return next(body["server"] for sent, body in standin.requests if sent == "POST compute /servers")


def test_what_ended_is_not_raised(ready: Bot) -> None:
    ready.recover()
    with ready.store.write() as session:
        row = binders.get(session, "b1")
        assert row is not None
        row.status, row.target = Status.GONE, Target.GONE
    assert ready.recover() == ["b1  has ended before: `serve` removes what is left"]


def test_a_bot_without_memory_does_not_begin_to_work(ready: Bot) -> None:
    with pytest.raises(ConfigError, match="has 1 instance of") as caught:
        refuse_lost_database(ready.store, ready.cloud)
    assert "binder-bot recover" in caught.value.hint
    ready.recover()
    refuse_lost_database(ready.store, ready.cloud)


def test_a_new_bot_begins_to_work(bot: Bot) -> None:
    refuse_lost_database(bot.store, bot.cloud)


@pytest.mark.parametrize("key", [KEY, None])
def test_tokens_are_long_and_fit_a_url(key: str | None) -> None:
    token = new_token("b1", key)
    assert len(token) == 32
    assert token.replace("-", "").replace("_", "").isalnum()
    assert (token == new_token("b1", key)) is (key is not None)
    assert token != new_token("b2", key)


def test_serve_refuses_until_the_command_has_recovered(ready: Bot, chosen: dict[str, Any]) -> None:
    settings = config.load(**chosen, token_key=KEY)
    with pytest.raises(ConfigError, match="database is empty, but the cloud has 1 instance of"):
        app.serve(settings)
    assert recover(settings)[0].startswith("b1  booting  name-of-b1 of U1")
    assert recover(settings) == ["b1  is in the database already"]


def test_a_cloud_that_keeps_too_little_says_so(chosen: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="CLOUD=local does not keep enough"):
        recover(config.load(**chosen | {"cloud": "local", "local_unisolated_ok": True}))


def test_check_tells_how_much_of_the_quota_is_used(chosen: dict[str, Any], standin: StandIn) -> None:
    with Workspace() as workspace:
        slack = {
            "slack_bot_token": workspace.bot_token,
            "slack_app_token": workspace.app_token,
            "slack_api_url": workspace.api_url,
        }
        told = list(check(config.load(**chosen | slack)))
        assert told[2].startswith("quota      instances 0 of 1000, cores 0 of 1000, ")
        standin.images.clear()
        standin.flavors.clear()
        with pytest.raises(ConfigError) as caught:
            list(check(config.load(**chosen | slack)))
    assert len(caught.value.sentence.splitlines()) == 3


# Instances of the warm pool --------------------------------------------------------------------------------


def taken(bot: Bot, key: str | None = KEY) -> Binder:
    """A ready binder whose instance came from the warm pool."""
    now, secret = bot.clock[0], new_secret("w1", key)
    nobodys = dict.fromkeys(("team_id", "owner", "channel", "provider", "url", "token"), "")
    chosen = {**nobodys, "is_warm": True, "resolved_at": now, "secret": secret, "name": "warm-w1"}
    with bot.store.write() as session:
        session.add(requested("w1", now, **chosen))
    bot.console = Report(Phase.WAITING)
    bot.run_to(Status.WAITING, "w1")
    bot.launch("b1")
    bot.run_to(Status.BOOTING)
    bot.tokens.add(bot.row("b1").token)
    bot.console = Report(Phase.BUILDING)
    bot.run_to(Status.READY)
    return bot.row("b1")


def test_a_binder_with_an_instance_of_the_warm_pool_is_recovered_with_its_token(bot: Bot) -> None:
    before = taken(bot)
    bot.lose_the_database()
    (line,) = bot.recover()
    assert line == "b1  booting  name-of-b1 of U1: its links are posted when its server answers"
    bot.run_to(Status.READY)
    now = bot.row("b1")
    assert (now.instance_id, now.token, now.secret) == ("w1", before.token, before.secret)
    bot.reconciler.sweep()
    bot.stop()
    assert bot.standin.leavings() == []


def test_without_the_key_the_token_of_a_warm_instance_is_lost(bot: Bot) -> None:
    taken(bot, key=None)
    bot.lose_the_database()
    (line,) = bot.recover()
    assert "its token is lost" in line


def test_an_instance_that_waits_is_not_recovered_but_made_anew(bot: Bot) -> None:
    now = bot.clock[0]
    nobodys = dict.fromkeys(("team_id", "owner", "channel", "provider", "url", "token"), "")
    with bot.store.write() as session:
        session.add(requested("w1", now, **nobodys, is_warm=True, resolved_at=now, name="warm"))
    bot.run_to(Status.CREATING, "w1")
    bot.lose_the_database()
    assert bot.recover() == ["w1  waits for a launch: `serve` removes it, and fills the pool anew"]
