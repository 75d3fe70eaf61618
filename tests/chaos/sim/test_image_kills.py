"""Killed at each effect of the keeper in turn, an image still gets into the registry, and out of it again."""

import pytest
from sqlalchemy import select

from bot.provisioning.instances import Phase, Report, ReportedImage
from storage.models import BuiltImage
from storage.vocabulary import Ending, ImageState
from tests.chaos.sim.lives import killed_lives, moments_of, to_gone, to_ready
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


def reported(wire: Tripwire) -> World:
    """A world whose instances say what their image is."""
    world = World(wire)
    world.cloud.reports = REPORTS
    return world


LIFE = (to_ready, keep, to_gone, let_go)


def test_killed_at_any_moment_an_image_is_kept_and_goes() -> None:
    _, keeping, _, going = moments_of(LIFE, reported)
    assert keeping + going > 10
    for at, world in killed_lives(LIFE, reported):
        assert (world.registry.manifests, world.registry.tags) == ({}, {}), at
        binder = world.binder()
        assert (binder.ending, binder.failure) == (Ending.STOPPED, None), at
        assert "alert" not in " ".join(world.said()), at
        assert len([each for each in world.said() if each.startswith("image:")]) == 0, at


@pytest.mark.parametrize("fault", ["is_down", "refuses"])
def test_a_registry_that_does_not_answer_keeps_nobody_waiting(fault: str) -> None:
    world = reported(Tripwire())
    setattr(world.registry, fault, True)
    to_ready(world)
    assert world.registry.asked == 0
    for _ in range(100):
        world.keeper.tick()
        world.clock[0] += 15.0
    assert world.registry.asked <= 1500 / 60 + 1
    to_gone(world)
    world.close()
