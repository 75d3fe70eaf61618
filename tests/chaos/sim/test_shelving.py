"""A binder that is shelved and resumed, whatever goes wrong in between."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.provisioning.instances import InstanceState
from storage import binders
from storage.vocabulary import Ending, Status, Target
from tests.chaos.sim.lives import killed_lives, to_ready
from tests.chaos.sim.world import World
from tests.fakes.cloud import Machine

BINDER = "abcd1234"


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.launch()
    world.run_to(Status.READY)
    yield world
    world.close()


def shelve(world: World) -> None:
    with world.store.write() as session:
        assert binders.shelve(session, BINDER, by="U1")


def resume(world: World) -> None:
    with world.store.write() as session:
        assert binders.resume(session, BINDER, by="U1")


def replies(world: World) -> list[str]:
    return [key.replace(BINDER, "b") for key in world.said() if not key.startswith("card")]


def test_a_shelved_binder_keeps_its_instance_and_releases_its_address(world: World) -> None:
    shelve(world)
    world.run_to(Status.SHELVED)
    binder = world.binder()
    (machine,) = world.cloud.machines[BINDER]
    assert machine.instance.state == InstanceState.SHELVED
    assert machine.instance.url is None
    assert "address" not in binder.resource_ids
    assert (binder.server_url, binder.interfaces) == (None, [])
    assert replies(world)[-1].startswith("shelved:b")


def test_after_a_resume_the_links_are_posted_again_and_the_lifetime_goes_on(world: World) -> None:
    left = world.binder().ends_at - world.clock[0]
    shelve(world)
    world.run_to(Status.SHELVED)
    world.clock[0] += 3 * 3600
    resume(world)
    world.run_to(Status.READY)
    binder = world.binder()
    assert replies(world)[-2:] == ["ready:b:1", "links:b:1"]
    assert binder.interfaces
    assert abs((binder.ends_at - world.clock[0]) - left) < 60
    assert abs(binder.shelved_seconds - 3 * 3600) < 60


def test_a_binder_can_be_shelved_several_times(world: World) -> None:
    for _ in range(3):
        shelve(world)
        world.run_to(Status.SHELVED)
        resume(world)
        world.run_to(Status.READY)
    assert len([key for key in replies(world) if key.startswith("shelved")]) == 3
    assert replies(world)[-1] == "links:b:3"


def test_if_the_cloud_silently_refuses_to_resume_it_stays_shelved_and_says_so(world: World) -> None:
    world.cloud.refuses_back = 1
    shelve(world)
    world.run_to(Status.SHELVED)
    resume(world)
    world.run(lambda: world.binder().target == Target.SHELVED)
    assert world.binder().status == Status.SHELVED
    assert [key.split(":")[0] for key in replies(world)][-2:] == ["shelved", "shelved"]
    resume(world)
    world.run_to(Status.READY)


def test_a_resume_during_the_shelving_works(world: World) -> None:
    shelve(world)
    world.run_to(Status.SHELVING)
    resume(world)
    world.run(lambda: world.binder().resumes == 1)
    assert world.binder().status == Status.READY
    assert not any(key.startswith("shelved") for key in replies(world))


def shelve_unnoticed(world: World) -> None:
    """Let a cloud put it away after the bot has given that up."""
    shelve(world)
    world.reconciler.tick()
    (machine,) = world.cloud.machines[BINDER]
    machine.becomes(InstanceState.PENDING, machine.instance.url)
    world.run(lambda: world.binder().status == Status.SHELVING)
    with world.store.write() as session:
        row = binders.get(session, BINDER)
        assert row
        row.status_since -= 10_000
    world.cloud.refuses_shelving = True
    world.run_to(Status.UNSHELVING)
    machine.becomes(InstanceState.SHELVED)


def test_an_instance_that_was_shelved_too_late_is_resumed(world: World) -> None:
    shelve_unnoticed(world)
    world.run_to(Status.READY)
    assert replies(world)[-1] == "links:b:1"


def test_an_instance_that_was_shelved_too_late_and_cannot_be_resumed_ends(world: World) -> None:
    world.cloud.refuses_back = 1
    ends_at = world.binder().ends_at
    shelve_unnoticed(world)
    world.run_to(Status.SHELVED)
    binder = world.binder()
    assert binder.target == Target.SHELVED
    assert binder.ends_at != ends_at, "another time begins, of which nobody was told anything yet"
    assert binder.remaining_seconds is not None
    world.clock[0] = binder.ends_at
    world.run_to(Status.GONE)


def test_a_binder_that_cannot_be_shelved_is_ready_again_with_all_its_time(world: World) -> None:
    ends_at = world.binder().ends_at
    world.cloud.refuses_shelving = True
    shelve(world)
    world.run(lambda: world.binder().resumes == 1)
    assert (world.binder().status, world.binder().ends_at) == (Status.READY, ends_at)


def test_a_twin_of_a_live_binder_is_removed(world: World) -> None:
    (machine,) = world.cloud.machines[BINDER]
    twin = replace(machine.instance, ref="twin", created_at=machine.instance.created_at - 60)
    world.cloud.machines[BINDER].insert(0, Machine(twin))
    world.run(lambda: len(world.cloud.machines[BINDER]) == 1)
    assert world.cloud.machines[BINDER][0].instance.ref == world.binder().resource_ids["server"]


def test_a_shelved_binder_that_is_torn_down_leaves_nothing(world: World) -> None:
    shelve(world)
    world.run_to(Status.SHELVED)
    world.stop()
    world.run_to(Status.GONE)
    assert world.cloud.machines == {}


def test_a_shelved_binder_that_was_removed_outside_the_bot_is_reported(world: World) -> None:
    shelve(world)
    world.run_to(Status.SHELVED)
    world.cloud.machines.clear()
    world.run_to(Status.GONE)
    assert world.binder().ending == Ending.LOST


def away(world: World) -> None:
    shelve(world)
    world.run_to(Status.SHELVED)


def back(world: World) -> None:
    resume(world)
    world.run(lambda: world.binder().resumes == 1 and world.binder().status == Status.READY)


def test_killed_at_any_moment_it_is_still_shelved_and_resumed() -> None:
    for at, world in killed_lives((to_ready, away, back)):
        assert len(world.cloud.created) == 1, at
        said = [key.split(":")[0] for key in replies(world)]
        assert said == ["ready", "links", "shelved", "ready", "links"], at
