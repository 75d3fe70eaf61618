"""Who is warned of what, and when: by table, and by days of random lives."""

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.binders import deadlines
from bot.binders.deadlines import Deadline, DueNotice, QuietHours, WarningPolicy
from storage.models import Binder, Notice
from storage.vocabulary import Activity, Outcome, Reason, Status

DAY = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
NOON = DAY + 12 * 3600
HOUR, MINUTE = 3600, 60
POLICY = WarningPolicy(leads=(2 * HOUR, 15 * MINUTE), idle_leads=(15 * MINUTE,), warning=600)
NIGHT = QuietHours(time(22), time(7), UTC)
AT_NIGHT = WarningPolicy(POLICY.leads, POLICY.idle_leads, POLICY.warning, NIGHT)


def ready(**changes: Any) -> Binder:
    values: dict[str, Any] = {
        "id": "b",
        "status": Status.READY,
        "created_at": NOON - 300,
        "status_since": NOON,
        "ready_at": NOON,
        "ends_at": NOON + 24 * HOUR,
        "maximum_at": 0.0,
        "idle_seconds": None,
        "used_at": NOON,
        "awake_until": 0.0,
        "activity": Activity.IDLE,
        "budget": None,
        "price_per_hour": 0.0,
        "shelved_seconds": 0.0,
    }
    return Binder(**(values | changes))


def notice(
    reason: Reason, deadline: float, lead: int = 15 * MINUTE, told: float | None = None, **changes: Any
) -> Notice:
    return Notice(
        id=1, binder_id="b", reason=reason, deadline=deadline, lead_seconds=lead, told_at=told, **changes
    )


# --- deadlines -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, Deadline(Reason.LIFETIME, NOON + 24 * HOUR)),
        ({"maximum_at": NOON + 5 * HOUR}, Deadline(Reason.MAXIMUM, NOON + 5 * HOUR)),
        ({"maximum_at": NOON + 24 * HOUR}, Deadline(Reason.MAXIMUM, NOON + 24 * HOUR)),
        ({"idle_seconds": HOUR}, Deadline(Reason.IDLE, NOON + HOUR)),
        ({"idle_seconds": HOUR, "used_at": NOON + 0.3}, Deadline(Reason.IDLE, NOON + HOUR + 1)),
        (
            {"idle_seconds": HOUR, "awake_until": NOON + 2 * HOUR},
            Deadline(Reason.IDLE, NOON + 2 * HOUR),
        ),
        ({"idle_seconds": HOUR, "used_at": None}, Deadline(Reason.LIFETIME, NOON + 24 * HOUR)),
        (
            {"idle_seconds": HOUR, "status": Status.BUILDING},
            Deadline(Reason.LIFETIME, NOON + 24 * HOUR),
        ),
        ({"budget": 10.0, "price_per_hour": 2.0}, Deadline(Reason.BUDGET, NOON + 5 * HOUR)),
        (
            {"budget": 10.0, "price_per_hour": 2.0, "shelved_seconds": 1.0 * HOUR},
            Deadline(Reason.BUDGET, NOON + 6 * HOUR),
        ),
        (
            {"budget": 10.0, "price_per_hour": 2.0, "ready_at": None},
            Deadline(Reason.LIFETIME, NOON + 24 * HOUR),
        ),
        ({"budget": 10.0}, Deadline(Reason.LIFETIME, NOON + 24 * HOUR)),
        (
            {"status": Status.SHELVED, "maximum_at": NOON, "idle_seconds": 60},
            Deadline(Reason.LIFETIME, NOON + 24 * HOUR),
        ),
    ],
)
def test_the_first_deadline_counts(changes: dict[str, Any], first: Deadline) -> None:
    assert deadlines.upcoming(ready(**changes)) == first


def test_what_nobody_can_move_is_the_maximum_or_the_budget() -> None:
    assert deadlines.limit(ready()) is None
    both = ready(maximum_at=NOON + 9 * HOUR, budget=10.0, price_per_hour=2.0)
    assert deadlines.limit(both) == Deadline(Reason.BUDGET, NOON + 5 * HOUR)


