"""A cloud in memory that misbehaves as real ones do, and outlives the bot that drives it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from bot.errors import CloudError, CloudUnreachable, ServerError
from bot.jupyter.activity import Usage
from bot.jupyter.contents import DirectoryListing
from bot.provisioning.base import MinimalCloud
from bot.provisioning.instances import (
    Instance,
    InstanceSpec,
    InstanceState,
    Phase,
    Report,
    ResourceIds,
    Size,
    Survey,
)

_BINDER_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")


@dataclass
class Machine:
    """One instance and how far it has got, by looks at it."""

    instance: Instance
    looks: int = 0
    hidden_for: int = 0
    """How many surveys do not show it yet."""
    waits: bool = False
    """Whether it was made without a repository, and does nothing before it gets its order."""
    is_deaf: bool = False
    """Whether its agent finds nothing of what it is told."""
    told: dict[str, str] = field(default_factory=dict)
    """What its agent was told, by name."""
    awaits_right: bool = False
    """Whether its agent goes on to fetch only once it was told with which right."""
    asked_back: bool = False
    """Whether the last thing that was done to it is resuming it."""

    def becomes(self, state: InstanceState, url: str | None = None) -> None:
        self.instance = replace(self.instance, state=state, url=url)


@dataclass
class FakeCloud(MinimalCloud):
    """Implements `bot.provisioning.base.Cloud`.

    Attributes:
        refuses: Errors that the next creates raise, without making anything.
        loses: How many of the next creates are applied although their reply is lost.
        lag: How many surveys a new instance stays invisible.
        silent: How many of the next surveys fail.
        is_down: Whether nothing is answered.
        reports: What an instance says at its first, second, … look; the last one again and again.
        removals: How many calls a teardown takes.
        used_at: When servers were last used, in Unix seconds UTC; None where they do not answer.
        busy: Whether they compute.
        refuses_shelving: Whether no instance is shelved.
        refuses_marks: Whether no end may be noted at an instance.
        refuses_back: How many of the next unshelves leave the instance where it is, without a word.
        url: Where an instance's server is reached.
        deaf: How many of the next instances never find their order.
        free: How many more instances the quota allows; None where that is not known.
        orders: Which instance was given to which binder, each time.
        asked_for_room: How often the quota was looked up.
    """

    clock: list[float]
    url: Callable[[str], str] = "http://fake/{}".format
    name: str = "fake"
    poll_seconds: float = 1.0
    attempt_seconds: float = 10.0
    sizes: tuple[Size, ...] = (Size("small", "Small"),)
    can_shelve: bool = True
    can_log_in: bool = False
    can_wait: bool = True
    deaf: int = 0
    free: int | None = None
    orders: list[tuple[str, str]] = field(default_factory=list)
    asked_for_room: int = 0
    refuses: list[CloudError] = field(default_factory=list)
    loses: int = 0
    lag: int = 0
    silent: int = 0
    is_down: bool = False
    reports: tuple[Report, ...] = (
        Report(Phase.BOOTING),
        Report(Phase.FETCHING),
        Report(Phase.BUILDING, 0.5, "half"),
        Report(Phase.SERVING, 1.0, "serving"),
    )
    removals: int = 2
    refuses_back: int = 0
    refuses_shelving: bool = False
    refuses_marks: bool = False
    used_at: float | None = 0.0
    busy: bool = False
    machines: dict[str, list[Machine]] = field(default_factory=dict)
    pending_removals: dict[str, int] = field(default_factory=dict)
    created: list[InstanceSpec] = field(default_factory=list)
    surveys: int = 0

    def check(self) -> list[str]:
        self._require_answer()
        return []

    def survey(self) -> Survey:
        self.surveys += 1
        self._require_answer()
        if self.silent:
            self.silent -= 1
            raise CloudUnreachable("The cloud did not answer.")
        shown: dict[str, tuple[Instance, ...]] = {}
        for binder_id, machines in self.machines.items():
            for machine in machines:
                machine.hidden_for -= 1
            visible = tuple(machine.instance for machine in machines if machine.hidden_for < 0)
            if visible:
                shown[binder_id] = visible
        return Survey(shown)

    def create(self, order: InstanceSpec) -> ResourceIds:
        self._require_answer(order.binder_id)
        if order.size not in {size.key for size in self.sizes}:
            raise CloudError(f"This cloud has no size `{order.size}`.")
        if self.refuses:
            raise self.refuses.pop(0)
        ref = f"srv-{len(self.created)}"
        self.created.append(order)
        made = Instance(
            ref, order.binder_id, InstanceState.PENDING, self.clock[0], ends_at=float(int(order.ends_at))
        )
        self._add(order, made, hidden_for=self.lag)
        if self.loses:
            self.loses -= 1
            raise CloudUnreachable("The reply was lost.")
        return {"server": ref}

    def _add(self, order: InstanceSpec, made: Instance, hidden_for: int = 0) -> None:
        waits, is_deaf = not order.url, not order.url and self.deaf > 0
        self.deaf -= is_deaf
        machine = Machine(
            made, hidden_for=hidden_for, waits=waits, is_deaf=is_deaf, awaits_right=bool(order.needs_right)
        )
        self.machines.setdefault(order.binder_id, []).append(machine)

    def expose(self, binder_id: str, resources: ResourceIds) -> ResourceIds:
        self._require_answer(binder_id)
        machines = self.machines.get(binder_id, [])
        if "address" in resources and all(machine.instance.url for machine in machines):
            return resources
        for machine in machines:
            machine.becomes(InstanceState.ACTIVE, self.url(binder_id))
        return dict(resources) | {"address": "10.0.0.1"}

    def report(self, instance: Instance) -> Report | None:
        self._require_answer()
        machines = self.machines.get(instance.binder_id, [])
        machine = next((each for each in machines if each.instance.ref == instance.ref), None)
        if machine is None:
            return None
        if machine.waits and (machine.is_deaf or "order" not in machine.told):
            return Report(Phase.WAITING)
        report = self.reports[min(machine.looks, len(self.reports) - 1)]
        if report.phase == Phase.FETCHING and machine.awaits_right and "source" not in machine.told:
            return report
        machine.looks += 1
        return report

    def mark_end(self, resources: ResourceIds, ends_at: float) -> None:
        if self.refuses_marks:
            raise CloudError("The rules of these credentials do not allow that.")
        machine = self._machine(resources)
        machine.instance = replace(machine.instance, ends_at=float(int(ends_at)))

    def instruct(self, binder_id: str, resources: ResourceIds, name: str, text: str) -> None:
        self._require_answer(binder_id)
        self._machine(resources).told[name] = text

    def withdraw(self, binder_id: str, resources: ResourceIds, name: str) -> None:
        self._require_answer(binder_id)
        self._machine(resources).told.pop(name, None)

    def order(self, resources: ResourceIds, spec: InstanceSpec, text: str) -> None:
        self._require_answer(spec.binder_id)
        machine = self._machine(resources)
        machine.told["order"] = text
        machine.awaits_right = bool(spec.needs_right)
        machine.instance = replace(machine.instance, ends_at=float(int(spec.ends_at)))
        self.orders.append((machine.instance.ref, spec.binder_id))

    def free_places(self, _size: str) -> int | None:
        self.asked_for_room += 1
        self._require_answer()
        return self.free

    def prune(self, binder_id: str, keep: str) -> None:
        twins = self.machines.pop(binder_id, [])
        if kept := [each for each in twins if each.instance.ref == keep]:
            self.machines[binder_id] = kept

    def remove(self, binder_id: str, resources: ResourceIds) -> bool:
        self._require_answer(binder_id)
        left = self.pending_removals.setdefault(binder_id, self.removals) - 1
        self.pending_removals[binder_id] = left
        if left > 0:
            return False
        self.machines.pop(binder_id, None)
        del self.pending_removals[binder_id]
        return True

    def shelve(self, binder_id: str, resources: ResourceIds) -> ResourceIds:
        """Two calls until it is shelved, and one more to release its address."""
        if self.refuses_shelving:
            raise CloudError("This server cannot be shelved.")
        for machine in self.machines.get(binder_id, []):
            machine.asked_back = False
            match machine.instance.state:
                case InstanceState.ACTIVE:
                    machine.becomes(InstanceState.PENDING, machine.instance.url)
                case InstanceState.PENDING:
                    machine.becomes(InstanceState.SHELVED, machine.instance.url)
                case _:
                    machine.becomes(InstanceState.SHELVED)
                    return {name: part for name, part in resources.items() if name != "address"}
        return resources

    def unshelve(self, resources: ResourceIds) -> None:
        machine = self._machine(resources)
        if machine.instance.state != InstanceState.SHELVED:
            return
        machine.asked_back = True
        if self.refuses_back:
            self.refuses_back -= 1
        else:
            machine.becomes(InstanceState.ACTIVE)

    def unshelve_failed(self, resources: ResourceIds) -> bool:
        machine = self._machine(resources)
        return machine.asked_back and machine.instance.state == InstanceState.SHELVED

    def _machine(self, resources: ResourceIds) -> Machine:
        for machines in self.machines.values():
            for machine in machines:
                if machine.instance.ref == resources.get("server"):
                    return machine
        raise CloudError("There is no such instance.")

    def _require_answer(self, binder_id: str = "any") -> None:
        if self.is_down:
            raise CloudUnreachable("The cloud did not answer.")
        if not _BINDER_ID.fullmatch(binder_id):
            raise CloudError("That is not the id of a binder.")

    def serves(self, binder_id: str) -> bool:
        """Whether the binder's server would answer by now."""
        machines = self.machines.get(binder_id, [])
        return any(machine.looks >= len(self.reports) for machine in machines)


@dataclass
class FakeServer:
    """What `bot.jupyter.client.JupyterServer` is, over a `FakeCloud`."""

    cloud: FakeCloud
    binder_id: str
    pages: Mapping[str, int]

    def is_alive(self) -> bool:
        return self.cloud.serves(self.binder_id)

    def answers(self, path: str) -> bool:
        return self.pages.get(path) == 200

    def kind_of(self, path: str) -> str | None:
        return "notebook" if path.endswith(".ipynb") else None

    def collaborates(self) -> bool | None:
        return None

    def proxied(self) -> frozenset[str]:
        return frozenset()

    def listing(self, path: str) -> DirectoryListing:
        return DirectoryListing(0.0, (), 0)

    def usage(self) -> Usage:
        if self.cloud.used_at is None:
            raise ServerError("The server did not answer.")
        return Usage(self.cloud.used_at, self.cloud.busy, connections=0, moving=False)

    def close(self) -> None:
        pass
