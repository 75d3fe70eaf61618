"""Decides which launches begin and which wait: one transaction at a time, over all replicas.

It is done in the transaction that writes a launch, and by a tick when a place may have become free. Both hold
one lock of the database, so no quota is ever exceeded. What began is counted anew each time: nothing has to
be kept in step, whatever process dies.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Self

import structlog
from sqlalchemy.orm import Session

from bot.binders.cost import cost, ran_seconds
from bot.errors import CloudError
from bot.policy import queue as turns
from bot.policy.quotas import Amounts, Full, Limits, Quotas, Scope, ScopeKind, What
from bot.policy.settings import PolicySettings
from bot.sentences import Sentence
from bot.times import calendar
from storage import approvals, draining, policies, queue, shares
from storage.engine import Store, unix_now
from storage.models import Binder

log = structlog.get_logger(__name__)

QUEUE_SECONDS = 1.0
"""Between two ticks."""
LOOK_AGAIN_SECONDS = 30.0
"""How soon it is looked again although nothing ended: limits change, and hours pass."""
_DAY_SECONDS = 86_400.0
_HOUR_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Admission:
    """The quotas of a site, and who begins by them.

    Attributes:
        quotas: What the settings say.
        zone: The site's time zone, in which a month begins.
        whom_to_ask: A sentence for those whose launch can never begin.
    """

    quotas: Quotas
    zone: tzinfo = UTC
    whom_to_ask: str = ""
    home: str = ""
    """The workspace in which the channels and groups of the settings are; empty where there is only one."""

    @classmethod
    def of(cls, settings: PolicySettings, zone: tzinfo) -> Self:
        """The quotas that the settings describe."""
        return cls(settings.all_quotas, zone, settings.whom_to_ask, settings.home_workspace)

    def run(self, session: Session) -> turns.Plan:
        """Let begin what fits, and note the places of all others. While the site is drained, nothing begins.

        Args:
            session: An open write transaction. It holds the lock until it ends.
        """
        queue.lock(session)
        waiting = {each.id: each for each in self._measured(session, queue.waiting(session))}
        if not waiting or draining.in_force(session) is not None:  # what waits keeps its place
            return turns.Plan()
        plan = self._plan(session, list(waiting.values()))
        for each in plan.begin:
            queue.begin(session, waiting[each])
        for place in plan.wait:
            queue.place(session, waiting[place.id], facts_of(place))
        for binder_id, full in plan.hopeless:
            log.info("launch_hopeless", binder=binder_id, scope=str(full.scope.kind), what=str(full.what))
            queue.fail(session, waiting[binder_id], _HOPELESS, self.whom_to_ask)
        return plan

    def counts(self, session: Session, what: What) -> bool:
        """Whether that is limited for anybody."""
        return self.quotas.counts(what) or policies.limits_anybody(session, what)

    def _measured(self, session: Session, waiting: Sequence[Binder]) -> Sequence[Binder]:
        """The launches of which it is known how much they take, of what is limited."""
        known = [each for each in waiting if each.vcpus is not None]
        is_known = len(known) == len(waiting) or self.counts(session, What.VCPUS)
        return known if is_known else waiting

    def _plan(self, session: Session, waiting: Sequence[Binder]) -> turns.Plan:
        books = _Books(session, self)
        asking = [
            turns.Waiting(
                each.id,
                _person(each),
                each.waits_since or each.created_at,
                Amounts({What.BINDERS: 1, What.VCPUS: each.vcpus or 0}),
                books.limits_of(each),
            )
            for each in waiting
        ]
        return turns.plan(asking, books.used(), books.running())


_HOPELESS = Sentence("It does not fit into the limits of this site any more.")


_UNDECIDED = Sentence("No admin approved it in time.")


class _Books:
    """What is used and allowed, as the database has it now."""

    def __init__(self, session: Session, admission: Admission) -> None:
        self._session = session
        self._admission = admission
        self._quotas = admission.quotas
        self._held = queue.held(session)
        self._now = float(session.scalar(unix_now().select()) or 0.0)
        self._month = calendar.month_start(self._now, admission.zone)
        self._groups = shares.members_of(session, self._quotas.groups)

    def limits_of(self, binder: Binder) -> Limits:
        """What holds for a launch: all its scopes that have limits."""
        own = policies.limits_of(self._session, binder.team_id, binder.owner)
        limits: dict[Scope, Mapping[What, float]] = {}
        for scope in self._scopes(binder):
            most = dict(self._quotas.of(scope))
            if scope.kind == ScopeKind.PERSON:
                most |= {What(name): value for name, value in own.items()}
            if most:
                limits[scope] = most
        return limits

    def used(self) -> Mapping[Scope, Amounts]:
        """What each scope uses."""
        used: dict[Scope, Amounts] = {}
        for held in self._held:
            amounts = Amounts({What.BINDERS: held.binders, What.VCPUS: held.vcpus})
            self._add(used, held, amounts)
        if any(self._admission.counts(self._session, what) for what in (What.HOURS, What.COST)):
            for each in queue.ran_since(self._session, min(self._month, self._now - _DAY_SECONDS)):
                self._add(used, each, self._ran(each))
        return used

    def running(self) -> Mapping[str, int]:
        """How many binders each person, or class, has that began."""
        running: Counter[str] = Counter()
        for each in self._held:
            running[_person(each)] += each.binders
        return running

    def _ran(self, binder: Binder) -> Amounts:
        hours = ran_seconds(binder, self._now, self._now - _DAY_SECONDS) / _HOUR_SECONDS
        return Amounts({What.HOURS: hours, What.COST: cost(binder, self._now, self._month)})

    def _add(self, used: dict[Scope, Amounts], of: Any, amounts: Amounts) -> None:
        for scope in self._scopes(of):
            used[scope] = used.get(scope, Amounts()).plus(amounts)

    def _scopes(self, of: Any) -> Iterator[Scope]:
        """For whom a binder counts, the narrowest first. The seats of a class are nobody's own."""
        if of.class_id is None:
            yield Scope(ScopeKind.PERSON, f"{of.team_id}/{of.owner}")
            is_home = self._admission.home in {"", of.team_id}
            if of.channel.startswith(("C", "G")):
                channel = of.channel if is_home else f"{of.team_id}/{of.channel}"
                yield Scope(ScopeKind.CHANNEL, channel)
            for group in sorted(self._groups.get(of.owner, ())) if is_home else ():
                yield Scope(ScopeKind.GROUP, group)
        yield Scope(ScopeKind.WORKSPACE, of.team_id)
        yield Scope(ScopeKind.SITE)


