"""In which order launches begin that wait for a place. Pure.

Each waits since a moment. Each binder that its person has, and each of theirs that waits before it, counts as
if it had come `TURN_SECONDS` later: so people take turns, and who has little goes before who has much.
Whoever comes new goes behind everybody who has waited longer than that, so nobody waits for ever while places
become free.

A launch that does not fit holds the places of the narrowest quota that is full for it: nothing smaller from
behind takes them. Others, for whom another quota counts, go on.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.policy.quotas import Amounts, Full, Limits, Scope, first_full, never_fits

TURN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A launch that waits.

    Attributes:
        id: The binder's.
        person: Who takes turns with others: a person, or a class.
        since: Unix seconds, UTC.
        needs: What it takes once it begins.
        limits: The quotas that hold for it, the narrowest first.
    """

    id: str
    person: str
    since: float
    needs: Amounts
    limits: Limits


@dataclass(frozen=True, slots=True)
class Place:
    """Where a launch stands.

    Attributes:
        id: The binder's.
        full: What it waits for.
        number: How many, itself included, wait for the same before it is its turn.
    """

    id: str
    full: Full
    number: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of the launches that wait.

    Attributes:
        begin: The ids of those that begin now, in their order.
        wait: The places of the others.
        hopeless: Those for which waiting helps nothing, each with what forbids it.
    """

    begin: tuple[str, ...] = ()
    wait: tuple[Place, ...] = ()
    hopeless: tuple[tuple[str, Full], ...] = ()


def plan(waiting: Sequence[Waiting], used: Mapping[Scope, Amounts], running: Mapping[str, int]) -> Plan:
    """Decide which launches begin.

    Args:
        waiting: All that wait.
        used: What those use that began.
        running: How many binders each person has that began.
    """
    taken = dict(used)
    held: Counter[Scope] = Counter()
    begin: list[str] = []
    wait: list[Place] = []
    hopeless: list[tuple[str, Full]] = []
    for each in in_order(waiting, running):
        if never := never_fits(each.needs, each.limits):
            hopeless.append((each.id, never))
        elif full := _held_or_full(each, taken, held):
            held[full.scope] += 1
            wait.append(Place(each.id, full, held[full.scope]))
        else:
            begin.append(each.id)
            for scope in each.limits:
                taken[scope] = taken.get(scope, Amounts()).plus(each.needs)
    return Plan(tuple(begin), tuple(wait), tuple(hopeless))


def _held_or_full(each: Waiting, taken: Mapping[Scope, Amounts], held: Counter[Scope]) -> Full | None:
    """The narrowest quota that is full, or whose places are held for somebody before."""
    for scope, most in each.limits.items():
        if full := first_full(each.needs, {scope: most}, taken):
            return full
        if held[scope]:
            what, limit = next(iter(most.items()))
            return Full(scope, what, taken.get(scope, Amounts()).of(what), limit)
    return None


def in_order(waiting: Sequence[Waiting], running: Mapping[str, int]) -> Iterator[Waiting]:
    """All that wait, in the order of their turns."""
    ahead: defaultdict[str, int] = defaultdict(int, running)
    turns: list[tuple[float, float, str, Waiting]] = []
    for each in sorted(waiting, key=lambda one: (one.since, one.id)):
        turns.append((each.since + TURN_SECONDS * ahead[each.person], each.since, each.id, each))
        ahead[each.person] += 1
    return (each for *_, each in sorted(turns, key=lambda turn: turn[:3]))
