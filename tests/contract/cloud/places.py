"""The implementations of `Cloud`, each with what the suite does to it from outside."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot import config
from bot.errors import CloudUnreachable
from bot.provisioning.agent.instructions import text_of
from bot.provisioning.base import Cloud
from bot.provisioning.instances import Instance, InstanceSpec, InstanceState, Phase, ResourceIds
from bot.provisioning.local.instance import InstanceDirectory
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.registry import build_cloud
from bot.provisioning.reports import fold
from tests.fakes.cloud import FakeCloud
from tests.fakes.waiting import eventually
from tests.integration.openstack.conftest import OPTIONS
from tests.integration.openstack.standin import Cut, StandIn

NOWHERE = "http://127.0.0.1:1/nothing.git"
"""A repository that is not there: most tests need no build."""
ENDS_AT = 1_800_000_000.0


class Place(ABC):
    """Where instances live, and what happens there.

    Attributes:
        notes_ends: Whether surveys show when a binder ends.
    """

    notes_ends = True
    size = "small"

    def __init__(self) -> None:
        self.opened: list[Cloud] = []

    def open(self, deployment: str = "one") -> Cloud:
        """The cloud as a new process of the bot has it."""
        cloud = self._open(deployment)
        self.opened.append(cloud)
        return cloud

    def order(self, binder_id: str = "b1aa", **changes: Any) -> InstanceSpec:
        values: dict[str, Any] = {
            "binder_id": binder_id,
            "provider": "git",
            "url": NOWHERE,
            "ref": "main",
            "commit": "c0ffee" * 6 + "c0ff",
            "is_tip": True,
            "path": None,
            "interface": None,
            "size": self.size,
            "token": "a-token-that-nobody-guesses",
            "owner": "U123",
            "channel": "C456",
            "ends_at": ENDS_AT,
            "team": "T1",
            "name": "demo",
        }
        return InstanceSpec(**values | changes)

    @abstractmethod
    def _open(self, deployment: str) -> Cloud: ...

    @abstractmethod
    def left(self) -> list[Any]:
        """Everything that is left of any deployment."""

    @abstractmethod
    def create_without_reply(self, order: InstanceSpec) -> None:
        """Have an instance made, and lose the answer."""

    @abstractmethod
    def break_down(self) -> None:
        """Answer nobody, from now on."""

    @abstractmethod
    def heal(self) -> None:
        """Answer again."""

    def let_report(self, instance: Instance) -> None:  # noqa: B027 - most report by themselves
        """Let the inside of an instance report something."""

    @abstractmethod
    def told(self, resources: ResourceIds, name: str) -> str | None:
        """What an instance finds that it was told."""

    def is_told(self, resources: ResourceIds, name: str) -> bool:
        """Whether anything is left of what it was told under a name."""
        try:
            return self.told(resources, name) is not None
        except (OSError, KeyError):
            return False

    def order_that_waits(self, binder_id: str = "w1aa") -> InstanceSpec:
        """An instance of the warm pool."""
        nobodys = dict.fromkeys(("provider", "url", "token", "owner", "channel", "team", "name"), "")
        return self.order(binder_id, **nobodys, ref=None, commit=None, is_tip=False)

    def has_finished(self, cloud: Cloud, instance: Instance) -> bool:
        """Whether whatever runs in an instance has come to its end."""
        return True

    def until(self, happened: Callable[[], bool]) -> None:
        """Wait for something: in a test's cloud, time goes by with each look at it."""
        eventually(happened, 30)

    def gone(self, cloud: Cloud, binder_id: str = "b1aa", resources: dict[str, str] | None = None) -> None:
        """Tear a binder down, as the reconciler does: step by step, and with a survey in between."""

        def step() -> bool:
            cloud.survey()
            return cloud.remove(binder_id, resources or {})

        self.until(step)

    def close(self) -> None:
        for cloud in self.opened:
            survey = cloud.survey()
            for binder_id in {*survey.instances, *survey.strays}:
                self.gone(cloud, binder_id)
            cloud.close()


