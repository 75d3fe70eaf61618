"""The tick that drives classes: it launches their seats, opens them and ends them.

Level-triggered, as the reconciler is: each tick compares what is with what should be. It works under a lease,
so that one of several replicas does it. Its cost does not grow with the seats: they are counted by the
database, in one query for all classes. What becomes of a binder, once it is launched, the reconciler decides.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy.orm import Session

from bot.binders.class_plan import NEWCOMERS_AT_ONCE, WARM_SECONDS, ClassPolicy, ClassState, ClassStep, plan
from storage import classes, draining, images, leases, seats, warm
from storage.class_models import DRAINED, ClassPhase, SchoolClass, Seat
from storage.draining import Drain
from storage.engine import Store
from storage.models import Binder
from storage.vocabulary import WaitsFor

log = structlog.get_logger(__name__)

CLASS_SECONDS = 1.0
"""Between two ticks."""
LEASE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class BinderIdentity:
    """The id of a new binder, and its two secrets."""

    id: str
    token: str
    secret: str

    def __repr__(self) -> str:
        """Name it without its secrets."""
        return f"<BinderIdentity {self.id}>"


class ClassKeeper:
    """Takes one step at a time for each class.

    Args:
        store: The database.
        policy: What the site can do for a class.
        worker: This process's name on the lease.
        identify: Makes the id and the secrets of a new binder.
        let_begin: Lets new binders begin, or wait for a place.
        vcpus_of: Tells how many vCPUs an instance of a size has, as far as it is known; asks nobody.
    """

    def __init__(
        self,
        store: Store,
        policy: ClassPolicy,
        worker: str,
        *,
        identify: Callable[[], BinderIdentity],
        let_begin: Callable[[Session], object],
        vcpus_of: Callable[[str], int | None],
    ) -> None:
        self._store = store
        self._policy = policy
        self._worker = worker
        self._identify = identify
        self._let_begin = let_begin
        self._vcpus_of = vcpus_of

    def tick(self) -> None:
        """Take the step that is due for each class. Where there is none, this is one short query."""
        with self._store.read() as session:
            steps = self._plan(session)
        if all(step == ClassStep() for _, step in steps):
            return
        with self._store.write() as session:
            if not leases.take(session, classes.LEASE, self._worker, LEASE_SECONDS):
                return
            for found, step in self._plan(session, lock=True):  # anew: what was read may be old by now
                self._write(session, found, step)

    def _plan(self, session: Session, *, lock: bool = False) -> list[tuple[SchoolClass, ClassStep]]:
        at_work = classes.at_work(session, lock=lock)
        counted = seats.counts(session, [each.id for each in at_work])
        now = self._store.now()
        drain = draining.in_force(session) if at_work else None
        return [(each, self._step(session, each, counted[each.id], now, drain)) for each in at_work]

    def _step(
        self,
        session: Session,
        found: SchoolClass,
        counts: seats.SeatCounts,
        now: float,
        drain: Drain | None,
    ) -> ClassStep:
        state = _state(session, found, counts, now)
        if drain is not None:
            state = replace(state, drained=_word_of(session, found, drain))
        return plan(found, state, self._policy)

    def _write(self, session: Session, found: SchoolClass, step: ClassStep) -> None:
        if step == ClassStep():
            return
        self._tell_phase(found, step)
        for name, value in step.changes.items():
            setattr(found, name, value)
        session.flush()
        for user in step.gives:
            seats.give(session, found, user)
        for seat in seats.to_launch(session, found.id, limit=step.launches):
            self._launch(session, found, seat)
        if step.launches:
            self._let_begin(session)
        if step.ends_unused:
            seats.end_unused(session, found.id, found.ended_by or "bot")
        self._change_warm(session, found, step)
        if {"phase", "shown"} & set(step.changes):
            classes.touch(session, found.id, urgent="phase" in step.changes)
        if step.tells:
            classes.tell_teacher(session, found.id, step.tells)

    def _tell_phase(self, found: SchoolClass, step: ClassStep) -> None:
        if "phase" in step.changes:
            log.info(
                "class_phase", id=found.id, from_phase=str(found.phase), to_phase=str(step.changes["phase"])
            )

    def _change_warm(self, session: Session, found: SchoolClass, step: ClassStep) -> None:
        if step.warms:
            until = self._store.now() + WARM_SECONDS
            found.warm_request = warm.announce(session, found.size, step.warms, until)
        elif step.cools and found.warm_request is not None:
            warm.take_back(session, found.warm_request)
            found.warm_request = None

    def _launch(self, session: Session, found: SchoolClass, seat: Seat) -> None:
        seats.launch(session, seat, self._binder(found, seat), name=found.name)
        log.info("class_seat_launched", id=found.id, seat=seat.number, binder=seat.binder_id)

    def _binder(self, found: SchoolClass, seat: Seat) -> Binder:
        made, now = self._identify(), self._store.now()
        return Binder(
            id=made.id,
            request_key=f"class:{found.id}:{seat.number}:{seat.launches}",
            class_id=found.id,
            enterprise_id=found.enterprise_id,
            team_id=found.team_id,
            owner=seat.user or "",
            # What is said of a seat is said in a direct message.
            channel=seat.user or found.teacher,
            is_private=True,
            provider=found.provider,
            url=found.url,
            ref=found.ref,
            path=found.path,
            interface=found.interface,
            size=found.size,
            commit=found.commit,
            is_tip=found.is_tip,
            resolved_at=found.resolved_at,
            needs_right=found.needs_right,
            # They read it because their teacher may: that is what a class is for.
            read_as=found.teacher,
            token=made.token,
            secret=made.secret,
            created_at=now,
            status_since=now,
            ends_at=found.ends_at,
            # Nobody extends their own seat: its class ends for all.
            maximum_at=found.ends_at,
            budget=found.budget,
            price_per_hour=found.price_per_hour,
            vcpus=self._vcpus_of(found.size),
            waits_for=WaitsFor.PLACE,
            waits_since=now,
        )


def _word_of(session: Session, found: SchoolClass, drain: Drain) -> str:
    """What the teacher is to hear of a drain; empty where they did."""
    what = f"{DRAINED}{int(drain.since)}"
    return "" if classes.is_teacher_told(session, found.id, what) else what


def _state(session: Session, found: SchoolClass, counts: seats.SeatCounts, now: float) -> ClassState:
    """What there is; of what costs a query, only that which the phase needs."""
    if found.phase not in {ClassPhase.FIRST, ClassPhase.OPEN}:
        return ClassState(now, counts)
    newcomers = _newcomers(session, found, counts)
    lacking = seats.count_to_launch(session, found.id)
    if found.phase == ClassPhase.OPEN and counts.ready:
        return ClassState(now, counts, lacking, newcomers=newcomers)
    seat, first = seats.first(session, found.id) or (None, None)
    image = images.state_of(session, first.id) if first is not None else None
    return ClassState(now, counts, lacking, first, seat.launches if seat else 0, image, newcomers)


def _newcomers(session: Session, found: SchoolClass, counts: seats.SeatCounts) -> Sequence[str]:
    """People for whom it is and who have no seat yet, as many as can be given one."""
    room = min(found.seats - counts.given, NEWCOMERS_AT_ONCE)
    return tuple(classes.without_seat(session, found, limit=room)) if room > 0 else ()