def _person(of: Any) -> str:
    return of.class_id or f"{of.team_id}/{of.owner}"


def facts_of(place: turns.Place) -> dict[str, Any]:
    """A place as it is in the row, for the words about it."""
    return {"number": place.number, **facts_of_full(place.full)}


def facts_of_full(full: Full) -> dict[str, Any]:
    """A quota that is full, as plain values."""
    used, limit = round(full.used, 2), round(full.limit, 2)
    return {"scope": str(full.scope.kind), "what": str(full.what), "used": used, "limit": limit}


class QueueKeeper:
    """The tick that lets launches begin when a place may have become free, and ends what nobody approves.

    Where nothing waits, it is two looks into indexes; where nothing changed, three.

    Args:
        store: The database.
        admission: Who begins.
        vcpus: How many vCPUs an instance of a size has; may ask the cloud.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        store: Store,
        admission: Admission,
        vcpus: Callable[[str], int],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._admission = admission
        self._vcpus = vcpus
        self._clock = clock
        self._seen: float | None = None
        self._looked_at = float("-inf")

    def tick(self) -> None:
        """Let begin what fits, if anything waits and something changed."""
        with self._store.read() as session:
            is_over = approvals.is_due(session)
            if not (is_over or queue.is_waiting(session)):
                return
            last, unknown = queue.last_gone(session), queue.sizes_unknown(session)
        known = {size: vcpus for size in unknown if (vcpus := self._ask(size)) is not None}
        if (
            not (known or is_over)
            and last == self._seen
            and self._clock() - self._looked_at < LOOK_AGAIN_SECONDS
        ):
            return
        with self._store.write() as session:
            for size, vcpus in known.items():
                queue.note_vcpus(session, size, vcpus)
            if is_over:
                approvals.expire(session, _UNDECIDED, self._admission.whom_to_ask)
            plan = self._admission.run(session)
        self._seen, self._looked_at = last, self._clock()
        if plan.begin:
            log.info("launches_begin", count=len(plan.begin), still_waiting=len(plan.wait))

    def _ask(self, size: str) -> int | None:
        try:
            return self._vcpus(size)
        except CloudError as error:
            log.warning("vcpus_not_told", size=size, error=error.sentence)
            return None
