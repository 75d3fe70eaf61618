"""Baking against a real Nova and Glance, whose hypervisor runs no guest: a test plays the machines."""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from bot.admin import bake as admin
from bot.errors import CloudError, CloudUnreachable
from bot.provisioning.agent.settings import AgentSettings
from bot.provisioning.base import InstanceSpec, InstanceState
from bot.provisioning.openstack import bake_machine
from bot.provisioning.openstack.bakery import OpenStackBakery
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.openstack.images import contents_of
from bot.provisioning.openstack.options import Flavor, OpenStackOptions
from storage.engine import Store
from tests.integration.openstack.baking import CONTENTS
from tests.integration.openstack.plane import (
    FLAVOR,
    FOLDER,
    IMAGE,
    Knobs,
    delete_security_groups,
    leavings,
    needs_cloud,
    needs_played_guests,
)

pytestmark = [pytest.mark.openstack, needs_cloud, needs_played_guests, pytest.mark.timeout(600)]

OrderOf = Callable[..., InstanceSpec]
Until = Callable[[Callable[[], bool]], None]


class Site:
    """A deployment of its own in the project, whose machines are played."""

    def __init__(self, folder: Path) -> None:
        self.deployment = f"test-{secrets.token_hex(4)}"
        self.told: list[str] = []
        self._options = OpenStackOptions(image=IMAGE, flavors=(Flavor("small", FLAVOR, "Small"),))
        self._store = Store(f"sqlite:///{folder / 'bot.sqlite3'}")
        self._store.migrate()
        self.cloud = self.opened(IMAGE)

    def opened(self, image: str) -> OpenStackCloud:
        options = OpenStackOptions(image=image, flavors=self._options.flavors)
        return OpenStackCloud(options, self.deployment, lambda _: "#!/bin/sh\n", lambda _: None)

    def bake(self, patience: float = 120.0) -> dict[str, Any]:
        bakery = OpenStackBakery(self._options, self.deployment, AgentSettings(), patience)
        with closing(bakery), self._played():
            baked = admin.bake_with(bakery, self._store, None, None, self.told.append)
        return self.image(baked.ref)

    def image(self, ref: str) -> dict[str, Any]:
        return self.cloud._api.call("image", "GET", f"/images/{ref}", "look at the image")

    def images(self) -> list[dict[str, Any]]:
        """Everything in Glance that says that it is of this deployment."""
        mine = {"binder-bot-deployment": self.deployment}
        return self.cloud._api.find("image", "/images", "images", "list the images", **mine)

    @contextmanager
    def _played(self) -> Iterator[None]:
        """Play the agents of the machines, until the end of the block."""
        is_over = threading.Event()
        thread = threading.Thread(target=self._play, args=(is_over,))
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def _play(self, is_over: threading.Event) -> None:
        event = json.dumps({"phase": "waiting", "message": "Played", "contents": CONTENTS})
        with closing(self.opened(IMAGE)) as cloud:
            while not is_over.wait(1):
                with suppress(CloudError):
                    for instances in cloud.survey().instances.values():
                        for each in instances:
                            console = FOLDER / "var" / "consoles" / f"{each.ref}.log"
                            console.write_text(f"\nBINDER-BOT {event}\n")

    def close(self) -> None:
        deadline = time.monotonic() + 120
        survey = self.cloud.survey()
        for binder_id in {*survey.instances, *survey.strays}:
            while not self.cloud.remove(binder_id, {}):
                assert time.monotonic() < deadline, leavings(self.cloud)
                time.sleep(1)
        for each in self.images():
            self.cloud._api.call("image", "DELETE", f"/images/{each['id']}", "clean up")
        delete_security_groups(self.cloud)
        self.cloud.close()
        self._store.close()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    # No guest runs, so none switches itself off.
    monkeypatch.setattr(bake_machine, "_OFF_SECONDS", 0.0)
    site = Site(tmp_path)
    yield site
    site.close()


def test_an_image_is_made_marked_found_and_replaced(
    site: Site, order_of: OrderOf, until: Until, capsys: pytest.CaptureFixture[str]
) -> None:
    first = site.bake()
    with capsys.disabled():
        print("\n".join(["", *site.told]))  # noqa: T201 - how long it took is what one wants to know of it
    assert (first["status"], first["binder-bot-state"]) == ("active", "proven")
    assert contents_of(first).items() >= CONTENTS.items()
    assert leavings(site.cloud) == []

    second, third = site.bake(), site.bake()
    assert {each["id"] for each in site.images()} == {second["id"], third["id"]}

    with closing(site.opened("baked")) as cloud:
        assert cloud.check() == []
        assert cloud.unproven_images() == frozenset()
        cloud.create(order_of("real20"))
        until(lambda: cloud.survey().of("real20")[0].state == InstanceState.ACTIVE)
        server = cloud._servers_of("real20")[0]
        assert server["image"]["id"] == third["id"]


def test_the_image_of_a_shelved_binder_is_no_baked_image(site: Site, order_of: OrderOf, until: Until) -> None:
    baked = site.bake()
    with closing(site.opened("baked")) as cloud:
        parts = cloud.create(order_of("real21"))
        until(lambda: cloud.survey().of("real21")[0].state == InstanceState.ACTIVE)
        cloud.shelve("real21", parts)
        until(lambda: cloud.survey().of("real21")[0].state == InstanceState.SHELVED)
    (copy,) = (each for each in site.images() if each["id"] != baked["id"])
    assert copy["binder-bot-state"] == "proven", "Nova copies what its server's image had"
    assert [each["id"] for each in site.cloud._images.proven()] == [baked["id"]]


def test_what_a_dead_bake_left_is_removed_while_its_image_is_stored(
    site: Site, order_of: OrderOf, until: Until, knobs: Knobs
) -> None:
    parts = site.cloud.create(order_of("bake-dead"))
    until(lambda: site.cloud.survey().of("bake-dead")[0].state == InstanceState.ACTIVE)
    with knobs.turned(snapshot_seconds=5):
        site.cloud._images.make("bake-dead", parts["server"], CONTENTS)
        assert site.cloud.unproven_images() == {"bake-dead"}
        assert site.cloud._images.of("bake-dead")[0]["status"] == "queued"
        until(lambda: site.cloud.remove("bake-dead", {}))
    assert leavings(site.cloud) == []
    assert site.images() == []


def test_an_image_that_is_gone_already_reads_as_no_answer_and_then_as_gone(site: Site) -> None:
    image = site.bake()
    site.cloud._images._delete(image)
    with pytest.raises(CloudUnreachable):
        site.cloud._images._delete(image)
    assert site.cloud._images.proven() == []
