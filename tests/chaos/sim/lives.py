"""Whole lives of a binder in which the process is killed at every moment, one after the other.

A life has several legs. At the end of each, nothing is under way, so what a kill in one leg leaves has no
part in the next: one life shows a kill in each of its legs.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count

from storage.vocabulary import Status
from tests.chaos.sim.world import Tripwire, World

Leg = Callable[[World], None]
Make = Callable[[Tripwire], World]


def to_ready(world: World) -> None:
    """From nothing to a server that is ready."""
    world.launch()
    world.run_to(Status.READY)


def to_gone(world: World) -> None:
    """From there to nothing."""
    world.stop()
    world.run_to(Status.GONE)


def moments_of(legs: Sequence[Leg], make: Make = World) -> list[int]:
    """How many moments each leg has at which a kill leaves something else; see `Tripwire`."""
    world, counts = make(Tripwire()), []
    for leg in legs:
        world.wire.arm()
        leg(world)
        counts.append(world.wire.count)
    world.close()
    return counts


def killed_lives(legs: Sequence[Leg], make: Make = World) -> Iterator[tuple[int, World]]:
    """Live as often as it takes to be killed at each moment of each leg.

    Yields:
        The moment of each leg at which it was killed, and the world at the end of that life.
    """
    moments, kills = moments_of(legs, make), 0
    for at in count(1):
        world = make(Tripwire())
        for leg in legs:
            world.wire.arm(at)
            leg(world)
        kills += world.lives - 1
        if world.lives > 1:
            yield at, world
        world.close()
        if world.lives == 1:  # no leg has so many moments
            break
    assert kills >= sum(moments), "a moment was left out"
