"""The warm pool, from its first instance to the last: whoever dies, and whatever the cloud does."""

from collections.abc import Iterator

import pytest

from bot.binders.warm_pool import WarmPolicy, WarmPool
from bot.errors import QuotaExceeded
from bot.provisioning.instances import InstanceState, Phase, Report
from storage import warm
from storage.models import Binder
from storage.vocabulary import Ending, Status, Target
from tests.chaos.sim.lives import killed_lives, moments_of, to_gone, to_ready
from tests.chaos.sim.world import Tripwire, World


def pooled(wire: Tripwire) -> World:
    return World(wire, warm={"small": 1}, has_pool=True)


@pytest.fixture
def world() -> Iterator[World]:
    world = pooled(Tripwire())
    yield world
    world.close()


def fill(world: World, count: int = 1) -> None:
    world.run(lambda: len(world.waiting()) == count)


def empty(world: World) -> None:
    world.warm.clear()
    world.run(lambda: not world.warm_rows())


def ordered_ids(world: World) -> list[str]:
    return [binder_id for _, binder_id in world.cloud.orders]


def test_a_launch_takes_the_instance_that_waits_and_the_pool_makes_another(world: World) -> None:
    fill(world)
    (instance,) = world.waiting()
    world.launch()
    world.run_to(Status.READY)

    binder = world.binder()
    assert binder.instance_id == instance.id
    assert binder.server_url == instance.server_url
    assert binder.token not in {"secret", instance.secret}
    assert ordered_ids(world) == [binder.id]
    fill(world)
    assert [each.id for each in world.waiting()] != [instance.id]


def test_nobody_is_told_of_an_instance_that_waits(world: World) -> None:
    fill(world)
    empty(world)
    assert world.said() == []
    assert world.cloud.machines == {}


def test_a_taken_instance_goes_with_its_binder(world: World) -> None:
    fill(world)
    world.launch()
    world.run_to(Status.READY)
    world.stop()
    world.run_to(Status.GONE)
    empty(world)
    assert world.cloud.machines == {}
    assert world.said() == ["card:abcd1234", "ready:abcd1234", "links:abcd1234", "gone:abcd1234"]


def test_the_sweep_leaves_a_taken_instance_alone(world: World) -> None:
    fill(world)
    world.launch()
    world.run_to(Status.READY)
    for _ in range(3):
        world.reconciler.sweep()
        world.clock[0] += 60
    assert world.binder().instance_id in world.cloud.machines


def taken(world: World) -> None:
    """A launch takes the instance, and the pool makes another."""
    to_ready(world)
    fill(world)


LIFE = (fill, taken, to_gone, empty)


def test_killed_at_any_moment_no_order_is_given_twice_and_nothing_is_left() -> None:
    assert sum(moments_of(LIFE, pooled)) > 60
    for at, world in killed_lives(LIFE, pooled):
        assert world.cloud.machines == {}, at
        assert len({ref for ref, _ in world.cloud.orders}) <= 1, at
        assert set(ordered_ids(world)) <= {"abcd1234"}, at
        binder = world.binder()
        assert (binder.ending, binder.ended_by, binder.failure) == (Ending.STOPPED, "U1", None), at
        ends = ["card:abcd1234", "ready:abcd1234", "links:abcd1234", "gone:abcd1234"]
        assert world.said() == ends, at


# What the pool must never do to a launch -----------------------------------------------------------------


def served_without_the_pool(world: World) -> Binder:
    world.run_to(Status.READY)
    binder = world.binder()
    assert (binder.instance_id, binder.warm_failed, binder.replaced) == (None, True, 0)
    assert world.cloud.machines.get("abcd1234")
    return binder


def test_an_instance_that_never_finds_its_order_is_replaced_by_one_made_for_the_launch(world: World) -> None:
    world.cloud.deaf = 1
    fill(world)
    (instance,) = world.waiting()
    world.launch()
    served_without_the_pool(world)
    assert instance.id not in world.cloud.machines


def test_an_instance_that_died_while_it_waited_does_not_fail_the_launch(world: World) -> None:
    fill(world)
    (instance,) = world.waiting()
    world.cloud.machines.pop(instance.id)
    world.launch()
    served_without_the_pool(world)


