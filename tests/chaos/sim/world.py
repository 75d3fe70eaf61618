"""A bot without Slack over a fake cloud and a clock of its own, whose process can be killed at any effect."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from bot.access.rights import NoRights, Rights
from bot.binders.dependencies import Dependencies
from bot.binders.reconciler import Reconciler
from bot.binders.timeouts import Timeouts
from bot.binders.warm_pool import POOL_SECONDS, WarmPolicy, WarmPool
from bot.errors import RepositoryNotFound
from bot.images.keeper import ImageKeeper, KeeperDependencies
from bot.images.names import RegistryPlace
from bot.images.plans import KeepingPolicy
from bot.images.rights import AccountRights
from bot.images.store import RegistryImages
from bot.repositories.spec import RepoSpec, Resolved
from storage import binders, notices, warm
from storage.engine import Store
from storage.keyring import Keyring
from storage.models import Binder, Notice, OutboxMessage
from storage.vocabulary import Ending, Status
from tests.fakes.cloud import FakeCloud, FakeServer
from tests.fakes.database import KEY, empty, new_database
from tests.fakes.registry import FakeRegistry

COMMIT = "a" * 40
TIMEOUTS = Timeouts(poll=1, ready_poll=30, attempt=10, missing=5, boot=900, build=2700, capacity=3600)
EFFECTS = {
    *("survey", "create", "expose", "report", "shelve", "unshelve", "unshelve_failed", "mark_end"),
    *("prune", "remove", "instruct", "withdraw", "order", "free_places"),
}
LOOKS = {"survey", "free_places", "resolve", "manifest", "of", "require"}
"""Of these, what changes nothing outside."""
LEASE_SECONDS = 60.0
SECRET = "s" * 32
"""What the instances share with the bot."""
PLACE = RegistryPlace("registry.test", "binders")
RIGHTS = AccountRights("reader:r", "writer:w")
DAY = 86_400.0
BEGIN = 1_000_000.0
"""When each world begins, in Unix seconds."""


class Killed(BaseException):
    """The process dies here: nothing may catch this."""


class Process:
    """One process of a simulation, from its start until it is killed.

    Attributes:
        dead: Whether it was killed.
        frozen: Whether it stands still.
        may_post_late: Whether it stood still right before a post.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.dead = self.frozen = self.may_post_late = False

    def __str__(self) -> str:
        return self._name


@dataclass
class Tripwire:
    """Kills at the n-th moment: the first is before any effect, the others are each after a change.

    A process that dies leaves what is outside of it. That is the same before an effect as after the one
    before it, and the same after a look as before it: those are one moment.
    """

    at: int | None = None
    count: int = 0

    def arm(self, at: int | None = None) -> None:
        """Count anew from here."""
        self.at, self.count = at, 0

    @contextmanager
    def effect(self, *, changes: bool = True) -> Iterator[None]:
        if not self.count:
            self._pass_moment()
        yield
        if changes:
            self._pass_moment()

    def _pass_moment(self) -> None:
        self.count += 1
        if self.count == self.at:
            raise Killed

    def wrap(self, effect: Callable[..., Any], *, changes: bool) -> Callable[..., Any]:
        def guarded(*args: Any, **kwargs: Any) -> Any:
            with self.effect(changes=changes):
                return effect(*args, **kwargs)

        return guarded


class DyingStore(Store):
    """A store at whose transactions the process may die: before they begin, or once they are committed."""

    wire = Tripwire()

    @contextmanager
    def write(self) -> Iterator[Session]:
        with self.wire.effect(), super().write() as session:
            yield session


class Guarded:
    """A part of the bot whose effects go through a tripwire."""

    def __init__(self, inner: Any, wire: Tripwire, effects: set[str]) -> None:
        self._inner, self._wire, self._effects = inner, wire, effects

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return self._wire.wrap(value, changes=name not in LOOKS) if name in self._effects else value


class FakeResolver:
    def __init__(self) -> None:
        self.raises: list[Exception] = []
        self.wants_right = False

    def resolve(self, spec: RepoSpec, *given: object) -> Resolved:
        if self.raises:
            raise self.raises.pop(0)
        if self.wants_right and not given:
            raise RepositoryNotFound("There is no public repository.")
        return Resolved(spec=spec, commit=COMMIT, ref_name="refs/heads/main", is_tip=True)


def requested(binder_id: str, now: float, **values: Any) -> Binder:
    """A binder as somebody has just asked for it."""
    row: dict[str, Any] = {
        "id": binder_id,
        "request_key": binder_id,
        "team_id": "T1",
        "owner": "U1",
        "channel": "C1",
        "is_private": False,
        "provider": "gh",
        "url": f"https://github.com/o/{binder_id}",
        "size": "small",
        "token": "secret",
        "secret": SECRET,
        "created_at": now,
        "status_since": now,
        "ends_at": now + 24 * 3600,
        "stages": {"repository": now},
    }
    return Binder(**(row | values))


