"""An idle binder ends after a warning; one that is used, or does not answer, goes on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.binders.deadlines import WarningPolicy
from storage.vocabulary import Activity, Ending, Outcome, Reason, Status, Target
from tests.chaos.sim.world import TIMEOUTS, World

HOUR = 3600.0
WARNING = 300.0
POLICY = WarningPolicy(leads=(7200, 900), idle_leads=(900,), warning=WARNING)
Opened = Callable[..., World]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Opens a world with one ready binder in it."""
    worlds: list[World] = []

    def open_world(*, shelves_idle: bool = False, **row: Any) -> World:
        timeouts = replace(TIMEOUTS, policy=POLICY, look=120, shelves_idle=shelves_idle, ready_poll=60)
        world = World(timeouts=timeouts)
        worlds.append(world)
        world.launch(**row)
        world.run_to(Status.READY)
        return world

    yield open_world
    for world in worlds:
        world.close()


def pass_time(world: World, seconds: float, *, told: bool = True, step: float = 300) -> None:
    """Let time pass, so many seconds at a time."""
    end = world.clock[0] + seconds
    while world.clock[0] < end and world.binder().status != Status.GONE:
        world.clock[0] += step
        world.reconciler.tick()
        if told:
            world.tell()


def test_an_idle_binder_is_warned_once_and_ends(opened: Opened) -> None:
    world = opened(idle_seconds=7200)
    pass_time(world, 3 * HOUR)
    binder = world.binder()
    assert (binder.ending, binder.ended_for) == (Ending.EXPIRED, Reason.IDLE)
    (notice,) = world.tell()
    assert (notice.reason, notice.lead_seconds, notice.outcome) == (Reason.IDLE, 900, Outcome.OVER)
    assert notice.told_at is not None
    assert binder.ended_at is not None
    assert binder.ended_at - notice.told_at >= WARNING


def test_use_after_the_notice_withdraws_it(opened: Opened) -> None:
    world = opened(idle_seconds=7200)
    pass_time(world, 1.9 * HOUR)
    assert [each.outcome for each in world.tell()] == [None]
    world.cloud.used_at = world.clock[0]
    pass_time(world, 600)
    assert [each.outcome for each in world.tell()] == [Outcome.WITHDRAWN]
    pass_time(world, HOUR)
    assert world.binder().status == Status.READY


def test_a_long_computation_without_output_is_use(opened: Opened) -> None:
    world = opened(idle_seconds=7200)
    world.cloud.busy = True
    pass_time(world, 5 * HOUR)
    assert (world.binder().status, world.binder().activity) == (Status.READY, Activity.BUSY)
    assert world.tell() == []


def test_a_server_that_does_not_answer_is_not_idle(opened: Opened) -> None:
    world = opened(idle_seconds=7200)
    world.cloud.used_at = None
    pass_time(world, 6 * HOUR)
    assert (world.binder().status, world.binder().activity) == (Status.READY, Activity.UNKNOWN)


def test_a_binder_whose_owner_could_not_be_warned_does_not_end(opened: Opened) -> None:
    world = opened(idle_seconds=7200)
    pass_time(world, 6 * HOUR, told=False)
    assert world.binder().status == Status.READY
    world.tell()
    pass_time(world, WARNING + 700)
    assert world.binder().target == Target.GONE


def test_after_a_day_of_downtime_it_is_warned_first(opened: Opened) -> None:
    world = opened()
    world.clock[0] += 50 * HOUR
    pass_time(world, 180, told=False, step=60)
    assert world.binder().status == Status.READY
    (notice,) = world.tell()
    pass_time(world, WARNING - 120, step=60)
    assert world.binder().target == Target.READY
    pass_time(world, 900)
    assert world.binder().ended_for == Reason.LIFETIME
    assert [each.id for each in world.tell()] == [notice.id]


def test_each_lead_of_a_lifetime_has_its_notice(opened: Opened) -> None:
    world = opened()
    pass_time(world, 25 * HOUR)
    assert [each.lead_seconds for each in world.tell()] == [7200, 900]
    assert world.binder().status == Status.GONE


def test_an_idle_binder_is_shelved_if_the_site_says_so(opened: Opened) -> None:
    world = opened(idle_seconds=7200, shelves_idle=True)
    pass_time(world, 2.3 * HOUR)
    assert (world.binder().status, world.binder().ending) == (Status.SHELVED, None)
    assert [each.outcome for each in world.tell()] == [Outcome.OVER]


def test_changes_are_saved_before_it_ends_by_itself(opened: Opened) -> None:
    world = opened(idle_seconds=7200)
    with world.store.write() as session:
        session.get(type(world.binder()), "abcd1234").changed_files = 3  # type: ignore[union-attr]
    pass_time(world, 2.1 * HOUR)
    assert "archive:abcd1234" in world.said()
    assert world.binder().status == Status.READY  # teardown waits for it
    pass_time(world, HOUR)
    assert world.binder().status == Status.GONE  # but not for ever
