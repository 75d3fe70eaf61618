"""One row's secret cannot be opened: that binder alone is held up, it is not ended for that, and can end."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import update

from bot.binders.deadlines import WarningPolicy
from storage.models import Binder
from storage.vocabulary import Ending, Status
from tests.chaos.sim.world import TIMEOUTS, World

UNKNOWN_KEY = "sealed:1:00000000:" + 60 * "A"
POLICY = WarningPolicy(leads=(900,), idle_leads=(900,), warning=300.0)


@pytest.fixture
def world() -> Iterator[World]:
    world = World(timeouts=replace(TIMEOUTS, policy=POLICY, look=120, ready_poll=60))
    yield world
    world.close()


def spoil(world: World, binder_id: str) -> None:
    values = {"stored_token": UNKNOWN_KEY, "stored_secret": UNKNOWN_KEY}
    with world.store.write() as session:
        session.execute(update(Binder).where(Binder.id == binder_id).values(**values))


def test_a_launch_whose_secret_is_lost_fails_alone_and_says_why(world: World) -> None:
    world.launch("spoiled")
    spoil(world, "spoiled")
    world.launch("fine")
    world.run_to(Status.READY, "fine")
    world.run_to(Status.GONE, "spoiled")
    spoiled = world.binder("spoiled")
    assert spoiled.ending == Ending.FAILED
    assert "lacks the key" in (spoiled.failure or "")
    assert world.binder("fine").status == Status.READY
    assert list(world.cloud.survey().instances) == ["fine"]


def test_a_ready_binder_is_not_ended_because_its_secret_is_lost(world: World) -> None:
    world.launch("spoiled", idle_seconds=3600)
    world.run_to(Status.READY, "spoiled")
    spoil(world, "spoiled")
    for _ in range(40):  # ten hours: it would be idle long ago
        world.clock[0] += 900
        world.reconciler.tick()
        world.tell()
    assert world.binder("spoiled").status == Status.READY
    world.stop("spoiled")
    world.run_to(Status.GONE, "spoiled")
    assert list(world.cloud.survey().instances) == []


def test_its_lifetime_ends_it_after_a_warning(world: World) -> None:
    world.launch("spoiled")
    world.run_to(Status.READY, "spoiled")
    spoil(world, "spoiled")
    for _ in range(2 * 24):
        world.clock[0] += 1800 / 2
        world.reconciler.tick()
        world.tell()
    while world.binder("spoiled").status != Status.GONE:
        assert world.clock[0] < world.binder("spoiled").ends_at + 3600
        world.clock[0] += 60
        world.reconciler.tick()
        world.tell()
    assert world.binder("spoiled").ending == Ending.EXPIRED
