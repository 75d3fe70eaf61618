"""Baking over the stand-in: what is made, what is kept, what is told, and that nothing else is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot import config
from bot.admin import bake as admin
from bot.admin.bake import BakeJournal, bake_with
from bot.cli import INTERRUPTED
from bot.errors import CloudError, ConfigError, LostLease
from bot.provisioning.instances import InstanceSpec, InstanceState
from bot.provisioning.openstack import bake_machine
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.openstack.images import contents_of
from storage.engine import Store
from tests.contract.database.rows import let_pass
from tests.fakes.database import KEY
from tests.integration.openstack.baking import CONTENTS, FAILED, Machines, bakery_of
from tests.integration.openstack.standin import PROJECT, Json, StandIn

OrderOf = Callable[..., InstanceSpec]
Open = Callable[..., OpenStackCloud]
Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(f"sqlite:///{tmp_path / 'bot.sqlite3'}")) as store:
        store.migrate()
        yield store


@pytest.fixture
def machines(standin: StandIn) -> Machines:
    return Machines(standin)


class Oven:
    """The operator's command, as often as a test likes; `told` is what it printed."""

    def __init__(self, standin: StandIn, store: Store) -> None:
        self.standin = standin
        self.told: list[str] = []
        self._store = store

    def bake(self, source: str | None = None, size: str | None = None, **options: Any) -> Json:
        with closing(bakery_of(self.standin, **options)) as bakery:
            baked = bake_with(bakery, self._store, source, size, self.told.append)
        return next(each for each in self.standin.images if each["id"] == baked.ref)

    def names(self) -> list[str]:
        return [each["name"] for each in self.standin.images]


@pytest.fixture
def oven(standin: StandIn, store: Store, machines: Machines, monkeypatch: pytest.MonkeyPatch) -> Oven:
    monkeypatch.setattr(admin, "_CLEAR_POLL_SECONDS", 0.0)
    return Oven(standin, store)


def test_an_image_is_made_proven_and_told_and_nothing_else_is_left(oven: Oven, machines: Machines) -> None:
    image = oven.bake()
    assert image["binder-bot-deployment"] == "lab"
    assert image["binder-bot-state"] == "proven"
    inside = contents_of(image)
    assert inside.items() >= CONTENTS.items()
    assert inside["from"] == "Featured-Ubuntu24"
    assert {"since", "version", "from-id"} <= inside.keys()
    assert not oven.standin.leavings()
    assert [bool(each["expected"]) for each in machines.orders] == [False, True]
    assert any("Installing docker.io" in line for line in oven.told)
    assert oven.told[-1].endswith("in all")


def test_binders_boot_from_the_newest_image(
    oven: Oven, opened: Open, order_of: OrderOf, standin: StandIn
) -> None:
    oven.bake()
    newest = oven.bake()
    cloud = opened(image="baked")
    cloud.create(order_of("b1"))
    (server,) = standin.servers.values()
    assert server["image"] == newest["id"]
    assert cloud.check() == []


def test_the_last_two_images_are_kept(oven: Oven) -> None:
    first, second, third = (oven.bake() for _ in range(3))
    assert oven.names() == ["Featured-Ubuntu24", second["name"], third["name"]]
    assert first["name"] not in oven.names()


def test_without_a_baked_image_the_operator_is_told_to_bake(
    opened: Open, order_of: OrderOf, oven: Oven
) -> None:
    cloud = opened(image="baked")
    (told,) = cloud.check()
    assert "no baked image yet" in told
    assert "binder-bot bake --from" in told
    with pytest.raises(CloudError, match="no baked image"):
        cloud.create(order_of("b1"))
    with pytest.raises(CloudError, match="none to bake from again"):
        oven.bake(image="baked")


def test_the_next_image_is_made_of_what_the_last_was_made_of(oven: Oven) -> None:
    oven.bake("Featured-Ubuntu24", image="baked")
    assert contents_of(oven.bake(image="baked"))["from"] == "Featured-Ubuntu24"


def test_an_image_that_was_baked_is_no_plain_image(oven: Oven) -> None:
    image = oven.bake()
    with pytest.raises(CloudError, match="baked already"):
        oven.bake(image["name"])


def test_a_copy_of_a_used_server_is_never_booted_from(
    oven: Oven, opened: Open, order_of: OrderOf, standin: StandIn
) -> None:
    """Nova gives the image of a shelved server all properties of the image that it was booted from."""
    image = oven.bake()
    cloud = opened(image="baked", poll_seconds=0.0)
    parts = cloud.create(order_of("b1"))
    while cloud.survey().of("b1")[0].state != InstanceState.ACTIVE:
        pass
    cloud.shelve("b1", parts)
    copy = standin.images[-1]
    assert copy["name"] == "binder-b1-shelved"
    assert copy["binder-bot-state"] == "proven"
    other = opened(image="baked")
    other.create(order_of("b2"))
    assert {each["image"] for each in standin.servers.values()} == {image["id"]}
    for _ in range(2):
        oven.bake()
    assert copy in standin.images, "it is the only copy of somebody's work"