# --- what is due -----------------------------------------------------------------------------------------

END = NOON + 24 * HOUR
LONG, SHORT = DueNotice(Reason.LIFETIME, END, 2 * HOUR), DueNotice(Reason.LIFETIME, END, 15 * MINUTE)


@pytest.mark.parametrize(
    ("before_end", "given_leads", "expected"),
    [
        (3 * HOUR, (), None),
        (2 * HOUR, (), LONG),
        (HOUR, (), LONG),
        (HOUR, (2 * HOUR,), None),
        (15 * MINUTE, (2 * HOUR,), SHORT),
        (15 * MINUTE, (), SHORT),
        (15 * MINUTE, (15 * MINUTE,), None),
        (-24 * HOUR, (), SHORT),
    ],
)
def test_of_the_leads_only_the_last_one_is_due_and_none_twice(
    before_end: int, given_leads: tuple[int, ...], expected: DueNotice | None
) -> None:
    told = [notice(Reason.LIFETIME, END, lead) for lead in given_leads]
    assert deadlines.due_notice(ready(), told, END - before_end, POLICY) == expected


def test_a_notice_of_another_deadline_is_none_of_this_one() -> None:
    old = notice(Reason.LIFETIME, END - HOUR, told=NOON)
    assert deadlines.due_notice(ready(), [old], END - 10 * MINUTE, POLICY) == SHORT
    assert deadlines.may_end(ready(), [old], END + HOUR, POLICY) is None
    other = notice(Reason.MAXIMUM, END, told=NOON)
    assert deadlines.may_end(ready(), [other], END + HOUR, POLICY) is None


def test_only_the_first_of_the_fixed_deadlines_is_warned_of_but_idleness_beside_it() -> None:
    row = ready(ends_at=NOON + 2 * HOUR, maximum_at=NOON + 2 * HOUR + 5 * MINUTE, idle_seconds=2 * HOUR)
    now = NOON + 110 * MINUTE
    assert deadlines.due_notice(row, [], now, POLICY) == DueNotice(Reason.IDLE, NOON + 2 * HOUR, 900)
    given_notices = [notice(Reason.IDLE, NOON + 2 * HOUR)]
    assert deadlines.due_notice(row, given_notices, now, POLICY) == DueNotice(
        Reason.LIFETIME, NOON + 2 * HOUR, 900
    )
    given_notices.append(notice(Reason.LIFETIME, NOON + 2 * HOUR))
    assert deadlines.due_notice(row, given_notices, now, POLICY) is None


def test_leads_that_were_over_before_it_was_ready_are_left_out_but_the_last() -> None:
    short_lived = ready(ends_at=NOON + HOUR)
    assert deadlines.due_notice(short_lived, [], NOON + 60, POLICY) is None
    at_once = ready(ends_at=NOON + 10 * MINUTE)
    assert deadlines.due_notice(at_once, [], NOON, POLICY) == DueNotice(Reason.LIFETIME, NOON + 600, 900)


def test_what_may_lie_unused_for_minutes_is_warned_of_when_half_of_them_are_over() -> None:
    row = ready(idle_seconds=600)
    assert deadlines.due_notice(row, [], NOON + 299, POLICY) is None
    assert deadlines.due_notice(row, [], NOON + 300, POLICY) == DueNotice(Reason.IDLE, NOON + 600, 300)


@pytest.mark.parametrize("status", [each for each in Status if each not in {Status.READY, Status.SHELVED}])
def test_what_nobody_can_use_is_neither_warned_of_nor_ended(status: Status) -> None:
    row = ready(status=status, ends_at=NOON)
    assert deadlines.due_notice(row, [], NOON + HOUR, POLICY) is None
    assert deadlines.may_end(row, [], NOON + HOUR, POLICY) is None


