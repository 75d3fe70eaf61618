"""Killed at each effect of the keeper in turn, an image still gets into the registry, and out of it again."""

import pytest
from sqlalchemy import select

from bot.provisioning.base import Phase, Report, ReportedImage
from storage.models import BuiltImage, Ending, ImageState, Status
from tests.chaos.sim.world import DAY, SECRET, Tripwire, World
from tests.fakes.registry import orders, sha256

KEY = "a1" * 20
IMAGE = ReportedImage(KEY, sha256("image"))
REPORTS = (Report(Phase.BUILDING, 0.5, image=IMAGE), Report(Phase.SERVING, 1.0, image=IMAGE))


def rows(world: World) -> list[BuiltImage]:
    with world.store.read() as session:
        return list(session.scalars(select(BuiltImage)))


def keep(world: World) -> None:
    """Let the keeper work until the image is kept; the instance pushes when it is told to."""
    for _ in range(400):
        world.survive(world.keeper.tick)
        for order in orders(world.cloud, SECRET):
            world.registry.push(order["repository"], order["tag"], IMAGE.id)
        if [each.state for each in rows(world)] == [ImageState.KEPT]:
            return
        world.clock[0] += 5.0
    raise AssertionError(f"it was never kept: {rows(world)}")


def let_go(world: World) -> None:
    """Let the keeper work until the image is gone."""
    world.clock[0] += 31 * DAY
    for _ in range(400):
        world.survive(world.keeper.retain)
        world.survive(world.keeper.tick)
        if not rows(world):
            return
        world.clock[0] += 60.0
    raise AssertionError(f"it never went: {rows(world)}")


def whole_life(world: World) -> None:
    world.cloud.reports = REPORTS
    world.launch()
    world.run_to(Status.READY)
    keep(world)
    world.stop()
    world.run_to(Status.GONE)
    let_go(world)


def number_of_effects() -> tuple[int, int]:
    """When the keeper begins, and when everything has ended."""
    world = World()
    world.cloud.reports = REPORTS
    world.launch()
    world.run_to(Status.READY)
    begun = world.wire.count
    world.close()
    world = World()
    whole_life(world)
    world.close()
    return begun, world.wire.count


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_effect_an_image_is_kept_and_goes(*, after: bool) -> None:
    begun, effects = number_of_effects()
    assert effects - begun > 20
    for at in range(begun, effects + 1):
        world = World(wire=Tripwire(at=at, after=after))
        whole_life(world)
        assert world.lives == 2, at
        assert (world.registry.manifests, world.registry.tags) == ({}, {}), at
        binder = world.binder()
        assert (binder.ending, binder.failure) == (Ending.STOPPED, None), at
        assert "alert" not in " ".join(world.said()), at
        assert len([each for each in world.said() if each.startswith("image:")]) == 0, at
        world.close()


@pytest.mark.parametrize("fault", ["is_down", "refuses"])
def test_a_registry_that_does_not_answer_keeps_nobody_waiting(fault: str) -> None:
    world = World()
    setattr(world.registry, fault, True)
    world.cloud.reports = REPORTS
    world.launch()
    world.run_to(Status.READY)
    assert world.registry.asked == 0
    for _ in range(100):
        world.keeper.tick()
        world.clock[0] += 15.0
    assert world.registry.asked <= 1500 / 60 + 1
    world.stop()
    world.run_to(Status.GONE)
    world.close()
