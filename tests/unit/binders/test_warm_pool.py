"""How many instances should wait, which of them end, and how many are made: without a database."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.binders.warm_pool import (
    MOST_ON_THE_WAY,
    PoolState,
    WarmPolicy,
    lacking,
    may_make,
    superfluous,
    wanted,
)
from bot.times.calendar import weekly_hours
from storage.models import Binder
from storage.vocabulary import Status, Target
from storage.warm import WarmFailures
from storage.warm_models import WarmRequest
from tests.unit.binders.rows import NOW, binder

SIZES = ("small", "large")


def warm(number: int, size: str = "small", status: Status = Status.WAITING, **values: Any) -> Binder:
    return binder(id=f"w{number}", is_warm=True, size=size, status=status, created_at=NOW + number, **values)


def without_room(size: str = "small", **values: Any) -> Binder:
    return binder(size=size, waiting_for="No room.", **values)


def asked(size: str, left: int) -> WarmRequest:
    return WarmRequest(size=size, left=left, until_at=NOW + 60, created_at=NOW)


def test_what_was_asked_for_comes_on_top_also_outside_of_the_hours() -> None:
    policy = WarmPolicy({"small": 2}, weekly_hours("mon-fri 8-18"), UTC)
    monday_noon, sunday = (datetime(2026, 12, day, 12, tzinfo=UTC).timestamp() for day in (7, 6))
    assert wanted(policy, [asked("small", 3)], monday_noon) == {"small": 5}
    assert wanted(policy, [asked("small", 3)], sunday) == {"small": 3}
    assert wanted(WarmPolicy({"small": 2}), [], sunday) == {"small": 2}


def test_the_oldest_that_are_too_many_end() -> None:
    rows = [warm(1), warm(2, "large"), warm(3), warm(4, status=Status.BOOTING)]
    assert superfluous(WarmPolicy({"small": 2, "large": 1}), PoolState(NOW, rows)) == ["w1"]
    assert superfluous(WarmPolicy({"small": 1}), PoolState(NOW, rows)) == ["w1", "w2", "w3"]


@pytest.mark.parametrize(
    ("people", "ends"),
    [
        ([], []),
        ([without_room("large")], ["w1"]),
        ([without_room("large"), without_room("large")], ["w1", "w2"]),
        ([without_room("small")], []),  # it takes one that waits
        ([without_room("small", warm_failed=True)], ["w1"]),
    ],
)
def test_the_oldest_end_where_people_find_no_room(people: list[Binder], ends: list[str]) -> None:
    state = PoolState(NOW, [warm(1), warm(2)], people=people)
    assert superfluous(WarmPolicy({"small": 2}), state) == ends
    assert bool(lacking(WarmPolicy({"small": 9}), state)) is not bool(people)


def test_while_the_bot_is_drained_the_pool_runs_empty() -> None:
    state = PoolState(NOW, [warm(1), warm(2, "large")], [asked("small", 3)], is_drained=True)
    policy = WarmPolicy({"small": 2, "large": 1})
    assert superfluous(policy, state) == ["w1", "w2"]
    assert lacking(policy, state) == []


def test_one_that_ends_already_is_room_to_come() -> None:
    rows = [warm(1, target=Target.GONE), warm(2)]
    state = PoolState(NOW, rows, people=[without_room("large")])
    assert superfluous(WarmPolicy({"small": 2}), state) == []


def test_those_whose_agent_is_of_another_version_end_and_are_made_anew() -> None:
    state = PoolState(NOW, [warm(1), warm(2), warm(9)], agent_since=NOW + 2)
    assert superfluous(WarmPolicy({"small": 2}), state) == ["w1"]
    assert superfluous(WarmPolicy({"small": 3}), state) == ["w1"]


def test_few_are_made_at_once() -> None:
    policy = WarmPolicy({"small": 30})
    assert lacking(policy, PoolState(NOW, [])) == [("small", MOST_ON_THE_WAY)]
    rows = [warm(number, status=Status.CREATING) for number in range(MOST_ON_THE_WAY - 1)]
    assert lacking(policy, PoolState(NOW, rows)) == [("small", 1)]
    assert lacking(policy, PoolState(NOW, [*rows, warm(9, "large", Status.BOOTING)])) == []


@pytest.mark.parametrize(("count", "seconds", "tries"), [(1, 5, False), (1, 13, True), (9, 361, True)])
def test_a_size_that_failed_is_tried_again_later(count: int, seconds: float, *, tries: bool) -> None:
    state = PoolState(NOW, [], failures={"small": WarmFailures(count, NOW - seconds)})
    assert bool(lacking(WarmPolicy({"small": 1}), state)) is tries
    assert lacking(WarmPolicy({"large": 1}), state) == [("large", 1)]


@pytest.mark.parametrize(
    ("free", "unmade", "made"),
    [(None, 9, 3), (9, 0, 3), (4, 0, 3), (3, 0, 2), (3, 1, 1), (1, 0, 0), (0, 5, 0)],
)
def test_room_is_left_for_people(free: int | None, unmade: int, made: int) -> None:
    assert may_make(WarmPolicy(), PoolState(NOW, [], unmade=unmade), 3, free) == made


rows = st.lists(
    st.builds(
        warm,
        st.integers(0, 99),
        st.sampled_from(SIZES),
        st.sampled_from([Status.REQUESTED, Status.CREATING, Status.BOOTING, Status.WAITING]),
        target=st.sampled_from([Target.READY, Target.GONE]),
    ),
    max_size=12,
    unique_by=lambda each: each.id,
).map(lambda found: sorted(found, key=lambda each: each.created_at))
people = st.lists(st.builds(without_room, st.sampled_from(SIZES), warm_failed=st.booleans()), max_size=4)
policies = st.builds(WarmPolicy, st.fixed_dictionaries(dict.fromkeys(SIZES, st.integers(0, 8))))


@given(policies, rows, people)
def test_the_pool_never_ends_one_and_makes_another(
    policy: WarmPolicy, found: list[Binder], waiting: list[Binder]
) -> None:
    state = PoolState(NOW, found, people=waiting)
    ends = superfluous(policy, state)
    assert len(ends) == len(set(ends))
    live = {each.id: each.size for each in state.live}
    assert set(ends) <= set(live)
    more = dict(lacking(policy, state))
    if waiting:
        assert not more
    else:
        for size in SIZES:
            kept = sum(each == size for each in live.values()) - sum(live[each] == size for each in ends)
            assert kept + more.get(size, 0) <= policy.sizes[size]
            assert not (more.get(size) and any(live[each] == size for each in ends))


@given(policies, rows)
def test_without_people_in_need_only_what_is_too_much_ends(policy: WarmPolicy, found: list[Binder]) -> None:
    state = PoolState(NOW, found)
    for size in SIZES:
        live = [each.id for each in state.live if each.size == size]
        too_many = max(len(live) - policy.sizes[size], 0)
        assert [each for each in superfluous(policy, state) if each in live] == live[:too_many]
