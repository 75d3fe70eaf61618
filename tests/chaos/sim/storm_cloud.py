"""A cloud that refuses, loses replies, shows things late, and in which others switch things off."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random

from bot.errors import CloudError, CloudUnreachable, NoCapacity, QuotaExceeded, ServerError
from bot.jupyter.activity import Usage
from bot.provisioning.instances import (
    Instance,
    InstanceSpec,
    InstanceState,
    Phase,
    Report,
    ReportedImage,
    ResourceIds,
    Survey,
)
from tests.chaos.sim.storm_registry import StormRegistry
from tests.fakes.cloud import FakeCloud, FakeServer, Machine

LAG_SECONDS = 8.0
"""At most so long is a new instance missing from surveys; less than an attempt is given."""


@dataclass
class StormCloud(FakeCloud):
    """What `FakeCloud` is, with chance in it as long as `stormy` says so.

    Attributes:
        random: Where all chance comes from.
        stormy: Whether anything goes wrong.
        addresses: The addresses that are taken, by binder.
        visible_at: When each instance appears in surveys, by its ref.
        registry: Where instances push their images, and pull others from.
        started: The image that each instance started, by its ref.
        moods: What goes on in a server: `busy`, `tab`, `idle` or `mute`, and since when.
        images: Whether the image of each bake is proven, the oldest first.
        attempts: When a machine was last ordered for each bake.
        on_removed: Hears of each part that `remove` has removed, by its owner.
    """

    random: Random = field(default_factory=Random)
    stormy: bool = True
    addresses: dict[str, str] = field(default_factory=dict)
    visible_at: dict[str, float] = field(default_factory=dict)
    registry: StormRegistry = field(default_factory=StormRegistry)
    started: dict[str, ReportedImage] = field(default_factory=dict)
    moods: dict[str, tuple[str, float]] = field(default_factory=dict)
    images: dict[str, bool] = field(default_factory=dict)
    attempts: dict[str, float] = field(default_factory=dict)
    on_removed: Callable[[str], None] = lambda _owner: None
    reports: tuple[Report, ...] = (Report(Phase.BUILDING, 0.5, "half"), Report(Phase.SERVING, 1.0, "serving"))

    def chance(self, probability: float) -> bool:
        return self.stormy and self.random.random() < probability

    @contextmanager
    def _unreliable(self, *, lost: float = 0.04) -> Iterator[None]:
        """A call that may not arrive, or whose reply is lost after it was done."""
        if self.chance(lost):
            raise CloudUnreachable("The cloud did not answer.")
        yield
        if self.chance(lost):
            raise CloudUnreachable("The reply was lost.")

    def survey(self) -> Survey:
        self.surveys += 1
        if self.chance(0.06):
            raise CloudUnreachable("The cloud did not answer.")
        now = self.clock[0]
        shown = {
            binder_id: tuple(each.instance for each in machines if self.visible_at[each.instance.ref] <= now)
            for binder_id, machines in self.machines.items()
        }
        instances = {binder_id: found for binder_id, found in shown.items() if found}
        return Survey(instances, frozenset(set(self.addresses) - set(instances)))

    def create(self, order: InstanceSpec) -> ResourceIds:
        if self.chance(0.06):
            raise self.random.choice([NoCapacity("No host has room."), QuotaExceeded("All are in use.")])
        with self._unreliable(lost=0.1):
            ref = f"srv-{len(self.created)}"
            self.created.append(order)
            ends_at = float(int(order.ends_at))
            made = Instance(ref, order.binder_id, InstanceState.PENDING, self.clock[0], ends_at=ends_at)
            if order.url:
                self.started[ref] = self.registry.starts(order, ref)
            self.visible_at[ref] = self.clock[0] + (self.random.uniform(0, LAG_SECONDS) if self.stormy else 0)
            if not order.url and self.chance(0.1):
                self.deaf = 1
            self._add(order, made)
            return {"server": ref}
        raise AssertionError("either a reply, or none")

    def expose(self, binder_id: str, resources: ResourceIds) -> ResourceIds:
        with self._unreliable():
            machines = self.machines.get(binder_id, [])
            if not machines:
                raise CloudError("There is no such instance.")
            self.addresses.setdefault(binder_id, f"10.0.0.{len(self.addresses) + 1}")
            for machine in machines:
                if machine.instance.state in {InstanceState.PENDING, InstanceState.ACTIVE}:
                    machine.becomes(InstanceState.ACTIVE, self.url(binder_id))
            return dict(resources) | {"address": self.addresses[binder_id]}
        raise AssertionError("either a reply, or none")

    def report(self, instance: Instance) -> Report | None:
        with self._unreliable():
            known = self.machines.get(instance.binder_id, [])
            if not any(each.instance.ref == instance.ref for each in known):
                return None
            if self.chance(0.01):
                return Report(Phase.FAILED, reason="No such package.", log="tail")
            if self.chance(0.01):
                return Report(Phase.FAILED, reason="No way out.", code="no-egress")
            found = super().report(instance)
            return found and replace(found, image=self.started.get(instance.ref))
        raise AssertionError("either a reply, or none")

    def remove(self, binder_id: str, resources: ResourceIds) -> bool:
        with self._unreliable():
            if self._is_left(binder_id):
                self.on_removed(binder_id)
                return False
            return True
        raise AssertionError("either a reply, or none")

    def _is_left(self, owner: str) -> bool:
        """Remove one part of what belongs to somebody; False where there was none."""
        if owner in self.addresses:
            del self.addresses[owner]
        elif machines := self.machines.get(owner):
            machines.pop()
            if not machines:
                del self.machines[owner]
        elif owner in self.unproven():
            del self.images[owner]
        else:
            return False
        return True

    def shelve(self, binder_id: str, resources: ResourceIds) -> ResourceIds:
        with self._unreliable():
            if self.chance(0.05):
                raise CloudError("This instance cannot be put away.")
            left = super().shelve(binder_id, resources)
            if "address" not in left:
                self.addresses.pop(binder_id, None)
            return left
        raise AssertionError("either a reply, or none")

    def unshelve(self, resources: ResourceIds) -> None:
        with self._unreliable():
            if self.chance(0.1):
                raise NoCapacity("No host has room for it now.")
            self.refuses_back = int(self.chance(0.1))
            super().unshelve(resources)

    def mark_end(self, resources: ResourceIds, ends_at: float) -> None:
        with self._unreliable():
            super().mark_end(resources, ends_at)

    def order(self, resources: ResourceIds, spec: InstanceSpec, text: str) -> None:
        with self._unreliable():
            if self.chance(0.03):
                raise CloudError("This server takes no metadata.")
            super().order(resources, spec, text)
            ref = self._machine(resources).instance.ref
            self.started.setdefault(ref, self.registry.starts(spec, ref))

    def free_places(self, _size: str) -> int | None:
        with self._unreliable():
            return self.random.choice([None, 1, 2, 4]) if self.stormy else None
        raise AssertionError("either a reply, or none")

    def instruct(self, binder_id: str, resources: ResourceIds, name: str, text: str) -> None:
        with self._unreliable():
            super().instruct(binder_id, resources, name, text)

    def withdraw(self, binder_id: str, resources: ResourceIds, name: str) -> None:
        with self._unreliable():
            super().withdraw(binder_id, resources, name)

    def unshelve_failed(self, resources: ResourceIds) -> bool:
        with self._unreliable():
            return super().unshelve_failed(resources)
        raise AssertionError("either a reply, or none")

    def _machine(self, resources: ResourceIds) -> Machine:
        machines = (machine for twins in self.machines.values() for machine in twins)
        found = next(
            (machine for machine in machines if machine.instance.ref == resources.get("server")), None
        )
        if found is None:
            raise CloudError("There is no such instance.")
        return found

    # Images of machines ----------------------------------------------------------------------------------

    def unproven(self) -> frozenset[str]:
        """The bakes that have an image which is not proven."""
        return frozenset(owner for owner, is_proven in self.images.items() if not is_proven)

    def unproven_images(self) -> frozenset[str]:
        with self._unreliable():
            return self.unproven()
        raise AssertionError("either a reply, or none")

    def image_of(self, bake_id: str) -> str:
        """Have an image made of a machine, unless there is one."""
        with self._unreliable():
            if bake_id not in self.machines:
                raise CloudError("There is no such machine.")
            self.images.setdefault(bake_id, False)
            return bake_id
        raise AssertionError("either a reply, or none")

    def prove(self, bake_id: str) -> str:
        """Mark an image as proven."""
        with self._unreliable():
            if bake_id not in self.images:
                raise CloudError("There is no such image.")
            self.images[bake_id] = True
            return bake_id
        raise AssertionError("either a reply, or none")

    def prune_images(self, kept: int) -> tuple[str, ...]:
        """Delete all proven images but the newest; their names."""
        with self._unreliable():
            old = [owner for owner, is_proven in self.images.items() if is_proven][:-kept]
            for each in old:
                del self.images[each]
            return tuple(old)
        raise AssertionError("either a reply, or none")

    def let_agents_push(self) -> None:
        """Every agent that was told to push does what it does about it."""
        for machines in self.machines.values():
            for machine in machines:
                if image := self.started.get(machine.instance.ref):
                    self.registry.obey(machine, image.id)

    # What others do --------------------------------------------------------------------------------------

    def vanish(self, binder_id: str) -> None:
        """Somebody deletes an instance in the console of the cloud."""
        self.machines.pop(binder_id, None)

    def switch(self, binder_id: str, state: InstanceState) -> None:
        """Somebody, or a broken host, switches an instance off."""
        for machine in self.machines.get(binder_id, []):
            machine.instance = replace(machine.instance, state=state, fault="The host broke.")


@dataclass
class StormServer(FakeServer):
    """A server whose use changes, and which sometimes does not answer."""

    cloud: StormCloud

    def is_alive(self) -> bool:
        return not self.cloud.chance(0.1) and super().is_alive()

    def usage(self) -> Usage:
        mood, since = self.cloud.moods.get(self.binder_id, ("idle", 0.0))
        machines = self.cloud.machines.get(self.binder_id, [])
        if mood == "mute" or self.cloud.chance(0.1) or not any(each.instance.url for each in machines):
            raise ServerError("The server did not answer.")
        now = self.cloud.clock[0]
        return Usage(now if mood == "tab" else since, mood == "busy", connections=0, moving=mood == "tab")
