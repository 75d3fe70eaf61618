"""The pool of warm instances: how many there should be, and a tick that makes and ends them.

What is decided is pure. The tick works under a lease, so that one of several replicas does it. It asks the
cloud at most once for each size that lacks instances: what it costs does not grow with the pool. People come
first: the pool leaves room free, and its oldest instances end when a launch finds none.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

import structlog
from sqlalchemy.orm import Session

from bot.binders.updates import backoff
from bot.errors import CloudError
from bot.provisioning.base import Cloud
from bot.times.calendar import WeeklyHours
from bot.tokens import new_identity
from storage import draining, leases, warm
from storage.engine import Store
from storage.models import Binder
from storage.vocabulary import Status, Target
from storage.warm import WarmFailures
from storage.warm_models import WarmRequest

log = structlog.get_logger(__name__)

POOL_SECONDS = 5.0
"""Between two ticks."""
LEASE_SECONDS = 30.0
MOST_ON_THE_WAY = 5
"""How many instances of the pool are made at the same time."""
FAILURES_SECONDS = 3600.0
"""For how long a failure makes the pool slower."""
_SLOWER = 6
"""A failure counts so many times what a failed step of a launch does: nobody waits for the pool."""


@dataclass(frozen=True, slots=True)
class WarmPolicy:
    """What an operator wants of the pool.

    Attributes:
        sizes: How many instances of each size wait.
        hours: When they do; None for always.
        zone: Of which clock.
        leaves_free: How many places the pool leaves free for people, at least.
        lifetime: How old an instance may get while it waits, in seconds.
    """

    sizes: Mapping[str, int] = field(default_factory=dict)
    hours: WeeklyHours | None = None
    zone: tzinfo | None = None
    leaves_free: int = 1
    lifetime: float = 86_400.0


@dataclass(frozen=True, slots=True)
class PoolState:
    """What there is at one moment.

    Attributes:
        now: Unix seconds, UTC, by the database's clock.
        rows: The warm instances that are not gone, the oldest first.
        announced: What an operator asked for beside the policy.
        failures: What failed lately, by size.
        people: The launches for which the cloud has no room.
        unmade: How many rows have no instance yet, so that no quota shows them.
        agent_since: Since when instances are made with the agent that this version of the bot has. Older
            ones may not understand an order.
        is_drained: Whether nothing new is launched, so that nothing needs to wait.
    """

    now: float
    rows: Sequence[Binder]
    announced: Sequence[WarmRequest] = ()
    failures: Mapping[str, WarmFailures] = field(default_factory=dict)
    people: Sequence[Binder] = ()
    unmade: int = 0
    agent_since: float = 0.0
    is_drained: bool = False

    @property
    def live(self) -> list[Binder]:
        """Those that are not being torn down."""
        return [each for each in self.rows if each.target == Target.READY]


def wanted(policy: WarmPolicy, announced: Sequence[WarmRequest], now: float) -> Counter[str]:
    """How many instances of each size should wait now."""
    is_open = policy.hours is None or policy.hours.contains(now, policy.zone)
    counts = Counter(dict(policy.sizes) if is_open else {})
    for each in announced:
        counts[each.size] += each.left
    return counts


def _wanted(policy: WarmPolicy, state: PoolState) -> Counter[str]:
    return Counter() if state.is_drained else wanted(policy, state.announced, state.now)


def superfluous(policy: WarmPolicy, state: PoolState) -> list[str]:
    """The ids of those that have to end, the oldest first: more than are wanted, or in people's way."""
    spare = _wanted(policy, state)
    kept: list[Binder] = []
    for each in reversed(state.live):
        if spare[each.size] > 0 and each.created_at >= state.agent_since:
            spare[each.size] -= 1
            kept.insert(0, each)
    ids = {each.id for each in kept}
    too_many = [each.id for each in state.live if each.id not in ids]
    ending = len(state.rows) - len(kept)
    yielding = kept[: max(_short_of_room(state, kept) - ending, 0)]
    return too_many + [each.id for each in yielding]


def _short_of_room(state: PoolState, kept: Sequence[Binder]) -> int:
    """How many launches need room that the pool has: one that can take a waiting instance needs none."""
    waiting = Counter(each.size for each in kept if each.status == Status.WAITING)
    takers = Counter(each.size for each in state.people if not each.warm_failed)
    return len(state.people) - (takers & waiting).total()


