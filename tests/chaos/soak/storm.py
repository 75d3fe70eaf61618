"""Blows that fall on the replicas and on what they depend on, by chance, but the same for the same seed."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tests.chaos.soak.approvals import see_approvals
from tests.chaos.soak.cloud import Moment
from tests.chaos.soak.world import LEASE_SECONDS, Replica, Violation, World, kill
from tests.integration.openstack.standin import Cut

if TYPE_CHECKING:
    from workspace.limits import FailureKind

TRAP_SECONDS = 4.0
"""How long a trap waits for its call, before it springs by itself."""
RECOVERS = 0.8
"""How likely both replicas are up before the next blow; otherwise it may fall while they start."""
POSTS = frozenset({"chat.postMessage", "chat.update", "chat.postEphemeral"})


@dataclass
class Trap:
    """Does something at the n-th call from now on, in the middle of it.

    Attributes:
        where: Calls of the cloud, those that change something there, or what is told to Slack.
        calls: How many, until it springs.
        moment: Before the call is carried out, or after it, when the answer is not given yet.
        does: What it does.
    """

    where: Literal["cloud", "cloud writes", "slack"]
    calls: int
    moment: Moment
    does: Callable[[], None]
    sprung: threading.Event = field(default_factory=threading.Event)

    def hear(self, where: Literal["cloud", "slack"], moment: Moment, method: str) -> None:
        """Hear of a call."""
        if moment != self.moment or not self._concerns(where, method):
            return
        self.calls -= 1
        if self.calls == 0:
            self.spring()

    def spring(self) -> None:
        """Do it, unless it is done."""
        if not self.sprung.is_set():
            self.sprung.set()
            self.does()

    def _concerns(self, where: Literal["cloud", "slack"], method: str) -> bool:
        if where == "slack":
            return self.where == "slack" and method in POSTS
        return self.where == "cloud" or (self.where == "cloud writes" and method != "GET")


class Storm:
    """Hits a world. `blows` counts them by kind."""

    def __init__(self, world: World, seed: int, tell: Callable[[str], None]) -> None:
        self.blows: Counter[str] = Counter()
        self._world = world
        self._chance = random.Random(f"{seed} storm")
        self._tell = tell
        self._trap: Trap | None = None
        self._lock = threading.Lock()
        world.cloud.on_call = lambda moment, method: self._hear("cloud", moment, method)
        world.workspace.on_call = lambda moment, method: self._hear("slack", moment, method)
        self._kinds = {
            self._kill: 12,
            self._pause: 2,
            self._terminate: 2,
            self._lose_a_reply_of_the_cloud: 3,
            self._fail_a_call_of_slack: 3,
            self._lose_the_sockets: 1,
            self._restart_the_database: 1,
            self._bake: 2,
            self._change_the_repository: 1,
        }
        if world.registry is not None:
            self._kinds[self._restart_the_registry] = 2

    def rage(self, seconds: float) -> None:
        """Hit until the time is over; all replicas run afterwards."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._hit(*self._chance.choices(list(self._kinds), list(self._kinds.values())))
        self._world.wait_until_connected(len(self._world.replicas))

    def hit_in_every_way(self) -> None:
        """Hit once in each way."""
        for blow in self._chance.sample(list(self._kinds), len(self._kinds)):
            self._hit(blow)

    def _hit(self, blow: Callable[[], None]) -> None:
        self.blows[blow.__name__.strip("_")] += 1
        blow()
        self._rest(0.1, 1.0)
        self._world.count_places()
        if self._world.asks_for_approval:
            see_approvals(self._world)
        for replica in self._world.replicas:
            replica.start()
        if self._chance.random() < RECOVERS:
            self._world.wait_until_connected(len(self._world.replicas))

    def _hear(self, where: Literal["cloud", "slack"], moment: Moment, method: str) -> None:
        with self._lock:
            if self._trap is not None:
                self._trap.hear(where, moment, method)

    @contextmanager
    def _trapped(self, does: Callable[[], None], *, reads: bool) -> Iterator[None]:
        """Set a trap somewhere, and wait until it has sprung."""
        places: list[Literal["cloud", "cloud writes", "slack"]] = ["cloud writes", "slack"]
        trap = Trap(
            "cloud" if reads else self._chance.choice(places),
            self._chance.randint(1, 6),
            self._chance.choice(("before", "after")),
            does,
        )
        with self._lock:
            self._trap = trap
        trap.sprung.wait(TRAP_SECONDS)
        with self._lock:
            trap.spring()
            self._trap = None
        yield

    def _rest(self, least: float, most: float) -> None:
        time.sleep(self._chance.uniform(least, most))

    def _victims(self) -> list[Replica]:
        first, second = self._world.replicas
        return self._chance.choice([[first], [second], [first, second]])

    def _kill(self) -> None:
        victims = self._victims()
        with self._trapped(lambda: kill(victims), reads=False):
            self._tell(f"killed {', '.join(each.name for each in victims)}")

    def _bake(self) -> None:
        """Have a machine image baked, and mostly kill what bakes it at some call."""
        self._world.bake()
        assert self._world.oven is not None
        if self._chance.random() < 0.3:
            self._tell("an image is being baked")
            return
        victims = [self._world.oven]
        with self._trapped(lambda: kill(victims), reads=self._chance.random() < 0.5):
            self._tell("killed a bake")

    def _pause(self) -> None:
        """Freeze one for longer than its leases: what it does afterwards it does as one that lost them."""
        (victim,) = self._chance.sample(self._world.replicas, 1)
        with self._trapped(lambda: victim.signal(signal.SIGSTOP), reads=True):
            self._rest(0.5 * LEASE_SECONDS, 2.5 * LEASE_SECONDS)
            victim.signal(signal.SIGCONT)
            self._tell(f"paused {victim.name}")

    def _terminate(self) -> None:
        (victim,) = self._chance.sample(self._world.replicas, 1)
        self._world.wait_until_connected(2)
        self._tell(f"terminated {victim.name} in {end(self._world, victim):.1f} s")

    def _lose_a_reply_of_the_cloud(self) -> None:
        ways: list[Literal["before", "after", "500"]] = ["before", "after", "500"]
        how = self._chance.choice(ways)
        self._world.cloud.knobs.cut = Cut(self._chance.randint(1, 4), how, writes=self._chance.random() < 0.8)
        self._tell("a reply of the cloud is lost")

    def _fail_a_call_of_slack(self) -> None:
        kinds: list[FailureKind] = ["drop_after", "drop_before", "http_500", "ratelimited"]
        kind = self._chance.choice(kinds)
        method = self._chance.choice(sorted(POSTS))
        self._world.workspace.fail_next(method, kind, times=self._chance.randint(1, 2))
        self._tell(f"{method} fails: {kind}")

    def _lose_the_sockets(self) -> None:
        self._world.workspace.disconnect_all(abrupt=self._chance.random() < 0.5)
        self._tell("the sockets are lost")

    def _restart_the_database(self) -> None:
        self._world.database.restart(self._chance.choice(("fast", "immediate")))
        self._tell("the database was restarted")

    def _change_the_repository(self) -> None:
        self._world.commit()
        self._tell("the repository has a new commit")

    def _restart_the_registry(self) -> None:
        """Let the image store be down for a while."""
        registry = self._world.registry
        assert registry is not None
        with self._trapped(registry.kill, reads=True):
            self._rest(0.0, 2.0)
            registry.start()
            self._tell("the registry was restarted")


def end(world: World, victim: Replica) -> float:
    """Ask a replica to end; how many seconds it took.

    Raises:
        Violation: It takes too long, fails, or keeps its leases.
    """
    pid = victim.pid
    seconds = victim.terminate()
    kept = [each.id for each in world.binders() if f":{pid}:" in (each.lease_owner or "")]
    if kept:
        raise Violation(f"{victim.name} ended, and kept its leases on {', '.join(kept)}")
    return seconds