def test_an_idle_deadline_that_a_clock_moved_by_a_second_is_the_same() -> None:
    row = ready(idle_seconds=HOUR, used_at=NOON + 1)
    told = [notice(Reason.IDLE, NOON + HOUR, told=NOON + 50 * MINUTE)]
    assert deadlines.due_notice(row, told, NOON + 55 * MINUTE, POLICY) is None
    assert deadlines.outdated(row, told) == []
    assert deadlines.may_end(row, told, NOON + HOUR, POLICY) is None
    assert deadlines.may_end(row, told, NOON + HOUR + 1, POLICY) is not None


# --- what may end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "at", "ends"),
    [
        (None, END + 24 * HOUR, False),
        (END - 900, END - 1, False),
        (END - 900, END, True),
        (END + HOUR, END + HOUR + 599, False),
        (END + HOUR, END + HOUR + 600, True),
    ],
)
def test_nobody_is_ended_who_was_not_told_in_time(told: float | None, at: float, *, ends: bool) -> None:
    notices = [notice(Reason.LIFETIME, END, told=told)]
    found = deadlines.may_end(ready(), notices, at, POLICY)
    assert found == (Deadline(Reason.LIFETIME, END) if ends else None)


def test_where_a_site_wants_no_notices_the_deadline_suffices() -> None:
    unannounced = WarningPolicy(idle_leads=(900,))
    assert deadlines.may_end(ready(), [], END, unannounced) == Deadline(Reason.LIFETIME, END)
    assert deadlines.due_notice(ready(), [], END, unannounced) is None
    row = ready(idle_seconds=HOUR)
    assert deadlines.may_end(row, [], NOON + HOUR, unannounced) is None
    assert deadlines.may_end(row, [], NOON + HOUR, WarningPolicy(leads=(900,))) is not None


def test_after_downtime_the_notice_says_when_it_really_ends() -> None:
    now = END + 24 * HOUR
    late = notice(Reason.LIFETIME, END, told=now)
    assert deadlines.end_of(late, now + 60, POLICY) == now + 600
    assert deadlines.end_of(notice(Reason.LIFETIME, END), END - HOUR, POLICY) == END


def test_notices_of_deadlines_that_are_no_more_are_outdated() -> None:
    row = ready(idle_seconds=HOUR, used_at=NOON + HOUR)
    idle, settled = notice(Reason.IDLE, NOON + HOUR), notice(Reason.IDLE, NOON, outcome=Outcome.WITHDRAWN)
    lifetime = notice(Reason.LIFETIME, END)
    assert deadlines.outdated(row, [idle, settled, lifetime]) == [idle]


def test_who_keeps_it_for_two_hours_is_not_told_at_once_that_two_hours_are_left() -> None:
    row = ready(ends_at=NOON + 6 * HOUR)
    assert deadlines.passed_over(row, NOON + 4 * HOUR, POLICY) == [
        DueNotice(Reason.LIFETIME, NOON + 6 * HOUR, 2 * HOUR)
    ]
    assert deadlines.passed_over(row, NOON + HOUR, POLICY) == []


def test_a_notice_that_was_over_before_anybody_was_told_is_due_again() -> None:
    row = ready(ends_at=NOON + HOUR)
    cut_off = notice(Reason.LIFETIME, NOON + HOUR, outcome=Outcome.OVER)
    assert deadlines.due_notice(row, [cut_off], NOON + 50 * MINUTE, POLICY) == DueNotice(
        Reason.LIFETIME, NOON + HOUR, 900
    )
    told = notice(Reason.LIFETIME, NOON + HOUR, told=NOON, outcome=Outcome.OVER)
    assert deadlines.due_notice(row, [told], NOON + 50 * MINUTE, POLICY) is None


# --- quiet hours -----------------------------------------------------------------------------------------


def clock(hours: float, *, day: int = 0) -> float:
    return DAY + 24 * HOUR * day + hours * HOUR