def lacking(policy: WarmPolicy, state: PoolState) -> list[tuple[str, int]]:
    """Which sizes lack instances, and how many of them may be made now; none while people wait for room."""
    if state.people:
        return []
    on_the_way = sum(each.status != Status.WAITING for each in state.live)
    most = MOST_ON_THE_WAY - on_the_way
    counts = _wanted(policy, state) - Counter(each.size for each in state.live)
    return [(size, min(count, most)) for size, count in counts.items() if most > 0 and _may_try(state, size)]


def _may_try(state: PoolState, size: str) -> bool:
    """Whether a size has failed rarely enough, or long enough ago, to be tried again."""
    failed = state.failures.get(size)
    return failed is None or state.now - failed.last >= _SLOWER * backoff(failed.count)


def may_make(policy: WarmPolicy, state: PoolState, count: int, free: int | None) -> int:
    """How many of so many instances leave enough room; `free` as `Cloud.free_places` says."""
    return count if free is None else max(min(count, free - state.unmade - policy.leaves_free), 0)


class WarmPool:
    """Keeps the pool as its operator wants it.

    Args:
        store: The database.
        cloud: Where instances wait.
        policy: What the operator wants.
        worker: This process's name on the lease.
        agent: Names the agent that new instances get; another name for each change of it.
        identify: Makes the id and the secret of a new instance.
    """

    def __init__(
        self,
        store: Store,
        cloud: Cloud,
        policy: WarmPolicy,
        worker: str,
        *,
        agent: Callable[[], str] = str,
        identify: Callable[[], tuple[str, str]] = new_identity,
    ) -> None:
        self._store = store
        self._cloud = cloud
        self._policy = policy
        self._worker = worker
        self._agent = agent
        self._identify = identify
        self._prices = {size.key: size.price_per_hour for size in cloud.sizes}

    def tick(self) -> None:
        """End what is too much, and make what is lacking, as far as there is room."""
        state = self._end_superfluous()
        if state is None:
            return
        for size, count in lacking(self._policy, state):
            try:
                free = self._cloud.free_places(size)
            except CloudError as error:
                log.warning("warm_room_unknown", size=size, error=error.sentence)
                return
            if may_make(self._policy, state, count, free) and self._make(size, free):
                return  # what the cloud said of other sizes is old now

    def _end_superfluous(self) -> PoolState | None:
        """End what is too much; what there was. None where another replica does all this."""
        with self._store.write() as session:
            state = self._begin(session)
            if state is None:
                return None
            if state.people:
                warm.hurry(session)
            too_many = superfluous(self._policy, state)
            if too_many and (count := warm.end(session, too_many)):
                log.info("warm_instances_end", count=count, people=len(state.people))
        return state

    def _make(self, size: str, free: int | None) -> int:
        """Write the rows of new instances; the reconciler makes them. How many there are."""
        with self._store.write() as session:
            state = self._begin(session)  # anew: the cloud was asked in between
            if state is None:
                return 0
            count = dict(lacking(self._policy, state)).get(size, 0)
            count = may_make(self._policy, state, count, free)
            session.add_all(self._row(size, state.now) for _ in range(count))
        if count:
            log.info("warm_instances_wanted", size=size, count=count)
        return count

    def _begin(self, session: Session) -> PoolState | None:
        """Take or keep the lease, and read what there is; None where another replica has it."""
        if not leases.take(session, warm.LEASE, self._worker, LEASE_SECONDS):
            return None
        agent_since, now = leases.begin(session, f"agent {self._agent()}")
        return PoolState(
            now,
            warm.existing(session),
            warm.announced(session),
            warm.failures(session, now - FAILURES_SECONDS),
            warm.without_room(session),
            warm.count_unmade(session),
            agent_since,
            draining.in_force(session) is not None,
        )

    def _row(self, size: str, now: float) -> Binder:
        binder_id, secret = self._identify()
        return Binder(
            id=binder_id,
            name=f"warm-{binder_id}",
            request_key=f"warm:{binder_id}",
            team_id="",
            owner="",
            channel="",
            is_private=True,
            provider="",
            url="",
            size=size,
            is_warm=True,
            token="",
            secret=secret,
            created_at=now,
            resolved_at=now,
            status_since=now,
            ends_at=now + self._policy.lifetime,
            price_per_hour=self._prices.get(size, 0.0),
            stages={"instance": now},
        )
