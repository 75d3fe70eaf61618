"""Bakes in a storm: an operator's process that makes machines and an image, and may die at each effect.

The command, its lease and the bot's sweep are the real ones; the bakery is one over the storm's cloud. It
takes the same steps as that of OpenStack, which `tests/integration/openstack` kills at each of its calls.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, TypeVar

import pytest

from bot.admin import bake as admin
from bot.errors import CloudError, CloudUnreachable
from bot.provisioning.baking import BakedImage, BakeProgress, is_bake
from bot.provisioning.instances import InstanceSpec, ResourceIds
from tests.chaos.sim.world import Process

if TYPE_CHECKING:
    from tests.chaos.sim.storm import Storm

_Found = TypeVar("_Found")

POLL_SECONDS = 10.0
LOOKS = 3
"""So often a machine is looked at before its agent is done."""
KEPT = 2


class Baker(Process):
    """The process of one `binder-bot bake`; `clears` is whose machines it removes itself just now."""

    clears: str | None = None


class StormBakery:
    """A `Bakery` whose steps get lost, and during which the others go on.

    Args:
        storm: Where it happens.
        baker: Whose process it is.
    """

    def __init__(self, storm: "Storm", baker: Baker) -> None:
        self._storm, self._baker, self._cloud = storm, baker, storm.cloud

    def bake(
        self, bake_id: str, _source: str | None, _size: str | None, progress: BakeProgress
    ) -> BakedImage:
        self._run_machine(bake_id, progress)
        image = self._until(progress, "make_image", lambda: self._cloud.image_of(bake_id))
        self._until(progress, "prune", lambda: self._is_deleted(bake_id))
        self._run_machine(bake_id, progress)
        self._until(progress, "prove", lambda: self._cloud.prove(image))
        removed = self._until(progress, "prune_images", lambda: (self._cloud.prune_images(KEPT),))[0]
        return BakedImage(image, image, {}, removed)

    def clear(self, bake_id: str) -> bool:
        self._baker.clears = bake_id
        try:
            return bool(self._effect("remove", lambda: self._cloud.remove(bake_id, {})))
        finally:
            self._baker.clears = None

    def close(self) -> None:
        pass

    def _run_machine(self, bake_id: str, progress: BakeProgress) -> None:
        """Have a machine made, and look at it until its agent is done."""
        resources = self._until(progress, "create", lambda: self._made(bake_id))
        self._until(progress, "expose", lambda: self._cloud.expose(bake_id, resources))
        for _ in range(LOOKS):
            if not self._until(progress, "survey", lambda: (self._seen(bake_id),))[0]:
                raise CloudError("Somebody deleted the machine.")

    def _made(self, bake_id: str) -> ResourceIds | None:
        """The machine, if it is there; else it is made, unless one whose answer was lost may turn up."""
        if seen := self._seen(bake_id):
            return {"server": seen}
        now = self._storm.now
        if now - self._cloud.attempts.get(bake_id, 0.0) >= self._storm.timeouts.attempt:
            self._cloud.attempts[bake_id] = now
            self._cloud.create(_spec(bake_id))
        return None

    def _seen(self, bake_id: str) -> str | None:
        found = self._cloud.survey().of(bake_id)
        return found[0].ref if found else None

    def _is_deleted(self, bake_id: str) -> bool:
        if self._seen(bake_id) is None:
            self._cloud.attempts.pop(bake_id, None)
            return True
        self._cloud.prune(bake_id, "")
        return False

    def _until(self, progress: BakeProgress, name: str, step: Callable[[], _Found | None]) -> _Found:
        """Take a step again until it gives something, as the real bakery does."""
        for _ in range(100):
            progress.hold()
            try:
                if found := self._effect(name, step):
                    return found
            except CloudUnreachable:
                pass
            self._storm.wait(self._baker, POLL_SECONDS)
        raise CloudError(f"It took too long: {name}.")

    def _effect(self, name: str, step: Callable[[], _Found]) -> _Found:
        found: _Found = self._storm.effect(self._baker, name, step)
        return found


def _spec(bake_id: str) -> InstanceSpec:
    """A machine of a bake: it gets no repository, and has no end."""
    return InstanceSpec(
        binder_id=bake_id,
        provider="git",
        url="",
        ref=None,
        commit=None,
        is_tip=False,
        path=None,
        interface=None,
        size="small",
        token="",
        owner="operator",
        channel="",
        ends_at=0.0,
    )


class _StormTime:
    """What the command's `time` is in a storm."""

    def __init__(self, storm: "Storm", baker: Baker) -> None:
        self._storm, self._baker = storm, baker

    def monotonic(self) -> float:
        return self._storm.now

    def sleep(self, seconds: float) -> None:
        self._storm.wait(self._baker, max(seconds, POLL_SECONDS))


class _StormSecrets:
    """What its `secrets` are: the same storm has the same ids."""

    def __init__(self, baker: Baker) -> None:
        self._numbers = count()
        self._name = str(baker).replace(" ", "")

    def token_hex(self, _size: int) -> str:
        return f"{self._name}n{next(self._numbers)}"


@contextmanager
def as_process_of(storm: "Storm", baker: Baker) -> Iterator[None]:
    """Let the command tell the time by the storm's clock, and find ids by the seed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(admin, "time", _StormTime(storm, baker))
        patch.setattr(admin, "secrets", _StormSecrets(baker))
        yield


def left_of_bakes(storm: "Storm") -> list[str]:
    """What the cloud still has of bakes, but for proven images."""
    cloud = storm.cloud
    owners = [*cloud.machines, *cloud.addresses, *cloud.unproven()]
    return [f"the cloud still has something of {each}" for each in sorted(set(owners)) if is_bake(each)]