@pytest.mark.parametrize(
    ("at", "quiet"), [(21.99, False), (22, True), (24, True), (30.99, True), (31, False), (36, False)]
)
def test_quiet_hours_go_over_midnight(at: float, *, quiet: bool) -> None:
    assert NIGHT.contains(clock(at)) is quiet


def test_quiet_hours_are_those_of_the_site() -> None:
    in_berlin = QuietHours(time(22), time(7), ZoneInfo("Europe/Berlin"))
    assert in_berlin.contains(clock(21))
    assert not in_berlin.contains(clock(6))
    siesta = QuietHours(time(13), time(15), UTC)
    assert [siesta.contains(clock(each)) for each in (12.9, 13, 14.9, 15)] == [False, True, True, False]


def test_what_ends_at_night_is_told_of_in_the_evening() -> None:
    row = ready(ends_at=clock(3, day=1))
    eve = clock(21) + 50 * MINUTE
    assert deadlines.due_notice(row, [], eve - 1, AT_NIGHT) is None
    last = DueNotice(Reason.LIFETIME, clock(3, day=1), 900)
    assert deadlines.due_notice(row, [], eve, AT_NIGHT) == last
    told = [notice(Reason.LIFETIME, clock(3, day=1), told=eve)]
    assert deadlines.may_end(row, told, clock(3, day=1), AT_NIGHT) == Deadline(last.reason, last.deadline)


def test_what_was_missed_in_the_evening_waits_for_the_morning_and_the_end_with_it() -> None:
    row = ready(ends_at=clock(3, day=1))
    assert deadlines.due_notice(row, [], clock(4, day=1), AT_NIGHT) is None
    assert deadlines.may_end(row, [], clock(4, day=1), AT_NIGHT) is None
    assert deadlines.due_notice(row, [], clock(7, day=1), AT_NIGHT) == DueNotice(
        Reason.LIFETIME, clock(3, day=1), 900
    )


def test_a_notice_of_idleness_waits_until_the_morning() -> None:
    row = ready(idle_seconds=2 * HOUR, used_at=clock(21), ends_at=clock(20, day=2))
    assert [deadlines.due_notice(row, [], clock(each), AT_NIGHT) for each in (21.9, 22.9, 30.9)] == [None] * 3
    assert deadlines.due_notice(row, [], clock(7, day=1), AT_NIGHT) == DueNotice(Reason.IDLE, clock(23), 900)


@pytest.mark.parametrize(
    ("zone", "waits"),
    [
        (None, True),
        ("UTC", True),
        ("Australia/Sydney", False),
        ("America/New_York", False),
        ("No/Where", True),
    ],
)
def test_quiet_hours_go_by_the_owner_s_own_clock(zone: str | None, *, waits: bool) -> None:
    """At 23:00 in UTC it is morning in Sydney, and afternoon in New York."""
    row = ready(idle_seconds=2 * HOUR, used_at=clock(21.25), owner_zone=zone, ends_at=clock(20, day=2))
    found = deadlines.due_notice(row, [], clock(23), AT_NIGHT)
    assert (found is None) is waits
    assert (deadlines.pause(row, [], clock(23), AT_NIGHT) == 0) is not waits


def test_the_evening_before_is_the_owner_s_too() -> None:
    row = ready(ends_at=clock(3, day=1), owner_zone="Europe/Berlin")  # where it is 04:00 then
    eve = clock(20) + 50 * MINUTE
    told = [notice(Reason.LIFETIME, clock(3, day=1), lead=2 * HOUR)]
    assert deadlines.due_notice(row, told, eve - 1, AT_NIGHT) is None
    assert deadlines.due_notice(row, told, eve, AT_NIGHT) == DueNotice(Reason.LIFETIME, clock(3, day=1), 900)


# --- lives -----------------------------------------------------------------------------------------------

