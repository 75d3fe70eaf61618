"""One seed, one storm: two replicas over one database, a cloud and a Slack that fail, people, an odd clock.

Now and then an operator bakes a machine image. A single thread plays everybody. At each effect of a process
(a transaction, a call of the cloud, of Slack or of a server) it may die, or pause: then the others go on for
a while, and time with them, before it does. The same seed is the same storm, so a failing one can be looked
at again and again.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, Self, cast

import structlog
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot.admin import bake as admin
from bot.binders.admission import QUEUE_SECONDS, Admission, QueueKeeper
from bot.binders.deadlines import WarningPolicy
from bot.binders.dependencies import Dependencies
from bot.binders.reconciler import Reconciler
from bot.binders.timeouts import Timeouts
from bot.binders.warm_pool import POOL_SECONDS, WarmPolicy, WarmPool
from bot.config import Settings
from bot.errors import CloudError, LostLease, RequestError
from bot.images.keeper import ImageKeeper, KeeperDependencies
from bot.images.plans import KeepingPolicy
from bot.images.store import RegistryImages
from bot.policy.quotas import Quotas, read_quotas
from bot.provisioning.baking import is_bake
from bot.provisioning.instances import InstanceState, Size
from handlers.messages.notices import NoticeOptions
from handlers.outbox.delivery import Delivery
from handlers.requests import operations
from handlers.requests.context import Context
from handlers.requests.lookup import by_id
from handlers.requests.requester import Requester
from handlers.slack.calls import SlackCalls, default_rate_limits
from handlers.slack.clients import OneWorkspace
from storage import binders, outbox
from storage.engine import Store
from storage.models import Binder
from storage.vocabulary import WaitsFor
from tests.chaos.sim.storm_bake import Baker, StormBakery, as_process_of
from tests.chaos.sim.storm_cloud import StormCloud, StormServer
from tests.chaos.sim.storm_registry import StormRegistry
from tests.chaos.sim.storm_slack import CLOSED_CHANNEL, StormClient, StormSlack
from tests.chaos.sim.world import (
    EFFECTS,
    LEASE_SECONDS,
    PLACE,
    RIGHTS,
    SECRET,
    FakeResolver,
    Killed,
    Process,
    requested,
)
from tests.fakes.database import empty, new_database

if TYPE_CHECKING:
    from bot.provisioning.base import Cloud

HOUR = 3600.0
BEGIN = 1_800_000_000.0
STORM_STEPS = 110
MOST_LAUNCHES = 5
DEATH = 0.006
PAUSE = 0.03
"""The chances at each effect."""
DEEPEST = 3
"""How many processes stand still within each other at most."""
SWEEP_SECONDS = 60.0
REST_SECONDS = 72 * HOUR
"""How long after the storm everything has come to its end, people and deadlines included."""
POLICY = WarningPolicy(leads=(7200, 900), idle_leads=(900,), warning=300.0)
TIMEOUTS = Timeouts(
    poll=5,  # as often as on OpenStack
    ready_poll=600,
    attempt=10,
    missing=5,
    boot=900,
    build=2700,
    capacity=1800,
    look=1500,
    count=600,
    policy=POLICY,
    shelved=6 * HOUR,
)
_OPEN = "state IN ('pending', 'sending')"
_IMAGE_OPEN = "(state IN ('built', 'pushing') OR (state IN ('removing', 'dropped') AND digest != ''))"


def warm_in(seed: int) -> int:
    """How many instances wait in a storm; a storm without any is the same as if there were no pool."""
    return Random(f"pool {seed}").choice([0, 0, 1, 2])


def bakes_in(seed: int) -> int:
    """How many bakes a storm has; likewise."""
    return Random(f"bakes {seed}").choice([0, 0, 1, 2])


class Arena:
    """A database file that one storm after the other is played on: what is compiled once stays compiled."""

    def __init__(self) -> None:
        url = new_database()
        self.clock = [BEGIN]
        self.store = Store(url, clock=lambda: self.clock[0])
        event.listen(self.store.engine, "connect", _unsynchronized)
        self.looks = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        self.looks.row_factory = sqlite3.Row
        tokens = {"slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1"}
        self.settings = Settings(**tokens, admins="U9", notice_minutes="120, 15", idle_notice_minutes="15")  # type: ignore[arg-type] # as the environment has it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.looks.close()
        self.store.close()

    def empty(self) -> None:
        """Begin anew."""
        self.clock[0] = BEGIN
        empty(self.store)


def _unsynchronized(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


class DatabaseDown(OperationalError):
    """The database does not answer."""

    def __init__(self) -> None:
        super().__init__("", {}, Exception("the database does not answer"))


class StormStore(Store):
    """The database as one process reaches it; like PostgreSQL, it is shared.

    Args:
        storm: Whose database.
        life: Whose process; None for people, who live on.
    """

    def __init__(self, storm: "Storm", life: Process | None) -> None:
        self.url, self.engine = storm.arena.store.url, storm.arena.store.engine
        self._storm, self._life = storm, life

    @property
    def shared(self) -> bool:
        return True

    @contextmanager
    def write(self) -> Iterator[Session]:
        self._reach("write")
        with super().write() as session, self._storm.transaction():
            yield session
            if self._life and not self._life.may_post_late and self._storm.chance(DEATH / 2):
                self._storm.kill(self._life, "before it commits")
        if self._life:
            if self._storm.chance(0.004):
                self._storm.trace(f"{self._life}: the answer to its commit is lost")
                raise DatabaseDown
            self._storm.mishap(self._life, "after it committed")

    @contextmanager
    def read(self) -> Iterator[Session]:
        self._reach("read")
        with super().read() as session, self._storm.transaction():
            yield session

    def now(self) -> float:
        self._reach("now")
        return self._storm.now

    def _reach(self, what: str) -> None:
        if self._life:
            self._storm.mishap(self._life, f"before {what}")
        if self._storm.now < self._storm.down_until:
            raise DatabaseDown


class Life(Process):
    """One process of the bot, from its start until it is killed."""

    def __init__(self, storm: "Storm", replica: int, number: int) -> None:
        super().__init__(f"replica {'AB'[replica]}, life {number}")
        self.replica = replica
        self.busy: set[str] = set()
        """What it is in the middle of: at most one tick of each kind at a time."""
        self.works: list[Callable[[], None]] = []
        self.store = StormStore(storm, self)
        cloud = cast("Cloud", _Watched(storm, self, storm.cloud, EFFECTS))
        worker = f"{replica}-{number}"
        self.pool = WarmPool(self.store, cloud, WarmPolicy(storm.warm), worker, identify=storm.new_identity)
        parts = Dependencies(
            store=self.store,
            cloud=cloud,
            resolver=cast("Any", _Watched(storm, self, FakeResolver(), {"resolve"})),
            timeouts=storm.timeouts,
            worker=worker,
            lease=LEASE_SECONDS,
            unreachable_alert=60,
            server=lambda url, _token: cast("Any", _server(storm, self, url)),
            count=lambda _server, _since: storm.random.choice([0, 0, 2]),
            images=RegistryImages(self.store, PLACE, RIGHTS, 600),
        )
        self.keeper = ImageKeeper(
            KeeperDependencies(
                store=self.store,
                cloud=parts.cloud,
                registry=cast("Any", _Watched(storm, self, storm.registry, {"manifest", "delete"})),
                rights=RIGHTS,
                place=PLACE,
                policy=KeepingPolicy(storm.keep_seconds, 10**12),
                worker=f"{replica}-{number}",
                clock=lambda: storm.now,
            )
        )
        self.reconciler = Reconciler(parts, submit=self.works.append)
        self.queue = QueueKeeper(self.store, storm.admission, lambda _size: 1, clock=lambda: storm.now)
        client = StormClient(storm.slack, lambda name, call: storm.effect(self, name, call))
        self.delivery = Delivery(
            self.store,
            OneWorkspace(cast("Any", client)),
            SlackCalls(default_rate_limits(lambda: storm.now)),
            admin_channel="CADMIN",
            options=NoticeOptions(POLICY, can_shelve=True, shelves_idle=storm.timeouts.shelves_idle),
        )


class _Watched:
    """A part of the outside whose named methods are effects of a process."""

    def __init__(self, storm: "Storm", life: Life, inner: Any, effects: set[str]) -> None:
        self._storm, self._life, self._inner, self._effects = storm, life, inner, effects

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name not in self._effects:
            return value
        return lambda *given: self._storm.effect(self._life, name, lambda: value(*given))


def _server(storm: "Storm", life: Life, url: str) -> _Watched:
    server = StormServer(storm.cloud, url.rsplit("/", 1)[1], {"lab": 200, "tree": 200})
    return _Watched(storm, life, server, {"usage", "is_alive"})


@dataclass
class Storm:
    """One seed's world.

    Attributes:
        seed: All chance comes from it.
        arena: Where it is played.
        tell: Hears of everything that happens; None for nobody.
        problems: What was seen that must never be, a sentence each.
    """

    seed: int
    arena: Arena
    tell: Callable[[str], None] | None = None
    problems: list[str] = field(default_factory=list)
    stormy: bool = True
    down_until: float = 0.0

    def __post_init__(self) -> None:
        self.arena.empty()
        self.random = Random(self.seed)
        clock = self.arena.clock
        self.timeouts = replace(TIMEOUTS, shelves_idle=self.random.random() < 0.3)
        self.registry = StormRegistry(random=self.random, problems=self.problems)
        self.keep_seconds = self.random.choice([0.5, 2, 1000]) * HOUR
        self.cloud = StormCloud(clock, random=self.random, registry=self.registry)
        self.warm = {"small": warm_in(self.seed)}
        self.has_pool = self.warm["small"] > 0
        self._warm_ids = (f"w{number}" for number in count())
        self._pooled_at = 0.0
        # By a chance of its own, as the pool and bakes: many storms have no quota.
        self.places = Random(f"quota {self.seed}").choice([None, None, 1, 2])
        self.admission = Admission(read_quotas(f"site=binders:{self.places}") if self.places else Quotas())
        self._queued_at = 0.0
        self._bakes = bakes_in(self.seed)
        self.bakers: list[Baker] = []
        self.cloud.on_removed = self._note_removed
        self.slack = StormSlack(clock, self.random)
        self.lives: list[Life] = []
        self._numbers = 0
        self._depth = 0
        self._open = 0
        self._swept_at = 0.0
        self._idle_at: dict[str, tuple[float, int]] = {}
        self._writes = 0
        sizes = (Size("small", "Small"),)
        people = StormStore(self, None)
        self.context = Context(people, self.arena.settings, sizes, lambda: None, can_shelve=True)
        self.lives = [self._born(replica) for replica in (0, 1)]
        self.launched: list[str] = []
        self._wanted = self.random.randint(1, 3)

    # What everybody asks ---------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self.arena.clock[0]

    def chance(self, probability: float) -> bool:
        return self.stormy and self.random.random() < probability

    def trace(self, line: str) -> None:
        if self.tell:
            self.tell(f"{self.now - BEGIN:9.1f} {'  ' * self._depth}{line}")

    def ask(self, query: str, *given: Any) -> list[sqlite3.Row]:
        """Look into the database, past everything."""
        return self.arena.looks.execute(query, given).fetchall()

    def new_identity(self) -> tuple[str, str]:
        """The id and the secret of the next instance that is made for the pool."""
        return next(self._warm_ids), SECRET

    def cloud_id(self, binder_id: str) -> str:
        """The id by which the cloud knows what a binder has now."""
        rows = self.ask("SELECT coalesce(instance_id, id) AS id FROM binders WHERE id = ?", binder_id)
        return str(rows[0]["id"]) if rows else binder_id

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._open += 1
        self._writes += 1
        try:
            yield
        finally:
            self._open -= 1

    # What befalls a process ------------------------------------------------------------------------------

    def effect(self, life: Process, name: str, call: Callable[[], Any]) -> Any:
        """Let a process reach out, and something befall it before or after that."""
        if self._open:
            self.problems.append(f"{name} was called within a transaction")
        self.mishap(life, f"before {name}", is_post=name == "chat_postMessage")
        try:
            result = call()
        except Exception as error:
            self.trace(f"{life}: {name}: {type(error).__name__}: {str(error)[:80]}")
            raise
        self.trace(f"{life}: {name}")
        self.mishap(life, f"after {name}")
        return result

    def mishap(self, life: Process, where: str, *, is_post: bool = False) -> None:
        """Perhaps kill a process, or let others go on while it stands still.

        One that stands still right before a post will not be killed: if it were, before it has taken back
        what it posts too late, that would stay.
        """
        if not life.may_post_late and self.chance(DEATH):
            self.kill(life, where)
        if not self._open and self._depth < DEEPEST and self.chance(PAUSE):
            life.may_post_late |= is_post
            self._pause(life, where)
        if life.dead:
            raise Killed

    def kill(self, life: Process, where: str) -> None:
        """End a process here and now."""
        self.trace(f"{life} is killed {where}")
        life.dead = True
        raise Killed

    def _pause(self, life: Process, where: str) -> None:
        was_frozen, life.frozen = life.frozen, self.random.random() < 0.6
        self.trace(f"{life} {'freezes' if life.frozen else 'waits'} {where}")
        self._depth += 1
        self._move(self.random.choice([0, 0, 1, 5, 12, 40, 61, 90]))
        for _ in range(self.random.randint(1, 8)):
            self._step()
        self._depth -= 1
        life.frozen = was_frozen
        self.trace(f"{life} goes on")

    def _born(self, replica: int) -> Life:
        self._numbers += 1
        return Life(self, replica, self._numbers)

    def _run(self, life: Life, what: str, job: Callable[[], Any]) -> Any:
        """Let a process do one of its jobs; whatever ends it, the show goes on."""
        life.busy.add(what)
        try:
            return job()
        except Killed:
            if self.lives[life.replica] is life:
                self.lives[life.replica] = self._born(life.replica)
        except OperationalError:
            self.trace(f"{life}: {what}: the database does not answer")
        except LostLease:
            self.trace(f"{life}: {what}: lost its lease")
        finally:
            life.busy.discard(what)
        return None

    # The storm -------------------------------------------------------------------------------------------

    def play(self) -> list[str]:
        """Storm, then calm, then everybody's end. Returns what went wrong."""
        from tests.chaos.sim import storm_verdict as verdict  # noqa: PLC0415 - it speaks of storms too

        with self._heard(), watched_fences(self.problems):
            for _ in range(STORM_STEPS):
                self._step()
            self._calm_down()
            if self._settle(verdict.is_at_rest):
                self.problems += verdict.of_the_living(self)
                self._end_all()
                if self._settle(verdict.is_over):
                    self.problems += verdict.of_the_dead(self)
        return self.problems

    def _step(self) -> None:
        self._count_places()
        lives = [each for each in self.lives if not each.frozen]
        acts: list[tuple[float, Callable[[], Any]]] = [
            (6, self._person),
            (2, self._outsider),
            (5, lambda: self._move(self.random.choice([0.5, 2, 5, 20]))),
            (0.4, lambda: self._move(HOUR)),
            (0.5, self._outage),
            (2, self.cloud.let_agents_push),
        ]
        if len(self.bakers) < self._bakes and self._depth == 0:
            acts.append((1.5, self._bake))
        for life in lives:
            acts += self._jobs(life)
        if not any(weight > 10 for weight, _ in acts):
            acts.append((20, self._skip))
        self._one_of(acts)

    def _count_places(self) -> None:
        """No quota is exceeded at any moment."""
        if self.places is None:
            return
        [(taken,)] = self.ask(
            "SELECT count(*) FROM binders WHERE status != 'gone' AND NOT is_warm AND waits_for IS NULL"
        )
        if taken > self.places:
            self.problems.append(f"{taken} binders have begun, and there are {self.places} places")

    def _one_of(self, acts: Sequence[tuple[float, Callable[[], Any]]]) -> None:
        self.random.choices(acts, [weight for weight, _ in acts])[0][1]()

    def _jobs(self, life: Life) -> Iterator[tuple[float, Callable[[], Any]]]:
        if life.works:
            yield 40, lambda: self._work(life)
        if "tick" not in life.busy and self._binders_due():
            yield 30, lambda: self._run(life, "tick", life.reconciler.tick)
        if "deliver" not in life.busy and self._messages_due():
            yield 30, lambda: self._deliver(life)
        if "sweep" not in life.busy and self.now - self._swept_at > SWEEP_SECONDS / 2:
            yield 2, lambda: self._sweep(life)
        yield from self._upkeep(life)
        if "renew" not in life.busy:
            yield 0.5, lambda: self._run(life, "renew", life.reconciler.renew)
        if "archive" not in life.busy and self._archives():
            yield 5, lambda: self._run(life, "archive", lambda: self._archive(life))
        if not life.busy and not life.works:
            yield 0.2, lambda: self._restart(life)

    def _upkeep(self, life: Life) -> Iterator[tuple[float, Callable[[], Any]]]:
        """What is done for the warm pool and for images."""
        if self.has_pool and "pool" not in life.busy and self.now - self._pooled_at > POOL_SECONDS:
            yield 4, lambda: self._fill_pool(life)
        if self.places and "queue" not in life.busy and self.now - self._queued_at > QUEUE_SECONDS:
            yield 4, lambda: self._let_begin(life)
        if "keep" not in life.busy and self._images_due():
            yield 10, lambda: self._keep(life)
        if "retain" not in life.busy:
            yield 0.3, lambda: self._run(life, "retain", life.keeper.retain)

    def _work(self, life: Life) -> None:
        job = life.works.pop(self.random.randrange(len(life.works)))
        self._run(life, f"work {id(job)}", job)

    def _deliver(self, life: Life) -> None:
        before = self._moment()
        self._run(life, "deliver", life.delivery.deliver_due)
        if self._moment() == before:
            self._idle_at["deliver"] = before

    def _keep(self, life: Life) -> None:
        before = self._moment()
        self._run(life, "keep", life.keeper.tick)
        if self._moment() == before:
            self._idle_at["keep"] = before

    def _sweep(self, life: Life) -> None:
        self._swept_at = self.now
        self._run(life, "sweep", life.reconciler.sweep)

    def _fill_pool(self, life: Life) -> None:
        self._pooled_at = self.now
        self._run(life, "pool", life.pool.tick)

    def _let_begin(self, life: Life) -> None:
        self._queued_at = self.now
        self._run(life, "queue", life.queue.tick)

    def _restart(self, life: Life) -> None:
        if life.may_post_late:
            return
        self.trace(f"{life} is stopped, and another one begins")
        self._run(life, "stop", life.reconciler.release)
        if not life.dead:
            life.dead = True
            self.lives[life.replica] = self._born(life.replica)

    def _bake(self) -> None:
        """Let the operator type `binder-bot bake`; the others go on while it waits."""
        baker = Baker(f"bake {len(self.bakers)}")
        self.bakers.append(baker)
        bakery, store = StormBakery(self, baker), StormStore(self, baker)
        with as_process_of(self, baker), suppress(Killed):
            try:
                admin.bake_with(bakery, store, None, None, lambda line: self.trace(f"{baker}: {line}"))
            except (CloudError, LostLease, OperationalError) as error:
                self.trace(f"{baker} failed: {error}")

    def wait(self, life: Process, seconds: float) -> None:
        """Let the replicas and people go on while a process waits."""
        self.mishap(life, "while it waits")
        self._depth += 1
        self._move(seconds)
        for _ in range(self.random.randint(1, 4)):
            awake = [each for each in self.lives if not each.frozen]
            self._one_of([(6, self._person), *(job for each in awake for job in self._jobs(each))])
        self._depth -= 1

    def _archive(self, life: Life) -> None:
        before = self._moment()
        with life.store.write() as session:
            owed = outbox.claim(session, limit=1, lease_seconds=120, archives=True)
        for each in owed:
            with life.store.write() as session:
                outbox.done(session, each.message, ts="shared")
        if self._moment() == before:
            self._idle_at["archive"] = before

    def _moment(self) -> tuple[float, int]:
        """The time, and a number that changes with what is in the database."""
        return self.now, self.ask("PRAGMA data_version")[0][0]

    # Time ------------------------------------------------------------------------------------------------

    def _move(self, seconds: float) -> None:
        if seconds >= HOUR:
            self.trace("an hour passes")
        self.arena.clock[0] += seconds

    def _skip(self, most: float = SWEEP_SECONDS * 10) -> None:
        """Go to the next moment at which anything is due."""
        binder, message = "max(next_at, lease_until)", "max(not_before, lease_until)"
        nexts = [
            f"SELECT min({binder}) FROM binders WHERE status != 'gone' AND {binder} > ?",
            f"SELECT min({message}) FROM outbox WHERE {_OPEN} AND {message} > ?",
            f"SELECT min(next_at) FROM images WHERE {_IMAGE_OPEN} AND next_at > ?",
        ]
        moments = [self.ask(each, self.now)[0][0] for each in nexts]
        upcoming = min([each for each in moments if each is not None], default=self.now + most)
        self.arena.clock[0] = min(max(upcoming, self.now + 0.01), self.now + most)

    def _binders_due(self) -> bool:
        due = "SELECT 1 FROM binders WHERE status != 'gone' AND next_at <= ?1 AND lease_until <= ?1 LIMIT 1"
        return bool(self.ask(due, self.now))

    def _images_due(self) -> bool:
        if self._idle_at.get("keep") == self._moment():
            return False
        return bool(self.ask(f"SELECT 1 FROM images WHERE {_IMAGE_OPEN} AND next_at <= ? LIMIT 1", self.now))

    def _messages_due(self) -> bool:
        if self._idle_at.get("deliver") == self._moment():
            return False
        due = (
            f"SELECT 1 FROM outbox WHERE {_OPEN} AND kind != 'archive' AND not_before <= ?1"
            " AND lease_until <= ?1 LIMIT 1"
        )
        return bool(self.ask(due, self.now))

    def _archives(self) -> bool:
        if self._idle_at.get("archive") == self._moment():
            return False
        due = f"SELECT 1 FROM outbox WHERE {_OPEN} AND kind = 'archive' AND lease_until <= ? LIMIT 1"
        return bool(self.ask(due, self.now))

    # People, and others ----------------------------------------------------------------------------------

    def _person(self) -> None:
        is_time = len(self.launched) < self._wanted and self._is_time_to_launch()
        if is_time or self._may_launch_what_is_kept():
            self._act("launches", self._launch)
            return
        if not self.launched:
            return
        binder_id = self.random.choice(self.launched)
        verbs: Sequence[tuple[float, Any]] = [
            (1, operations.stop_anyway),
            (3, operations.keep_for_hours),
            (3, operations.shelve),
            (6, operations.resume),
            (1, operations.save),
            (1, operations.hold),
        ]
        verb = self.random.choices([each for _, each in verbs], [weight for weight, _ in verbs])[0]
        self._act(f"{verb.__name__} {binder_id}", lambda: self._ask_for(verb, binder_id))

    def _is_time_to_launch(self) -> bool:
        """Where there is a pool, people mostly come when an instance waits."""
        return not self.has_pool or bool(self._waiting()) or self.random.random() < 0.1

    def _waiting(self) -> list[str]:
        rows = self.ask("SELECT id FROM binders WHERE status = 'waiting' AND target = 'ready'")
        return [str(row["id"]) for row in rows]

    def _may_launch_what_is_kept(self) -> bool:
        """Now and then somebody launches again what was built, so that images are used."""
        if len(self.launched) >= MOST_LAUNCHES or not self.chance(0.3):
            return False
        return bool(self.ask("SELECT 1 FROM images WHERE state = 'kept' LIMIT 1"))

    def _act(self, what: str, job: Callable[[], Any]) -> None:
        self.trace(f"somebody: {what}")
        with suppress(OperationalError, RequestError):
            job()

    def _ask_for(self, verb: Callable[..., Any], binder_id: str) -> None:
        requester = Requester("U1", "T1", "C1", f"{binder_id}{self._writes}")
        verb(self.context, requester, by_id(self.context, requester, binder_id))

    def _launch(self) -> None:
        binder_id = f"b{len(self.launched)}"
        now = self.context.store.now()
        row = requested(
            binder_id,
            now,
            channel=self.random.choice(["C1", "C1", "U1", CLOSED_CHANNEL]),
            url="https://github.com/o/r",
            path=f"{binder_id}.ipynb",
            is_private=self.random.choice([False, False, True]),
            rebuild=self.random.random() < 0.1,
            ends_at=now + self.random.choice([0.5, 1.5, 3, 5]) * HOUR,
            maximum_at=now + 8 * HOUR,
            idle_seconds=self.random.choice([None, 3600, 5400]),
        )
        if self.places:
            row.waits_for, row.waits_since, row.vcpus, row.stages = WaitsFor.PLACE, now, 1, {}
        with self.context.store.write() as session:
            binders.add(session, row, wanted_name=binder_id)
            self.admission.run(session)
        self.launched.append(binder_id)

    def _outsider(self) -> None:
        """Somebody, or something, that does not ask the bot."""
        roll = self.random.random()
        if not self.launched:
            return
        waiting = [row["id"] for row in self.ask("SELECT id FROM binders WHERE is_warm AND status != 'gone'")]
        binder_id = self.random.choice([*self.launched, *waiting])
        instance = self.cloud_id(binder_id)
        if roll < 0.6:
            mood = self.random.choice(["busy", "tab", "idle", "mute"])
            self.trace(f"{binder_id} becomes {mood}")
            self.cloud.moods[instance] = (mood, self.now)
        elif roll < 0.9:
            self._delete_root(binder_id)
        elif roll < 0.95:
            self.trace(f"{binder_id} vanishes from the cloud")
            self.cloud.vanish(instance)
        else:
            state = self.random.choice([InstanceState.STOPPED, InstanceState.ERROR])
            self.trace(f"{binder_id} becomes {state}")
            self.cloud.switch(instance, state)

    def _delete_root(self, binder_id: str) -> None:
        roots = [each for each in self.slack.posted if each.key == f"card:{binder_id}" and not each.deleted]
        if roots:
            self.trace(f"somebody deletes {roots[-1].ts}, the card of {binder_id}")
            roots[-1].deleted = True

    def _outage(self) -> None:
        self.down_until = self.now + self.random.choice([3, 20, 90])
        self.trace(f"the database is down for {self.down_until - self.now:.0f} s")

    # Afterwards ------------------------------------------------------------------------------------------

    def _calm_down(self) -> None:
        self.trace("the storm is over")
        self.stormy = self.cloud.stormy = self.slack.stormy = self.registry.stormy = False
        self.down_until = 0.0
        while len(self.launched) < self._wanted:
            self._launch()

    def _settle(self, rested: Callable[["Storm"], list[str]]) -> bool:
        """Let everybody work, undisturbed, until nothing is left to do."""
        until = self.now + REST_SECONDS
        sweeps = 0
        while self.now < until:
            self._drain()
            self.cloud.let_agents_push()
            self._sweep(self.lives[0])
            if self.has_pool:
                self._fill_pool(self.lives[0])
            if self.places:
                self._let_begin(self.lives[0])
            for life in self.lives:
                self._deliver(life)  # also where no message is due: there may be one to take back
            self._count_places()
            left = rested(self)
            sweeps = 0 if left else sweeps + 1
            if sweeps > 2:  # a stray is believed when it is seen for the second time
                return True
            self._skip(most=SWEEP_SECONDS if sweeps else HOUR)
        self.problems.append(f"it never came to rest: {', '.join(rested(self))}")
        return False

    def _drain(self) -> None:
        for _ in range(400):
            jobs = [job for life in self.lives for weight, job in self._jobs(life) if weight >= 5]
            if not jobs:
                return
            jobs[0]()
        self.problems.append("it does the same thing over and over")

    def _end_all(self) -> None:
        self.warm.clear()
        for binder_id in self.launched:
            self.cloud.moods[self.cloud_id(binder_id)] = ("idle", self.now)
            if self.random.random() < 0.7:
                self._act(f"stops {binder_id}", lambda: self._ask_for(operations.stop_anyway, binder_id))  # noqa: B023 - at once

    # What is heard ---------------------------------------------------------------------------------------

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """Follow the log: what breaks in a way that nobody foresaw is a finding."""
        processors = structlog.get_config()["processors"]
        usual = processors.copy()
        processors[:] = [structlog.contextvars.merge_contextvars, self._note]
        try:
            yield
        finally:
            processors[:] = usual

    def _note(self, _logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        error = sys.exc_info()[1] if entry.get("exc_info") else None
        if error is not None and not isinstance(error, OperationalError | LostLease):
            self.problems.append(f"{entry['event']}: {error!r}")
        if entry["event"] == "transition":
            self._note_transition(entry)
        self.trace("  " + " ".join(f"{name}={value}" for name, value in entry.items()))
        raise structlog.DropEvent

    def _note_removed(self, owner: str) -> None:
        """Nobody removes the machines of a bake that goes on."""
        leased = self.ask("SELECT 1 FROM leases WHERE name = ? AND until > ?", owner, self.now)
        if is_bake(owner) and leased and not any(each.clears == owner for each in self.bakers):
            self.problems.append(f"something of {owner} was removed while it held its lease")

    def _note_transition(self, entry: MutableMapping[str, Any]) -> None:
        """No launch fails because of its warm instance, and nobody's binder is shelved without a warning."""
        if entry["from_status"] == "booting" and entry["failure"] not in {None, "No such package."}:
            mine = "SELECT 1 FROM binders WHERE id = ? AND instance_id IS NOT NULL"
            if self.ask(mine, entry["binder"]):
                self.problems.append(f"{entry['binder']} failed by the pool: {entry['failure']}")
        if (entry["from_status"], entry["to_status"]) != ("ready", "shelving"):
            return
        told = "SELECT 1 FROM notices WHERE binder_id = ? AND reason = 'idle' AND told_at <= ?"
        asked = "SELECT 1 FROM audit WHERE binder_id = ? AND event = 'shelve'"
        binder_id, by = entry["binder"], self.now - POLICY.warning
        if not self.ask(told, binder_id, by) and not self.ask(asked, binder_id):
            self.problems.append(f"{binder_id} was put away without a warning")


@contextmanager
def watched_fences(problems: list[str]) -> Iterator[None]:
    """See to it that nobody writes whose lease was taken over."""
    save, update = binders.save, outbox._update

    def saved(session: Session, binder: Binder, *given: Any, **named: Any) -> None:
        row = (
            session.connection().exec_driver_sql("SELECT fence FROM binders WHERE id = ?", (binder.id,)).one()
        )
        save(session, binder, *given, **named)
        if row.fence != binder.fence:
            problems.append(
                f"{binder.id} was written with the fence {binder.fence}, though it is {row.fence}"
            )

    def updated(session: Session, message: Any, **values: Any) -> None:
        query = "SELECT fence FROM outbox WHERE id = ?"
        row = session.connection().exec_driver_sql(query, (message.id,)).one()
        update(session, message, **values)
        if row.fence != message.fence:
            problems.append(f"{message.key} was written with a fence that is over")

    binders.save, outbox._update = saved, updated
    try:
        yield
    finally:
        binders.save, outbox._update = save, update


def play(seed: int, arena: Arena, tell: Callable[[str], None] | None = None) -> list[str]:
    """Play one seed. Returns what went wrong, a sentence each."""
    return Storm(seed, arena, tell).play()
