"""Launches that are measured, and what the next ones expect of that, over a fake cloud."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, update

from bot.binders.expectations import Basis, Expectation
from bot.errors import QuotaExceeded, RefNotFound
from bot.provisioning.base import Phase, Report, ReportedImage
from storage import binders
from storage.history_models import LaunchTime
from storage.models import Binder, Status
from tests.chaos.sim.world import World

REPOSITORY = {"url": "https://github.com/o/r"}


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def measured(world: World) -> list[LaunchTime]:
    with world.store.read() as session:
        return session.query(LaunchTime).order_by(LaunchTime.ended_at).all()


def expected(world: World, binder_id: str, status: Status = Status.BOOTING) -> Expectation:
    world.run_to(status, binder_id)
    world.run(lambda: bool(world.binder(binder_id).expected))
    found = Expectation.of(world.binder(binder_id))
    assert found is not None
    return found


def launch(world: World, binder_id: str, **values: Any) -> None:
    """Launch the one repository, so late that it is no repetition of the launch before."""
    world.clock[0] += 100
    world.launch(binder_id, **(REPOSITORY | values))


def ready(world: World, binder_id: str, **values: Any) -> LaunchTime:
    launch(world, binder_id, **values)
    world.run_to(Status.READY, binder_id)
    return next(each for each in measured(world) if each.binder_id == binder_id)


def test_a_launch_is_measured_when_it_becomes_ready_and_the_next_one_expects_that(world: World) -> None:
    first = ready(world, "first")
    assert first.seconds == pytest.approx(sum(first.stages.values()))
    assert (first.how, first.failed_in) == ("built", None)
    launch(world, "second")
    found = expected(world, "second")
    assert (found.basis, found.seconds) == (Basis.BUILD, first.seconds)
    world.launch("other")
    assert expected(world, "other").basis == Basis.NONE


def test_a_machine_that_keeps_images_saves_the_build(world: World) -> None:
    world.cloud.keeps_images = True
    first = ready(world, "first")
    launch(world, "second")
    found = expected(world, "second")
    assert (found.basis, found.how) == (Basis.BUILD, "kept")
    assert found.seconds == pytest.approx(first.seconds - first.stages["build"] - first.stages["fetch"])


@pytest.mark.parametrize(
    ("owner", "is_private", "basis"),
    [
        ("U1", False, Basis.NONE),
        ("U1", True, Basis.NONE),
        ("U2", False, Basis.NONE),
        ("U2", None, Basis.NONE),
        ("U2", True, Basis.BUILD),
    ],
)
def test_what_a_person_launched_in_private_counts_only_for_their_other_private_launches(
    world: World, owner: str, *, is_private: bool | None, basis: Basis
) -> None:
    ready(world, "secret", owner="U2", is_private=True)
    launch(world, "next", owner=owner, is_private=is_private)
    assert expected(world, "next").basis == basis


def test_the_kind_counts_once_the_build_tells_it(world: World) -> None:
    building = Report(Phase.BUILDING, 0.5, "half", kind="R")
    world.cloud.reports = (*world.cloud.reports[:2], building, building, *world.cloud.reports[3:])
    for number in range(3):
        world.launch(f"r{number}")
        world.run_to(Status.READY, f"r{number}")
    assert {each.kind for each in measured(world)} == {"R"}
    world.launch("mine")
    assert expected(world, "mine").basis == Basis.NONE
    world.run(lambda: world.binder("mine").expected.get("basis") == Basis.KIND)


def test_an_image_that_was_pulled_is_the_next_expectation(world: World) -> None:
    ready(world, "first")
    image = ReportedImage("0" * 24, kind="R", how="pulled")
    pulled = [replace(each, image=image) for each in (Report(Phase.PULLING), Report(Phase.SERVING))]
    world.cloud.reports = (Report(Phase.BOOTING), *pulled)
    second = ready(world, "second")
    assert (second.how, second.kind, second.build_key) == ("pulled", "R", "0" * 24)
    launch(world, "third")
    assert expected(world, "third", Status.CREATING).how == "built"
    with world.store.write() as session:  # as where a registry is set up
        session.execute(update(Binder).where(Binder.id == "third").values(has_image=True))
    world.run(lambda: world.binder("third").expected["how"] == "pulled")
    assert world.binder("third").expected["seconds"] == second.seconds


def test_a_late_launch_is_shown_once_without_a_post(world: World) -> None:
    ready(world, "first")
    world.cloud.reports = (Report(Phase.BOOTING),) * 400
    launch(world, "second")
    world.run(lambda: bool(world.binder("second").expected.get("is_late")))
    late_after = world.binder("second").expected["late_after"]
    assert late_after < world.clock[0] - world.binder("second").created_at <= late_after + 5
    assert [key for key in world.said() if key.endswith(":second")] == ["card:second"]


def test_failures_are_counted_by_their_stage(world: World) -> None:
    world.resolver.raises = [RefNotFound("There is no such branch.")]
    world.launch("typo")
    world.run_to(Status.GONE, "typo")
    world.cloud.reports = (*world.cloud.reports[:3], Report(Phase.FAILED, reason="No."))
    world.launch("broken")
    world.run_to(Status.GONE, "broken")
    world.launch("stopped")
    world.run_to(Status.BOOTING, "stopped")
    world.stop("stopped")
    world.run_to(Status.GONE, "stopped")
    failed = {each.binder_id: (each.failed_in, each.how) for each in measured(world)}
    assert failed == {"typo": ("repository", ""), "broken": ("build", "")}


def test_a_wait_for_room_is_a_stage_of_its_own(world: World) -> None:
    world.cloud.refuses = [QuotaExceeded("10 of 10 instances are in use.")] * 3
    waited = ready(world, "waited")
    assert waited.stages["capacity"] > 10
    assert waited.seconds == pytest.approx(sum(waited.stages.values()) - waited.stages["capacity"])
    assert list(world.binder("waited").stages)[:3] == ["repository", "capacity", "instance"]


def test_a_resumed_binder_is_measured_once(world: World) -> None:
    first = ready(world, "first")
    with world.store.write() as session:
        binders.shelve(session, "first", by="U1")
    world.run_to(Status.SHELVED, "first")
    with world.store.write() as session:
        binders.resume(session, "first", by="U1")
    world.run_to(Status.READY, "first")
    assert [each.seconds for each in measured(world)] == [first.seconds]


@pytest.mark.parametrize("launches", [1, 30])
def test_one_query_looks_up_the_history_of_all_launches(world: World, launches: int) -> None:
    ready(world, "first")
    for number in range(launches):
        known = {"resolved_at": world.clock[0], "commit": "a" * 40}
        world.launch(f"r{number}", owner=f"U{number}", **known, **REPOSITORY)
    searches: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "ORDER BY launch_times" in statement:
            searches.append(statement)

    event.listen(world.reconciler._dependencies.store.engine, "before_cursor_execute", note)
    world.reconciler.tick()
    assert len(searches) == 1
    for _ in range(10):
        world.clock[0] += 1
        world.reconciler.tick()
    assert len(searches) <= 4, "asked again only if more is known of a launch"
