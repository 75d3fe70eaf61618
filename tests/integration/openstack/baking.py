"""What the tests of baking share: a bakery over the stand-in, whose machines a test plays."""

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from bot.provisioning.agent.reports import MARKER
from bot.provisioning.agent.settings import AgentSettings
from bot.provisioning.baking import is_bake
from bot.provisioning.openstack.bakery import OpenStackBakery
from tests.integration.openstack.conftest import OPTIONS
from tests.integration.openstack.standin import Json, StandIn

CONTENTS = {
    "docker": "27.5.1",
    "buildx": "0.13.1",
    "repo2docker": "2026.4.0",
    "base-image": "buildpack-deps:jammy",
    "architecture": "x86_64",
}
FAILED: Json = {"phase": "failed", "code": "no-tools", "reason": "There is no Docker.", "hint": "Try again."}


@dataclass
class Machines:
    """Plays the agents of the machines that are baked, and of those that prove an image.

    Attributes:
        baked: What the agent of a machine that is baked reports last.
        proven: The same of one that proves an image.
        switches_off: Whether the cloud sees that a machine switched itself off.
        orders: What the machines were told, in their order.
    """

    standin: StandIn
    baked: Json = field(default_factory=lambda: {"phase": "waiting", "contents": CONTENTS})
    proven: Json = field(default_factory=lambda: {"phase": "waiting", "contents": CONTENTS})
    switches_off: bool = True
    orders: list[Mapping[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.standin.boots = self._boot

    def _boot(self, server: Json) -> None:
        if not is_bake(server["name"].removeprefix("binder-")):
            return
        order = told(server["user_data"])["bake"]
        self.orders.append(order)
        event = self.proven if order["expected"] else self.baked
        lines = [{"phase": "booting", "message": "Installing docker.io"}, event]
        self.standin.consoles[server["id"]] = "".join(f"\n{MARKER} {json.dumps(each)}\n" for each in lines)
        if "contents" in event and not order["expected"] and self.switches_off:
            server["status"] = "SHUTOFF"


class Follower:
    """Follows a bake, and says nothing."""

    def begin(self, stage: str) -> None:
        pass

    def say(self, line: str) -> None:
        pass

    def hold(self) -> None:
        pass


def told(user_data: str) -> Json:
    """The task in user data, as Nova was given it."""
    files = yaml.safe_load(gzip.decompress(base64.b64decode(user_data)))["write_files"]
    (task,) = (each for each in files if each["path"].endswith("task.json"))
    return dict(json.loads(base64.b64decode(task["content"])))


def bakery_of(standin: StandIn, patience: float = 20.0, **changes: Any) -> OpenStackBakery:
    """A bakery as a process of its own has it."""
    options = replace(OPTIONS, poll_seconds=0.0, attempt_seconds=0.05, **changes)
    return OpenStackBakery(options, "lab", AgentSettings(), patience, region=standin.region)
