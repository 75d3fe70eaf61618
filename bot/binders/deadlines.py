"""When a binder ends by itself, and who must be told before. Pure: no clock, no network, no session.

No deadline ends a binder without a warning. `due_notice` names the notice that has to be given now; `may_end`
names the deadline that has passed and was announced long enough ago. The same row and the same notices always
give the same answers, so a process may die, or be down for a day, at any line.

The idle deadline moves with each use; of the others (lifetime, maximum, budget) only the first one counts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from math import ceil

from bot.binders.cost import spent_at
from bot.times import zones
from storage.models import Binder, Notice
from storage.vocabulary import Outcome, Reason, Status

EVE_SECONDS = 600.0
"""Notices that would be due in quiet hours are given this long before they begin."""
MOST_PAUSE_SECONDS = 3600.0
_SAME_IDLE_SECONDS = 60.0
"""Clocks of servers jitter: idle deadlines nearer to each other than this are one."""
_SAME_SECONDS = 1.0
_WARNED = frozenset({Status.READY, Status.SHELVED})
_PREFERENCE = (Reason.MAXIMUM, Reason.BUDGET, Reason.LIFETIME, Reason.IDLE)
"""Of several deadlines at the same moment, one that nobody can move is named as the reason."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a binder ends by itself, in whole Unix seconds UTC, and why."""

    reason: Reason
    at: float


