"""A repository that needs a right, whoever dies: the instance gets it, fetches, and has it no longer."""

import pytest

from bot.access.rights import NoRights, Reader
from bot.errors import RepositoryUnreachable
from bot.provisioning.agent.git_right import INSTRUCTION, GitRight
from bot.provisioning.agent.sealing import unseal
from storage.vocabulary import Ending, Status
from tests.chaos.sim.lives import Make, killed_lives, to_gone
from tests.chaos.sim.world import SECRET, Tripwire, World


class GivenRights(NoRights):
    """Ada (`U1`) may read everything, as long as she may."""

    def __init__(self) -> None:
        self.may = True
        self.raises: list[Exception] = []

    def of(self, url: str, reader: Reader) -> GitRight:
        if self.raises:
            raise self.raises.pop(0)
        if not self.may or reader.user != "U1":
            raise self.refusal(url)
        return GitRight(url, "x-access-token", "ghs_s3cret")

    def require(self, url: str, reader: Reader) -> GitRight:
        return self.of(url, reader)


def private(wire: Tripwire) -> World:
    world = World(wire, rights=GivenRights())
    world.resolver.wants_right = True
    return world


def pooled(wire: Tripwire) -> World:
    world = World(wire, warm={"small": 1}, has_pool=True, rights=GivenRights())
    world.resolver.wants_right = True
    return world


def told(world: World) -> list[str]:
    """The texts with rights that are in the cloud."""
    machines = (each for twins in world.cloud.machines.values() for each in twins)
    return [each.told[INSTRUCTION] for each in machines if INSTRUCTION in each.told]


def to_settled(world: World) -> None:
    """From nothing to a ready server that has no right any more."""
    world.launch()
    world.run_to(Status.READY)
    world.run(lambda: world.binder().right_at is None)


@pytest.mark.parametrize("make", [private, pooled])
def test_killed_at_any_moment_it_is_fetched_and_no_right_is_left(make: Make) -> None:
    def to_ready(world: World) -> None:
        to_settled(world)
        assert told(world) == []

    for at, world in killed_lives((to_ready, to_gone), make):
        binder = world.binder()
        assert (binder.ending, binder.failure, binder.needs_right) == (Ending.STOPPED, None, True), at


def test_the_right_is_there_only_while_it_fetches_and_sealed() -> None:
    world = private(Tripwire())
    world.launch()
    world.run(lambda: bool(told(world)))
    (text,) = told(world)
    assert "ghs_s3cret" not in text
    assert "ghs_s3cret" in unseal(text, SECRET, INSTRUCTION)
    assert not world.cloud.serves("abcd1234")
    world.run_to(Status.READY)
    assert told(world) == []
    world.close()


def test_who_loses_their_right_before_the_fetch_gets_nothing() -> None:
    rights = GivenRights()
    world = World(rights=rights)
    world.resolver.wants_right = True
    world.launch()
    world.run_to(Status.BOOTING)
    rights.may = False
    world.run_to(Status.GONE)
    assert "that you can read" in (world.binder().failure or "")
    assert world.cloud.machines == {}
    world.close()


def test_a_host_in_trouble_only_delays_it() -> None:
    rights = GivenRights()
    world = World(rights=rights)
    world.resolver.wants_right = True
    world.launch()
    world.run_to(Status.REQUESTED)
    rights.raises += [RepositoryUnreachable("Later.")]
    world.run_to(Status.BOOTING)
    rights.raises += [RepositoryUnreachable("Later.")] * 3
    world.run_to(Status.READY)
    assert rights.raises == []
    world.close()
