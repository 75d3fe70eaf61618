"""The queue: no quota is exceeded, people take turns, and nobody waits for ever. By property."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bot.policy.queue import TURN_SECONDS, Plan, Waiting, in_order, plan
from bot.policy.quotas import Amounts, Limits, Scope, ScopeKind, What, first_full

SITE = Scope(ScopeKind.SITE)
SITE_VCPUS, PERSON_BINDERS = 8.0, 2.0


def limits(person: str) -> Limits:
    return {
        Scope(ScopeKind.PERSON, person): {What.BINDERS: PERSON_BINDERS},
        SITE: {What.VCPUS: SITE_VCPUS},
    }


def launch(number: int, person: str = "ada", since: float = 0.0, vcpus: float = 1) -> Waiting:
    needs = Amounts({What.BINDERS: 1, What.VCPUS: vcpus})
    return Waiting(f"b{number:03}", person, since, needs, limits(person))


def decide(waiting: list[Waiting], running: list[Waiting]) -> Plan:
    used: dict[Scope, Amounts] = {}
    for each in running:
        for scope in each.limits:
            used[scope] = used.get(scope, Amounts()).plus(each.needs)
    return plan(waiting, used, Counter(each.person for each in running))


launches = st.lists(
    st.tuples(st.sampled_from("abcd"), st.floats(0, 3 * TURN_SECONDS), st.sampled_from([1, 2, 4, 8, 9])),
    max_size=12,
).map(lambda rows: [launch(number, *row) for number, row in enumerate(rows)])


@given(launches, st.integers(0, 6))
def test_no_quota_is_exceeded_and_everybody_is_told_something(all_of: list[Waiting], begun: int) -> None:
    running = [each for each in all_of[:begun] if each.needs.of(What.VCPUS) == 1]
    waiting = [each for each in all_of if each not in running]
    decided = decide(waiting, running)
    there = {each.id: each for each in waiting}
    after = [*running, *(there[each] for each in decided.begin)]
    if decided.begin:
        assert sum(each.needs.of(What.VCPUS) for each in after) <= SITE_VCPUS
    begun_by = Counter(there[each].person for each in decided.begin)
    running_by = Counter(each.person for each in running)
    assert all(running_by[each] + count <= PERSON_BINDERS for each, count in begun_by.items())
    told = [*decided.begin, *(each.id for each in decided.wait), *(each for each, _ in decided.hopeless)]
    assert sorted(told) == sorted(there)
    assert {each for each, _ in decided.hopeless} == {
        each.id for each in waiting if each.needs.of(What.VCPUS) > SITE_VCPUS
    }


@given(launches)
def test_the_places_count_up_for_each_quota(waiting: list[Waiting]) -> None:
    decided = decide(waiting, [])
    for scope in {each.full.scope for each in decided.wait}:
        numbers = [each.number for each in decided.wait if each.full.scope == scope]
        assert numbers == list(range(1, len(numbers) + 1))


@given(launches)
def test_the_first_in_order_begins_where_it_fits(waiting: list[Waiting]) -> None:
    possible = [each for each in waiting if each.needs.of(What.VCPUS) <= SITE_VCPUS]
    decided = decide(possible, [])
    first = next(in_order(possible, {}), None)
    assert first is None or (first.id in decided.begin) == (first_full(first.needs, first.limits, {}) is None)


@given(st.data())
def test_nobody_waits_for_ever_however_many_come(data: st.DataObject) -> None:
    """A large launch waits while small ones keep coming, each of somebody new, and running ones end."""
    large = launch(999, "large", vcpus=8)
    running = [launch(number, f"old{number}") for number in range(8)]
    waiting, number = [large], 1000
    for turn in range(100):
        now = turn * TURN_SECONDS / 4
        for _ in range(data.draw(st.integers(0, 3))):
            number += 1
            waiting.append(launch(number, f"new{number}", now))
        if running:
            running.pop(data.draw(st.integers(0, len(running) - 1)))
        decided = decide(waiting, running)
        there = {each.id: each for each in waiting}
        running += [there[each] for each in decided.begin]
        waiting = [each for each in waiting if each.id not in decided.begin]
        if large not in waiting:
            return
    raise AssertionError("the large launch still waits")


def test_people_take_turns_whoever_asked_for_much_first() -> None:
    greedy = [launch(number, "greedy", since=number) for number in range(4)]
    modest = [launch(10, "modest", since=60), launch(11, "other", since=61)]
    order = [each.id for each in in_order([*greedy, *modest], {})]
    assert order == ["b000", "b010", "b011", "b001", "b002", "b003"]


def test_who_has_binders_already_comes_after_who_has_none() -> None:
    both = [launch(1, "has", since=0), launch(2, "new", since=60)]
    assert [each.id for each in in_order(both, {"has": 1})] == ["b002", "b001"]
    assert [each.id for each in in_order([both[0], launch(2, "new", since=601)], {"has": 1})] == [
        "b001",
        "b002",
    ]


def test_a_large_launch_keeps_its_place_and_holds_up_nobody_whose_quota_is_another() -> None:
    running = [launch(number, f"p{number}", vcpus=4) for number in range(1)]
    waiting = [launch(10, "large", since=0, vcpus=8), launch(11, "small", since=1)]
    decided = decide(waiting, running)
    assert decided.begin == ()
    assert [(each.id, each.number) for each in decided.wait] == [("b010", 1), ("b011", 2)]
    full = [launch(20, "full", since=0), launch(21, "full", since=0)]
    decided = decide([launch(22, "full", since=0), launch(23, "other", since=9)], full)
    assert decided.begin == ("b023",)
    assert [(each.id, each.full.what) for each in decided.wait] == [("b022", What.BINDERS)]
