"""One round: people at work in a storm, a calm in which all must come right, and the end of everything."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.soak.people import Somebody
from tests.chaos.soak.storm import Storm
from tests.chaos.soak.verdict import settle, unfinished, violations
from tests.chaos.soak.world import Violation, World, new_world
from tests.fakes.postgresql import Server

HANDLES = ("ada", "grace", "linus")


def run(
    folder: Path, database: Server, seed: int, seconds: float, tell: Callable[[str], None]
) -> Counter[str]:
    """Run one round.

    Args:
        folder: Where the replicas' logs are left.
        database: A server of PostgreSQL; a database of its own is made there.
        seed: Decides what people and the storm do, and in which order.
        seconds: How long the storm lasts, once it has hit in every way.
        tell: Hears a line of each thing that is done.

    Returns:
        How often was done what.

    Raises:
        Violation: Something is not as it has to be.
    """
    with new_world(folder, database) as world, ExitStack() as stack:
        people = [Somebody(world, handle, seed) for handle in HANDLES]
        for each in people:
            stack.callback(each.leave)
        storm = Storm(world, seed, tell)
        world.start("first")
        world.start("second")
        world.wait_until_connected()
        for each in people:
            each.start()
        storm.hit_in_every_way()
        storm.rage(seconds)
        for each in people:
            each.stop()
        _judge(world, people, "after the storm", tell)
        for each in people:
            each.tear_all_down()
        storm.rage(seconds / 10)
        _judge(world, people, "at the end", tell)
        if world.cloud.leavings():
            raise Violation(f"the cloud still holds {world.cloud.leavings()}")
        for replica in world.replicas:
            replica.terminate()
        return storm.blows + Counter(launches=len(world.binders()))


def _judge(world: World, people: list[Somebody], when: str, tell: Callable[[str], None]) -> None:
    began = time.monotonic()
    try:
        settle(world)
    except Violation as error:
        raise Violation(f"{when}, these do not settle: {unfinished(world)}") from error
    lives = [life for each in people for life in each.lives]
    if found := violations(world, lives):
        raise Violation(f"{when}: " + "; ".join(found))
    tell(f"{when}: {len(world.binders())} binders, all well after {time.monotonic() - began:.0f} s")