@dataclass(frozen=True, slots=True)
class DueNotice:
    """A notice that has to be given now: of which deadline, and for which lead, in seconds before it."""

    reason: Reason
    deadline: float
    lead: int


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours of the day in which nobody is mentioned, over midnight where `start` is later than `end`."""

    start: time
    end: time
    zone: tzinfo

    def contains(self, at: float) -> bool:
        """Whether a moment, in Unix seconds UTC, lies in quiet hours."""
        clock = datetime.fromtimestamp(at, self.zone).time()
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def begins_before(self, at: float) -> float:
        """When the quiet hours last began, at that moment."""
        day = datetime.fromtimestamp(at, self.zone).date()
        begun = self._moment(day, self.start)
        return begun if begun <= at else self._moment(day - timedelta(days=1), self.start)

    def bounds(self, at: float) -> Iterator[float]:
        """When they begin and end, on the day of that moment, the day before and the day after."""
        day = datetime.fromtimestamp(at, self.zone).date()
        for offset in (-1, 0, 1):
            for clock in (self.start, self.end):
                yield self._moment(day + timedelta(days=offset), clock)

    def _moment(self, day: date, clock: time) -> float:
        return datetime.combine(day, clock, self.zone).timestamp()


@dataclass(frozen=True, slots=True)
class WarningPolicy:
    """How a site warns.

    Attributes:
        leads: How many seconds before the end of the lifetime, of the maximum and of the budget a notice is
            due; without any, these end unannounced.
        idle_leads: The same for a binder that is idle.
        warning: Seconds between a notice and the end, at least.
        quiet: When nobody is mentioned, by the site's clock.
    """

    leads: tuple[int, ...] = ()
    idle_leads: tuple[int, ...] = ()
    warning: float = 600.0
    quiet: QuietHours | None = None

    def for_owner_of(self, binder: Binder) -> "WarningPolicy":
        """The same, with quiet hours by the clock of the binder's owner, where it is known.

        People in a class are awake, and are warned once.
        """
        if binder.class_id is not None:
            return replace(self, leads=self.leads and (min(self.leads),), quiet=None)
        if self.quiet is None or binder.owner_zone is None:
            return self
        try:
            zone = zones.zone(binder.owner_zone)
        except ValueError:  # known where it was written, but not here
            return self
        return replace(self, quiet=replace(self.quiet, zone=zone))


# --- deadlines -------------------------------------------------------------------------------------------


def all_deadlines(binder: Binder) -> tuple[Deadline, ...]:
    """All deadlines of a binder, the first one first."""
    found = [(Reason.LIFETIME, binder.ends_at)]
    if binder.status != Status.SHELVED:
        found += [(Reason.MAXIMUM, at) for at in [binder.maximum_at] if at]
        found += [(Reason.BUDGET, at) for at in [spent_at(binder)] if at is not None]
        found += [(Reason.IDLE, at) for at in [_idle_at(binder)] if at is not None]
    whole = [Deadline(reason, float(ceil(at))) for reason, at in found]
    return tuple(sorted(whole, key=lambda each: (each.at, _PREFERENCE.index(each.reason))))


def upcoming(binder: Binder) -> Deadline | None:
    """The first of its deadlines, past or not."""
    return next(iter(all_deadlines(binder)), None)


def last_end(binder: Binder) -> float:
    """When it ends even if it is used, in Unix seconds UTC, unless somebody keeps it."""
    return min(each.at for each in all_deadlines(binder) if each.reason != Reason.IDLE)


def limit(binder: Binder) -> Deadline | None:
    """The first deadline that nobody can move: the maximum, or the budget; None where there is none."""
    fixed = (Reason.MAXIMUM, Reason.BUDGET)
    return next((each for each in all_deadlines(binder) if each.reason in fixed), None)


def _idle_at(binder: Binder) -> float | None:
    if binder.status != Status.READY or binder.idle_seconds is None or binder.used_at is None:
        return None
    return max(binder.used_at + binder.idle_seconds, binder.awake_until or 0.0)


def _counted(binder: Binder) -> list[Deadline]:
    """The deadlines that people are warned of: the idle one, and the first of the others."""
    if binder.status not in _WARNED:
        return []
    every = all_deadlines(binder)
    idle = [each for each in every if each.reason == Reason.IDLE]
    others = [each for each in every if each.reason != Reason.IDLE]
    return [*idle, *others[:1]]


# --- notices ---------------------------------------------------------------------------------------------


def due_notice(
    binder: Binder, notices: Sequence[Notice], now: float, policy: WarningPolicy
) -> DueNotice | None:
    """The notice that has to be given now: that of the last lead which has passed, unless it was given.

    Args:
        binder: Its row.
        notices: All that it was given.
        now: Unix seconds, UTC.
        policy: How the site warns.
    """
    policy = policy.for_owner_of(binder)
    if _is_quiet(now, policy) or may_end(binder, notices, now, policy):
        return None
    found = [_due(binder, deadline, notices, now, policy) for deadline in _counted(binder)]
    return min((each for each in found if each), key=lambda each: each.deadline, default=None)


def may_end(binder: Binder, notices: Sequence[Notice], now: float, policy: WarningPolicy) -> Deadline | None:
    """The deadline for which it may end now: it has passed, and people were warned long enough ago."""
    ends = ((each, _end_of(each, notices, policy)) for each in _counted(binder))
    past = (each for each, at in ends if at is not None and at <= now)
    return min(past, key=lambda each: each.at, default=None)


def end_of(notice: Notice, now: float, policy: WarningPolicy) -> float:
    """When the binder ends that a notice warns of, in Unix seconds UTC; never without time to react."""
    return max(notice.deadline, (notice.told_at or now) + policy.warning)


def outdated(binder: Binder, notices: Sequence[Notice]) -> list[Notice]:
    """The open notices of deadlines that have moved."""
    every = all_deadlines(binder)
    return [
        notice
        for notice in notices
        if notice.outcome is None and not any(_is_of(notice, each) for each in every)
    ]


def passed_over(binder: Binder, now: float, policy: WarningPolicy) -> list[DueNotice]:
    """The notices that are not needed by somebody who has just moved the deadline: all but the last one."""
    policy = policy.for_owner_of(binder)
    return [
        DueNotice(deadline.reason, deadline.at, lead)
        for deadline in _counted(binder)
        for lead in _leads(binder, deadline, policy)[:-1]
        if _told_from(deadline, lead, policy) <= now + _SAME_IDLE_SECONDS
    ]


def pause(binder: Binder, notices: Sequence[Notice], now: float, policy: WarningPolicy) -> float:
    """Seconds until the answers of `due_notice` and `may_end` may change as time passes."""
    policy = policy.for_owner_of(binder)
    if due_notice(binder, notices, now, policy) or may_end(binder, notices, now, policy):
        return 0.0
    moments = [moment - now for moment in _moments(binder, notices, now, policy) if moment > now]
    return min([*moments, MOST_PAUSE_SECONDS])


def _due(
    binder: Binder, deadline: Deadline, notices: Sequence[Notice], now: float, policy: WarningPolicy
) -> DueNotice | None:
    reached = [each for each in _leads(binder, deadline, policy) if _told_from(deadline, each, policy) <= now]
    if not reached:
        return None
    given = [each.lead_seconds for each in notices if _is_of(each, deadline) and not _was_cut_off(each)]
    return (
        None if given and min(given) <= reached[-1] else DueNotice(deadline.reason, deadline.at, reached[-1])
    )


def _leads(binder: Binder, deadline: Deadline, policy: WarningPolicy) -> list[int]:
    """The leads for a deadline, the longest first.

    Those that were over before anybody could use the binder are left out, but for the last one. What may lie
    unused for a moment only is not warned of at once.
    """
    if deadline.reason == Reason.IDLE:
        leads = {min(each, (binder.idle_seconds or 0) // 2) for each in policy.idle_leads}
    else:
        leads = {each for each in policy.leads if deadline.at - each > binder.status_since}
        leads |= {min(policy.leads)} if policy.leads else set()
    return sorted(leads, reverse=True)


def _told_from(deadline: Deadline, lead: int, policy: WarningPolicy) -> float:
    """From when a notice is due. One that would be due in quiet hours is given before they begin."""
    at = deadline.at - lead
    if deadline.reason != Reason.IDLE and policy.quiet and policy.quiet.contains(at):
        return policy.quiet.begins_before(at) - EVE_SECONDS
    return at


def _end_of(deadline: Deadline, notices: Iterable[Notice], policy: WarningPolicy) -> float | None:
    """When a deadline may end a binder; None as long as nobody was warned."""
    if not _announces(deadline.reason, policy):
        return deadline.at
    told = [each.told_at for each in notices if _is_of(each, deadline) and each.told_at is not None]
    return max(deadline.at, min(told) + policy.warning) if told else None


def _announces(reason: Reason, policy: WarningPolicy) -> bool:
    return bool(policy.idle_leads if reason == Reason.IDLE else policy.leads)


def _is_of(notice: Notice, deadline: Deadline) -> bool:
    """Whether a notice warned of that deadline."""
    near = _SAME_IDLE_SECONDS if deadline.reason == Reason.IDLE else _SAME_SECONDS
    return notice.reason == deadline.reason and abs(notice.deadline - deadline.at) < near


def _was_cut_off(notice: Notice) -> bool:
    """Whether it was settled before anybody was warned, by an end or a shelving that did not happen."""
    return notice.outcome == Outcome.OVER and notice.told_at is None


def _is_quiet(now: float, policy: WarningPolicy) -> bool:
    return policy.quiet is not None and policy.quiet.contains(now)


def _moments(binder: Binder, notices: Sequence[Notice], now: float, policy: WarningPolicy) -> Iterator[float]:
    for deadline in _counted(binder):
        yield deadline.at
        yield _end_of(deadline, notices, policy) or deadline.at
        for lead in _leads(binder, deadline, policy):
            yield _told_from(deadline, lead, policy)
    if policy.quiet:
        yield from policy.quiet.bounds(now)