def test_the_image_of_another_project_is_never_booted_from(
    oven: Oven, opened: Open, standin: StandIn
) -> None:
    image = oven.bake()
    image["owner"] = "somebody-else"
    assert "no baked image yet" in opened(image="baked").check()[0]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, []),
        ({"created_at": "2026-01-01T00:00:00Z"}, ["days ago"]),
        ({"binder-bot-repo2docker": "2025.1.0"}, ["has repo2docker 2025.1.0"]),
    ],
)
def test_what_is_old_should_be_baked_anew(oven: Oven, opened: Open, changes: Json, told: list[str]) -> None:
    image = oven.bake()
    image |= {"created_at": "2999-01-01T00:00:00Z"} | changes
    advice = opened(image="baked", pins={"repo2docker": "2026.4.0"}).advice()
    assert [part in each for part, each in zip(told, advice, strict=True)] == [True] * len(told)
    assert opened().advice() == [], "this one uses another image"


@pytest.mark.parametrize("which", ["baked", "proven"])
def test_what_the_agent_finds_wrong_is_told_and_nothing_is_left(
    oven: Oven, machines: Machines, which: str
) -> None:
    setattr(machines, which, FAILED)
    with pytest.raises(CloudError, match="There is no Docker"):
        oven.bake()
    assert oven.names() == ["Featured-Ubuntu24"]
    assert not oven.standin.leavings()


def test_an_image_that_vanishes_is_made_again_and_at_last_given_up(oven: Oven, standin: StandIn) -> None:
    standin.knobs.uploads_fail = 1
    oven.bake()
    standin.knobs.uploads_fail = 100
    with pytest.raises(CloudError, match="could not store"):
        oven.bake()
    assert len(oven.names()) == 2
    assert not standin.leavings()


def test_a_machine_that_does_not_go_off_is_switched_off(
    oven: Oven, machines: Machines, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bake_machine, "_OFF_SECONDS", 0.0)
    machines.switches_off = False
    oven.bake()
    assert [body for _, body in standin.requests if "os-stop" in body] == [{"os-stop": None}]


def test_a_host_without_room_and_an_agent_that_is_silent_are_told(
    oven: Oven, machines: Machines, standin: StandIn
) -> None:
    standin.knobs.full = {"m3.small", "m3.quad"}
    with pytest.raises(CloudError, match="no host has room"):
        oven.bake()
    standin.knobs.full = set()
    machines.baked = {"phase": "building"}
    with pytest.raises(CloudError, match="did not say what is inside within"):
        oven.bake(patience=5.0)
    assert not standin.leavings()


def test_the_size_with_the_smallest_disk_is_used_unless_one_is_named(oven: Oven, standin: StandIn) -> None:
    standin.flavors[0]["disk"] = 60
    oven.bake()
    oven.bake(size="small")
    sizes = [
        body["server"]["flavorRef"]
        for sent, body in standin.requests
        if sent.endswith("POST compute /servers")
    ]
    small, quad = (each["id"] for each in standin.flavors)
    assert sizes == [quad, quad, small, small]
    with pytest.raises(CloudError, match="called `huge`"):
        oven.bake(size="huge")


def test_a_pause_that_was_too_long_ends_the_bake(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "_RENEW_SECONDS", 0.0)
    journal = BakeJournal(store, "bake-1", lambda _: None)
    journal.hold()
    let_pass(store, admin.LEASE_SECONDS - 10)
    journal.hold()
    let_pass(store, admin.LEASE_SECONDS - 10)
    journal.hold()
    let_pass(store, admin.LEASE_SECONDS + 1)
    with pytest.raises(LostLease):
        journal.hold()


def test_images_are_listed_rarely(opened: Open, standin: StandIn, oven: Oven) -> None:
    oven.bake()
    cloud = opened()
    with standin.counted() as calls:
        assert [cloud.unproven_images() for _ in range(5)] == [frozenset()] * 5
        cloud.survey()
    assert calls["GET image /images"] == 1


def test_everything_that_is_asked_belongs_to_the_deployment(oven: Oven, standin: StandIn) -> None:
    oven.bake()
    made = [body for sent, body in standin.requests if sent == "POST compute /servers"]
    assert all("binder-bot-lab" in body["server"]["tags"] for body in made)
    assert {each["owner"] for each in standin.images if "owner" in each} == {PROJECT}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_removes_at_once_what_was_made(
    standin: StandIn, chosen: dict[str, Any], store: Store, until: Until, number: signal.Signals
) -> None:
    """The command as the operator types it, in a process of its own."""
    environment = os.environ | {name.upper(): str(value) for name, value in chosen.items()}
    done = subprocess.Popen(
        [sys.executable, "-m", "bot", "bake"], env=environment, stdout=subprocess.PIPE, text=True
    )
    until(lambda: bool(standin.servers))
    done.send_signal(number)
    printed, _ = done.communicate(timeout=60)
    assert done.returncode == INTERRUPTED
    assert "Removing the machines" in printed
    assert not standin.leavings()


def test_a_cloud_without_images_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tokens = {"slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1", "secret_key": KEY}
    settings = config.load(**tokens, local_unisolated_ok=True)
    with pytest.raises(ConfigError, match="CLOUD=local has no machine images"):
        admin.bake(settings, None, None, lambda _: None)
