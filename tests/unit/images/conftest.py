"""A real database with a clock of its own, and a cloud and a registry in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.images.keeper import ImageKeeper, KeeperDependencies
from bot.images.names import RegistryPlace
from bot.images.plans import KeepingPolicy
from bot.images.rights import AccountRights, RegistryRights
from bot.images.store import RegistryImages
from bot.provisioning.agent.stored_images import ImageAccess
from bot.provisioning.base import InstanceSpec
from storage import binders, images
from storage.engine import Store
from storage.models import Binder, BuiltImage, OutboxMessage, Status
from tests.fakes.cloud import FakeCloud
from tests.fakes.database import empty_store
from tests.fakes.registry import FakeRegistry, orders, sha256

BEGIN = 1_000_000.0
DAY = 86_400.0
COMMIT = "c" * 40
KEY = "a1" * 16
SECRET = "s" * 32
PLACE = RegistryPlace("registry.test", "binders")


class PlainRights(AccountRights):
    """Rights as a registry with tokens gives them, readable for a test."""

    keeps_private = True

    def __init__(self) -> None:
        super().__init__("reader:r", "writer:w")

    def to_pull(self, name: str, seconds: float) -> dict[str, str]:
        return {"may": "pull", "from": name, "seconds": f"{seconds:g}"}

    def to_push(self, name: str, seconds: float) -> dict[str, str]:
        return {"may": "push", "to": name, "seconds": f"{seconds:g}"}


@dataclass
class Site:
    """Everything around the image store of one site."""

    store: Store
    clock: list[float]
    rights: RegistryRights = field(default_factory=PlainRights)
    policy: KeepingPolicy = field(default_factory=lambda: KeepingPolicy(30 * DAY, 10**12))

    def __post_init__(self) -> None:
        self.cloud = FakeCloud(self.clock)
        self.registry = FakeRegistry()
        self.keeper = self.new_keeper()

    @property
    def images(self) -> RegistryImages:
        return RegistryImages(self.store, PLACE, self.rights, 600)

    def new_keeper(self, worker: str = "worker") -> ImageKeeper:
        return ImageKeeper(
            KeeperDependencies(
                self.store,
                self.cloud,
                self.registry,
                self.rights,
                PLACE,
                self.policy,
                worker,
                clock=lambda: self.clock[0],
            )
        )

    def launch(self, binder_id: str, **values: Any) -> Binder:
        """A binder that is being created."""
        row = Binder(
            **{
                "id": binder_id,
                "request_key": binder_id,
                "team_id": "T1",
                "owner": "U1",
                "channel": "C1",
                "is_private": False,
                "provider": "gh",
                "url": "https://github.com/o/r",
                "commit": COMMIT,
                "size": "small",
                "token": "t",
                "secret": SECRET,
                "status": Status.CREATING,
                "created_at": self.clock[0],
                "status_since": self.clock[0],
                "ends_at": self.clock[0] + 3600,
            }
            | values
        )
        row.name = binder_id
        with self.store.write() as session:
            session.add(row)
        return row

    def ready(self, binder_id: str, *, image_id: str = "", how: str = "built", **values: Any) -> Binder:
        """A binder that became ready with an image; its instance is in the cloud."""
        directory = values.pop("directory", ".")
        key = values.pop("key", KEY)
        image = {
            "key": key,
            "id": sha256(image_id or binder_id),
            "directory": directory,
            "kind": "Dockerfile",
            "how": how,
        }
        launched = self.launch(binder_id, image=image, status=Status.READY, ready_at=self.clock[0], **values)
        spec = self.spec(launched)
        with self.store.write() as session:
            row = binders.get(session, binder_id)
            assert row is not None
            row.resource_ids = dict(self.cloud.create(spec))
            self.images.note_ready(session, row)
        return self.binder(binder_id)

    def spec(self, row: Binder) -> InstanceSpec:
        return InstanceSpec(
            *(row.id, "gh", row.url, None, row.commit),
            is_tip=True,
            path=None,
            interface=None,
            size="small",
            token="t",
            owner="U1",
            channel="C1",
            ends_at=row.ends_at,
        )

    def kept(self, binder_id: str, *, image_id: str = "", **values: Any) -> BuiltImage:
        """An image that is kept."""
        row = self.ready(binder_id, image_id=image_id, **values)
        self.keeper.tick()
        self.obey(binder_id)
        self.clock[0] += 60
        self.keeper.tick()
        found = self.image_of(row.id)
        assert found is not None
        assert found.state == "kept", found.reason
        return found

    def orders(self) -> list[dict[str, Any]]:
        return orders(self.cloud, SECRET)

    def obey(self, binder_id: str, *, instead: str = "") -> None:
        """Let the instance of a binder push what it was told to push, or something else in its place."""
        row = self.binder(binder_id)
        [order] = orders(FakeCloud(self.clock, machines={binder_id: self.cloud.machines[binder_id]}), SECRET)
        self.registry.push(order["repository"], order["tag"], sha256(instead) if instead else row.image["id"])

    def access(self, row: Binder) -> ImageAccess:
        return self.images.access(row)

    def binder(self, binder_id: str) -> Binder:
        with self.store.read() as session:
            found = binders.get(session, binder_id)
        assert found is not None
        return found

    def all(self) -> list[BuiltImage]:
        with self.store.read() as session:
            return sorted(images.listing(session), key=lambda each: each.id)

    def image_of(self, binder_id: str) -> BuiltImage | None:
        return next((each for each in self.all() if each.binder_id == binder_id), None)

    def said(self) -> list[str]:
        with self.store.read() as session:
            return [
                each.facts.get("sentence", "")
                for each in session.query(OutboxMessage).order_by(OutboxMessage.id)
                if each.kind == "alert"
            ]

    def become(self, binder_id: str, **values: Any) -> None:
        with self.store.write() as session:
            row = binders.get(session, binder_id)
            for name, value in values.items():
                setattr(row, name, value)


@pytest.fixture
def clock() -> list[float]:
    return [BEGIN]


@pytest.fixture
def site(clock: list[float]) -> Iterator[Site]:
    with empty_store(lambda: clock[0]) as store:
        yield Site(store, clock)