_leads = st.lists(st.integers(60, 6 * HOUR), max_size=3).map(tuple)
_hours = st.times().map(lambda each: each.replace(microsecond=0, tzinfo=None))
_zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]).map(ZoneInfo)
_quiet = st.builds(QuietHours, _hours, _hours, _zones).filter(lambda each: each.start != each.end)
_policies = st.builds(
    WarningPolicy,
    leads=_leads,
    idle_leads=_leads,
    warning=st.floats(1, 1800),
    quiet=st.none() | _quiet,
)
_rows = st.builds(
    ready,
    owner_zone=st.sampled_from([None, "Asia/Kolkata", "America/St_Johns"]),
    status=st.sampled_from([Status.READY, Status.SHELVED]),
    ends_at=st.floats(NOON, NOON + 48 * HOUR),
    maximum_at=st.just(0.0) | st.floats(NOON, NOON + 48 * HOUR),
    idle_seconds=st.none() | st.integers(60, 12 * HOUR),
    budget=st.none() | st.floats(1, 40),
    price_per_hour=st.just(0.0) | st.floats(0.5, 4),
)


class Life:
    """A binder whose row is looked at again and again, until it ends."""

    def __init__(self, row: Binder, policy: WarningPolicy, now: float) -> None:
        self.row, self.policy, self.now = row, policy, now
        self.notices: list[Notice] = []
        self.ended: Deadline | None = None

    def look(self, slack_takes: float) -> None:
        """One round; Slack takes a notice `slack_takes` seconds after it is owed."""
        self.ended = deadlines.may_end(self.row, self.notices, self.now, self.policy)
        if self.ended:
            return
        found = deadlines.due_notice(self.row, self.notices, self.now, self.policy)
        if found:
            self.check(found)
            told = self.now + slack_takes
            self.notices.append(notice(found.reason, found.deadline, found.lead, told))

    def check(self, found: DueNotice) -> None:
        """No notice in quiet hours, and each once."""
        quiet = self.policy.for_owner_of(self.row).quiet
        assert not (quiet and quiet.contains(self.now))
        given_before = {(each.reason, each.deadline, each.lead_seconds) for each in self.notices}
        assert (found.reason, found.deadline, found.lead) not in given_before

    def was_warned(self) -> bool:
        """Whether somebody was told of what ended it, so long before."""
        assert self.ended
        leads = self.policy.idle_leads if self.ended.reason == Reason.IDLE else self.policy.leads
        told = [each.told_at for each in self.notices if each.reason == self.ended.reason and each.told_at]
        return not leads or any(at + self.policy.warning <= self.now for at in told)


@settings(max_examples=120, deadline=None)
@given(
    row=_rows,
    policy=_policies,
    naps=st.lists(st.floats(1, 36 * HOUR), max_size=6),
    slack_takes=st.floats(0.1, 1200),
)
def test_everybody_is_warned_before_the_end_which_comes(
    row: Binder, policy: WarningPolicy, naps: list[float], slack_takes: float
) -> None:
    life = Life(row, policy, NOON)
    naps = list(naps)
    for _ in range(2_000):
        life.look(slack_takes)
        if life.ended:
            break
        # Looks come late, or not for a day; else when something can change, or Slack was slow to take it.
        pause = deadlines.pause(row, life.notices, life.now, policy)
        life.now += naps.pop() if naps else max(pause, 1.0)
    assert life.ended, life.notices
    assert life.was_warned()
    assert life.now >= life.ended.at
    assert row.status != Status.SHELVED or life.ended.reason == Reason.LIFETIME


@settings(max_examples=120, deadline=None)
@given(row=_rows, policy=_policies, after=st.floats(0, 60 * HOUR), share=st.floats(0.01, 0.99))
def test_nothing_changes_within_a_pause(
    row: Binder, policy: WarningPolicy, after: float, share: float
) -> None:
    now = NOON + after
    pause = deadlines.pause(row, [], now, policy)
    if pause > 0:
        meanwhile = now + pause * share
        assert deadlines.due_notice(row, [], meanwhile, policy) is None
        assert deadlines.may_end(row, [], meanwhile, policy) is None