class Database:
    """A database that one world after the other begins anew: a statement is compiled once for all."""

    def __init__(self) -> None:
        self.clock = [BEGIN]
        url = new_database()
        keyring = Keyring([KEY])
        self.store = Store(url, clock=lambda: self.clock[0], keyring=keyring)
        self.bots_store = DyingStore(url, clock=lambda: self.clock[0], keyring=keyring)

    def begin(self) -> None:
        """Forget what the last world wrote."""
        self.clock[:] = [BEGIN]
        empty(self.store)


_idle_databases: list[Database] = []


@dataclass
class World:
    """The outside (a database, a cloud, a clock) and the bot process that is replaced when it dies."""

    wire: Tripwire = field(default_factory=Tripwire)
    pages: dict[str, int] = field(default_factory=lambda: {"lab": 200, "tree": 200})
    timeouts: Timeouts = TIMEOUTS
    warm: dict[str, int] = field(default_factory=dict)
    """How many instances of each size wait; may be changed at any time."""
    has_pool: bool = False
    lives: int = 0
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    rights: Rights = field(default_factory=NoRights)

    def __post_init__(self) -> None:
        self._database = _idle_databases.pop() if _idle_databases else Database()
        self._database.begin()
        self.clock, self.store = self._database.clock, self._database.store
        self.cloud = FakeCloud(self.clock)
        self.resolver = FakeResolver()
        self._bots_store = self._database.bots_store
        self._bots_store.wire = self.wire
        self._pooled_at = 0.0
        self.start()

    def close(self) -> None:
        """Leave the database to the next world."""
        _idle_databases.append(self._database)

    def start(self) -> None:
        """Start a new process over what is there."""
        self.lives += 1
        cloud: Any = Guarded(self.cloud, self.wire, EFFECTS)
        worker = f"worker-{self.lives}"
        policy = WarmPolicy(self.warm)
        identities = ((f"warm{self.lives}n{number}", "secret of its own") for number in count())
        self.pool = WarmPool(self._bots_store, cloud, policy, worker, identify=identities.__next__)
        self.reconciler = Reconciler(
            Dependencies(
                store=self._bots_store,
                cloud=cloud,
                resolver=Guarded(self.resolver, self.wire, {"resolve"}),
                timeouts=self.timeouts,
                worker=worker,
                server=lambda url, _token: FakeServer(self.cloud, url.rsplit("/", 1)[1], self.pages),
                lease=LEASE_SECONDS,
                unreachable_alert=60,
                images=RegistryImages(self._bots_store, PLACE, RIGHTS, 600),
                rights=Guarded(self.rights, self.wire, {"of", "require"}),
            )
        )
        self.keeper = ImageKeeper(
            KeeperDependencies(
                store=self._bots_store,
                cloud=Guarded(self.cloud, self.wire, EFFECTS),
                registry=Guarded(self.registry, self.wire, {"manifest", "delete"}),
                rights=RIGHTS,
                place=PLACE,
                policy=KeepingPolicy(30 * DAY, 10**12),
                worker=f"worker-{self.lives}",
                clock=lambda: self.clock[0],
            )
        )

    def warm_rows(self) -> list[Binder]:
        """The warm instances that are not gone, the oldest first."""
        with self.store.read() as session:
            return list(warm.existing(session))

    def waiting(self) -> list[Binder]:
        return [each for each in self.warm_rows() if each.status == Status.WAITING]

    def launch(self, binder_id: str = "abcd1234", **values: Any) -> None:
        with self.store.write() as session:
            binders.add(session, requested(binder_id, self.clock[0], **values), wanted_name=binder_id)

    def stop(self, binder_id: str = "abcd1234") -> None:
        with self.store.write() as session:
            binders.end(session, binder_id, ending=Ending.STOPPED, by="U1")

    def binder(self, binder_id: str = "abcd1234") -> Binder:
        with self.store.read() as session:
            found = binders.get(session, binder_id)
        assert found is not None
        return found

    def said(self) -> list[str]:
        with self.store.read() as session:
            return [message.key for message in session.query(OutboxMessage).order_by(OutboxMessage.id)]

    def tell(self) -> list[Notice]:
        """Deliver all notices, as Slack would take them. Returns all that were ever told."""
        with self.store.write() as session:
            told = notices.of(session, binders.existing_ids(session))
            for notice in (each for several in told.values() for each in several):
                notices.mark_told(session, notice.id)
        with self.store.read() as session:
            return list(session.query(Notice).order_by(Notice.id))

    def run(self, until: Callable[[], bool], *, steps: int = 400) -> None:
        """Tick, a second at a time, restarting the process (after its leases ended) when it is killed.

        The pool is looked after as often as by the bot itself.
        """
        for _ in range(steps):
            if until():
                return
            if self.has_pool and self.clock[0] - self._pooled_at >= POOL_SECONDS:
                self._pooled_at = self.clock[0]
                self.survive(self.pool.tick)
            self.survive(self.reconciler.tick)
            self.clock[0] += 1.0
        raise AssertionError(f"never happened: {self.binder()!r}")

    def survive(self, work: Callable[[], object]) -> None:
        """Let the process work; if it is killed, start another one after its leases ended."""
        try:
            work()
        except Killed:
            self.clock[0] += LEASE_SECONDS + 1
            self.start()

    def run_to(self, status: Status, binder_id: str = "abcd1234") -> None:
        self.run(lambda: self.binder(binder_id).status == status)
