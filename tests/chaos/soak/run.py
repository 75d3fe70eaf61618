"""One round: people at work in a storm, a calm in which all must come right, and the end of everything."""

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.soak.approvals import Admin, settings_of_approval
from tests.chaos.soak.people import MOST_KEPT, Somebody
from tests.chaos.soak.storm import Storm
from tests.chaos.soak.verdict import settle, unfinished, violations
from tests.chaos.soak.world import Violation, World, new_world
from tests.fakes.postgresql import Server

HANDLES = ("ada", "grace", "linus")
PLACES = MOST_KEPT * len(HANDLES) + 1
"""Where there is a quota: one more than people keep for good, so that many wait, and none for ever."""


def run(
    folder: Path,
    database: Server,
    seed: int,
    seconds: float,
    tell: Callable[[str], None],
    *,
    keeps_images: bool,
) -> Counter[str]:
    """Run one round.

    Args:
        folder: Where the replicas' logs are left.
        database: A server of PostgreSQL; a database of its own is made there.
        seed: Decides what people and the storm do, and in which order.
        seconds: How long the storm lasts, once it has hit in every way.
        tell: Hears a line of each thing that is done.
        keeps_images: Whether there is an image store, which needs Debian's package `docker-registry`.

    Returns:
        How often was done what.

    Raises:
        Violation: Something is not as it has to be.
    """
    with new_world(folder, database, keeps_images=keeps_images, seed=seed) as world, ExitStack() as stack:
        people = [Somebody(world, handle, seed) for handle in HANDLES]
        for each in people:
            stack.callback(each.leave)
        storm = Storm(world, seed, tell)
        waiting = random.Random(f"{seed} pool").randint(0, 2)
        tell(f"{waiting} instances wait for launches")
        world.places = random.Random(f"{seed} places").choice([None, PLACES])
        quotas = f"site=binders:{world.places}" if world.places else ""
        tell(f"there are {world.places or 'any number of'} places")
        world.asks_for_approval = True
        admin = Admin(world, seed)
        approval = settings_of_approval(world)
        for name in ("first", "second"):
            world.start(name, warm_pool=f"m3.small:{waiting}", quotas=quotas, **approval)
        world.wait_until_connected()
        for each in people:
            each.start()
        admin.start()
        stack.callback(admin.stop)
        storm.hit_in_every_way()
        storm.rage(seconds)
        for each in people:
            each.stop()
        _judge(world, people, "after the storm", tell)
        for each in people:
            each.tear_all_down()
        storm.rage(seconds / 10)
        _judge(world, people, "at the end", tell)
        for replica in world.replicas:
            replica.terminate()
        world.start("without a pool")
        world.wait_until_connected()  # before, a signal only ends Python
        world.wait(lambda: not world.cloud.leavings(), 60, "nothing is left in the cloud")
        world.replicas[-1].terminate()
        proven = [each for each in world.cloud.images if each.get("binder-bot-state") == "proven"]
        counts = {
            "launches": len(world.launched()),
            "decisions": len([each for each in world.approvals() if each.decided_by]),
            "orders": len(world.cloud.orders),
            "images": len(proven),
        }
        agents = world.cloud.agents
        return storm.blows + Counter(counts) + (agents.counts if agents else Counter())


def _judge(world: World, people: list[Somebody], when: str, tell: Callable[[str], None]) -> None:
    began = time.monotonic()
    world.count_places()
    try:
        settle(world)
    except Violation as error:
        raise Violation(f"{when}, these do not settle: {unfinished(world)}") from error
    lives = [life for each in people for life in each.lives]
    if found := violations(world, lives):
        raise Violation(f"{when}: " + "; ".join(found))
    tell(f"{when}: {len(world.launched())} binders, all well after {time.monotonic() - began:.0f} s")