def test_an_instance_that_breaks_with_its_order_does_not_fail_the_launch(world: World) -> None:
    fill(world)
    usual, world.cloud.reports = world.cloud.reports, (Report(Phase.FAILED, reason="x", code="no-egress"),)
    world.launch()
    world.run(lambda: world.binder().warm_failed)
    world.cloud.reports = usual
    served_without_the_pool(world)


def test_a_repository_that_cannot_be_built_fails_on_a_warm_instance_as_on_any(world: World) -> None:
    world.cloud.reports = (Report(Phase.FAILED, reason="No such package.", code="build-failed"),)
    fill(world)
    world.launch()
    world.run_to(Status.GONE)
    assert (world.binder().ending, world.binder().failure) == (Ending.FAILED, "No such package.")
    assert len(world.cloud.orders) == 1


def test_a_person_who_stops_right_after_the_taking_leaves_nothing(world: World) -> None:
    fill(world)
    world.launch()
    world.run(lambda: world.binder().instance_id is not None)
    world.warm.clear()
    world.stop()
    world.run_to(Status.GONE)
    empty(world)
    assert world.cloud.machines == {}


def test_the_pool_makes_room_for_people_the_oldest_first(world: World) -> None:
    world.warm["small"] = 3
    fill(world, 3)
    oldest, second, _ = world.waiting()
    world.cloud.refuses = [QuotaExceeded("No room.")] * 4
    world.launch(size="small", warm_failed=True)
    world.launch("efgh5678", size="small", warm_failed=True)
    world.run(lambda: world.binder().status == world.binder("efgh5678").status == Status.READY)
    left = {each.id for each in world.warm_rows()}
    assert not left & {oldest.id, second.id}


def test_the_pool_leaves_room_for_people(world: World) -> None:
    world.warm["small"], world.cloud.free = 3, 2
    for _ in range(20):
        world.pool.tick()
        world.clock[0] += 5
    assert len(world.warm_rows()) == 1


def test_a_pool_that_fails_becomes_slower(world: World) -> None:
    world.cloud.refuses = [QuotaExceeded("No room.")] * 100
    begin = len(world.cloud.refuses)
    for _ in range(600):
        world.pool.tick()
        world.reconciler.tick()
        world.clock[0] += 1
    assert 3 <= begin - len(world.cloud.refuses) <= 8


def test_instances_that_wait_cost_no_call_each(world: World) -> None:
    world.warm["small"] = 8
    fill(world, 8)
    asked, surveys = world.cloud.asked_for_room, world.cloud.surveys
    reports = {each.id: world.cloud.machines[each.id][0].looks for each in world.waiting()}
    for _ in range(60):
        world.pool.tick()
        world.reconciler.tick()
        world.clock[0] += 1
    assert world.cloud.asked_for_room == asked
    assert world.cloud.surveys - surveys <= 4
    assert reports == {each.id: world.cloud.machines[each.id][0].looks for each in world.waiting()}


def test_an_instance_that_is_old_or_broken_is_replaced(world: World) -> None:
    fill(world)
    (first,) = world.waiting()
    world.clock[0] += 86_400
    world.run(lambda: [each.id for each in world.waiting()] not in ([], [first.id]))
    (second,) = world.waiting()
    world.cloud.machines[second.id][0].becomes(InstanceState.ERROR)
    world.run(lambda: [each.id for each in world.waiting()] not in ([], [second.id]))


def test_after_an_upgrade_of_the_agent_all_that_wait_are_replaced(world: World) -> None:
    fill(world)
    (old,) = world.waiting()
    ids = iter([("newer", "secret")])
    policy = WarmPolicy(world.warm)
    world.clock[0] += 30
    world.pool = WarmPool(
        world.store, world.cloud, policy, "upgraded", agent=lambda: "next", identify=ids.__next__
    )
    world.clock[0] += 30
    world.run(lambda: [each.id for each in world.waiting()] == ["newer"])
    assert old.id not in world.cloud.machines


def test_what_was_announced_is_not_made_again_for_each_that_is_taken(world: World) -> None:
    world.warm.clear()
    with world.store.write() as session:
        warm.announce(session, "small", 2, world.clock[0] + 3600)
    fill(world, 2)
    world.launch()
    world.run_to(Status.READY)
    for _ in range(10):
        world.pool.tick()
    assert len(world.waiting()) == len(world.warm_rows()) == 1
    world.clock[0] += 3600
    world.run(lambda: not world.warm_rows())
    assert world.binder().target == Target.READY