class LocalPlace(Place):
    """The bot's own host, without a container engine."""

    notes_ends = False
    size = "local"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        folder.mkdir()

    def _open(self, deployment: str) -> Cloud:
        settings = config.load(
            slack_bot_token="xoxb-1",
            slack_app_token="xapp-1",
            local_root=self._folder / deployment,
            local_engine="none",
            local_unisolated_ok=True,
        )
        return build_cloud(settings)

    def left(self) -> list[Any]:
        return list(self._folder.glob("*/instances/*"))

    def told(self, resources: ResourceIds, name: str) -> str | None:
        return InstanceDirectory(Path(resources["directory"])).places.instructions.joinpath(name).read_text()

    def has_finished(self, cloud: Cloud, instance: Instance) -> bool:
        report = cloud.report(instance)
        has_failed = report is not None and report.phase == Phase.FAILED
        (now,) = cloud.survey().of(instance.binder_id)
        return has_failed or now.state == InstanceState.ERROR

    def create_without_reply(self, order: InstanceSpec) -> None:
        self.open().create(order)

    def break_down(self) -> None:
        self._folder.rename(self._folder.with_suffix(".away"))
        self._folder.symlink_to(self._folder)  # whoever follows it gets an error

    def heal(self) -> None:
        self._folder.unlink()
        self._folder.with_suffix(".away").rename(self._folder)


class OpenStackPlace(Place):
    """A small OpenStack over real HTTP."""

    def __init__(self) -> None:
        super().__init__()
        self._standin = StandIn()
        self._standin.start()

    def _open(self, deployment: str) -> Cloud:
        return OpenStackCloud(
            OPTIONS,
            deployment,
            lambda order: f"# {order.binder_id}",
            lambda console: fold(console.encode()),
            region=self._standin.region,
        )

    def left(self) -> list[Any]:
        return self._standin.leavings()

    def create_without_reply(self, order: InstanceSpec) -> None:
        cloud = self.open()
        before = cloud.create(self.order("before"))
        self._standin.knobs.cut = Cut(2, "after", writes=True)  # the port, and then the server
        with suppress(CloudUnreachable):
            cloud.create(order)
        assert self._standin.cut_is_over()
        self.gone(cloud, "before", dict(before))

    def break_down(self) -> None:
        self._standin.knobs.is_down = True

    def heal(self) -> None:
        self._standin.knobs.is_down = False

    def told(self, resources: ResourceIds, name: str) -> str | None:
        return text_of(name, self._standin.servers[resources["server"]]["metadata"])

    def let_report(self, instance: Instance) -> None:
        self._standin.consoles[instance.ref] = '{"phase": "building"}\n'

    def close(self) -> None:
        super().close()
        self._standin.stop()


class FakePlace(Place):
    """The cloud in memory that most other tests use."""

    def __init__(self) -> None:
        super().__init__()
        self._clouds: dict[str, FakeCloud] = {}

    def _open(self, deployment: str) -> Cloud:
        return self._clouds.setdefault(deployment, FakeCloud([time.time()]))

    def told(self, resources: ResourceIds, name: str) -> str | None:
        machines = (each for twins in self._clouds["one"].machines.values() for each in twins)
        return next(each.told[name] for each in machines if each.instance.ref == resources["server"])

    def left(self) -> list[Any]:
        return [machines for cloud in self._clouds.values() for machines in cloud.machines.values()]

    def create_without_reply(self, order: InstanceSpec) -> None:
        self.open()
        cloud = self._clouds["one"]
        cloud.loses = 1
        with suppress(CloudUnreachable):
            cloud.create(order)

    def break_down(self) -> None:
        for cloud in self._clouds.values():
            cloud.is_down = True

    def heal(self) -> None:
        for cloud in self._clouds.values():
            cloud.is_down = False
