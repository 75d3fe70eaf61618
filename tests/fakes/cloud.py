"""A cloud in memory that misbehaves as real ones do, and outlives the bot that drives it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from bot.errors import CloudError, CloudUnreachable
from bot.provisioning.base import Instance, InstanceState, Order, Parts, Phase, Report, Size, Survey


@dataclass
class Machine:
    """One instance and how far it has got, by looks at it."""

    instance: Instance
    looks: int = 0
    hidden_for: int = 0
    """How many surveys do not show it yet."""


@dataclass
class FakeCloud:
    """Implements `bot.provisioning.base.Cloud`.

    Attributes:
        refuses: Errors that the next creates raise, without making anything.
        loses: How many of the next creates are applied although their reply is lost.
        lag: How many surveys a new instance stays invisible.
        silent: How many of the next surveys fail.
        reports: What an instance says at its first, second, … look; the last one again and again.
        removals: How many calls a teardown takes.
        url: Where an instance's server is reached.
    """

    clock: list[float]
    url: Callable[[str], str] = "http://fake/{}".format
    name: str = "fake"
    poll_seconds: float = 1.0
    attempt_seconds: float = 10.0
    sizes: tuple[Size, ...] = (Size("small", "Small"),)
    can_shelve: bool = False
    refuses: list[CloudError] = field(default_factory=list)
    loses: int = 0
    lag: int = 0
    silent: int = 0
    reports: tuple[Report, ...] = (
        Report(Phase.BOOTING),
        Report(Phase.FETCHING),
        Report(Phase.BUILDING, 0.5, "half"),
        Report(Phase.SERVING, 1.0, "serving"),
    )
    removals: int = 2
    machines: dict[str, list[Machine]] = field(default_factory=dict)
    pending_removals: dict[str, int] = field(default_factory=dict)
    created: list[Order] = field(default_factory=list)
    surveys: int = 0

    def check(self) -> list[str]:
        return []

    def survey(self) -> Survey:
        self.surveys += 1
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

    def create(self, order: Order) -> Parts:
        if self.refuses:
            raise self.refuses.pop(0)
        ref = f"srv-{len(self.created)}"
        self.created.append(order)
        made = Instance(ref, order.binder_id, InstanceState.PENDING, self.clock[0])
        self.machines.setdefault(order.binder_id, []).append(Machine(made, hidden_for=self.lag))
        if self.loses:
            self.loses -= 1
            raise CloudUnreachable("The reply was lost.")
        return {"server": ref}

    def expose(self, binder_id: str, parts: Parts) -> Parts:
        if "address" in parts:
            return parts
        for machine in self.machines.get(binder_id, []):
            machine.instance = replace(machine.instance, state=InstanceState.ACTIVE, url=self.url(binder_id))
        return dict(parts) | {"address": "10.0.0.1"}

    def report(self, instance: Instance) -> Report | None:
        machine = next(
            each for each in self.machines[instance.binder_id] if each.instance.ref == instance.ref
        )
        report = self.reports[min(machine.looks, len(self.reports) - 1)]
        machine.looks += 1
        return report

    def remove(self, binder_id: str, parts: Parts) -> bool:
        left = self.pending_removals.setdefault(binder_id, self.removals) - 1
        self.pending_removals[binder_id] = left
        if left > 0:
            return False
        self.machines.pop(binder_id, None)
        del self.pending_removals[binder_id]
        return True

    def serves(self, binder_id: str) -> bool:
        """Whether the binder's server would answer by now."""
        machines = self.machines.get(binder_id, [])
        return any(machine.looks >= len(self.reports) for machine in machines)


@dataclass
class FakeServer:
    """What `bot.jupyter.JupyterServer` is, over a `FakeCloud`."""

    cloud: FakeCloud
    binder_id: str
    pages: Mapping[str, int]

    def is_alive(self) -> bool:
        return self.cloud.serves(self.binder_id)

    def answers(self, path: str) -> bool:
        return self.pages.get(path) == 200

    def kind_of(self, path: str) -> str | None:
        return "notebook" if path.endswith(".ipynb") else None

    def proxied(self) -> frozenset[str]:
        return frozenset()

    def close(self) -> None:
        pass
