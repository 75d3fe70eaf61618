"""The reconciler over a fake cloud: what goes wrong, and what becomes of it."""

from collections.abc import Iterator

import pytest

from bot.errors import CannotBuild, QuotaExceeded, RefNotFound, RepositoryUnreachable
from bot.provisioning.instances import Phase, Report
from storage import binders
from storage.vocabulary import Ending, Status, Target
from tests.chaos.sim.world import COMMIT, World


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def test_a_launch_becomes_ready_with_the_interfaces_that_answered(world: World) -> None:
    world.launch(path="index.ipynb")
    world.run_to(Status.READY)
    binder = world.binder()
    assert binder.commit == COMMIT
    assert [each["path"] for each in binder.interfaces] == ["lab/tree/index.ipynb", "notebooks/index.ipynb"]
    assert list(binder.stages) == ["repository", "instance", "fetch", "build", "server"]
    assert world.said() == ["card:abcd1234", "ready:abcd1234", "links:abcd1234"]


def test_a_missing_ref_fails_before_anything_is_made(world: World) -> None:
    world.resolver.raises = [RefNotFound("There is no branch “mian”.", hint="Did you mean main?")]
    world.launch()
    world.run_to(Status.GONE)
    binder = world.binder()
    assert (binder.failure, binder.hint) == ("There is no branch “mian”.", "Did you mean main?")
    assert world.cloud.created == []
    assert world.said() == ["card:abcd1234", "failed:abcd1234"]


def test_a_host_that_does_not_answer_is_asked_again(world: World) -> None:
    world.resolver.raises = [RepositoryUnreachable("No answer.")] * 2
    world.launch()
    world.run_to(Status.READY)


def test_a_host_that_never_answers_is_given_up(world: World) -> None:
    world.resolver.raises = [RepositoryUnreachable("No answer.")] * 3
    world.launch()
    world.run_to(Status.GONE)
    assert world.binder().failure == "No answer."


def test_a_lack_of_room_is_reported_once_and_room_is_used_when_there_is_some(world: World) -> None:
    world.cloud.refuses = [QuotaExceeded("10 of 10 instances are in use.")] * 3
    world.launch()
    world.run(lambda: world.binder().waiting_for is not None)
    world.run_to(Status.READY)
    assert world.said().count("waiting:abcd1234") == 1
    assert world.binder().waiting_for is None


def test_a_repository_that_cannot_be_built_here_fails_with_its_sentence(world: World) -> None:
    world.cloud.refuses = [CannotBuild("R needs a container engine.", hint="Install one.")]
    world.launch()
    world.run_to(Status.GONE)
    assert world.binder().failure == "R needs a container engine."


def test_a_failed_build_keeps_its_reason_and_leaves_nothing(world: World) -> None:
    world.cloud.reports = (
        Report(Phase.BUILDING),
        Report(Phase.FAILED, reason="No such package.", log="tail"),
    )
    world.launch()
    world.run_to(Status.GONE)
    binder = world.binder()
    assert (binder.failure, binder.log, binder.ending) == ("No such package.", "tail", Ending.FAILED)
    assert world.cloud.machines == {}
    assert world.said() == ["card:abcd1234", "failed:abcd1234"]


def test_an_interface_that_did_not_answer_is_named(world: World) -> None:
    world.launch(interface="rstudio")
    world.run_to(Status.READY)
    with world.store.read() as session:
        from storage.models import OutboxMessage  # noqa: PLC0415 - for this one look

        ready = session.query(OutboxMessage).filter_by(key="ready:abcd1234").one()
    assert ready.facts == {"absent": "RStudio"}


def test_a_server_without_pages_is_waited_for(world: World) -> None:
    world.pages = {}
    world.launch()
    world.run(lambda: world.cloud.serves("abcd1234"))
    for _ in range(3):
        world.reconciler.tick()
        world.clock[0] += 1
    assert world.binder().status == Status.BUILDING
    world.pages["lab"] = 200
    world.run_to(Status.READY)


def test_when_the_cloud_does_not_answer_nothing_ends_and_the_operators_are_told(world: World) -> None:
    world.launch()
    world.run_to(Status.READY)
    world.cloud.silent = 5
    world.run(lambda: world.cloud.silent == 0)
    assert world.binder().target == Target.READY
    world.run(lambda: any(key.startswith("back:") for key in world.said()))
    assert sum(key.startswith("silent:") for key in world.said()) == 1


def test_an_instance_that_was_removed_outside_the_bot_is_reported(world: World) -> None:
    world.launch()
    world.run_to(Status.READY)
    world.cloud.machines.clear()
    world.run_to(Status.GONE)
    assert world.binder().ending == Ending.LOST
    assert world.said()[-1] == "gone:abcd1234"


def test_a_lifetime_ends(world: World) -> None:
    world.launch(ends_at=world.clock[0] + 60)
    world.run_to(Status.READY)
    world.run_to(Status.GONE)
    assert world.binder().ending == Ending.EXPIRED


def test_one_listing_serves_all_that_are_due(world: World) -> None:
    for number in range(10):
        world.launch(f"binder{number}")
    world.run(lambda: all(world.binder(f"binder{n}").resolved_at for n in range(10)))
    before = world.cloud.surveys
    assert world.reconciler.tick() == 10
    assert world.cloud.surveys == before + 1


def test_an_internal_error_affects_one_binder_only_and_is_given_up_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = world.resolver.resolve
    monkeypatch.setattr(world.resolver, "resolve", lambda spec: 1 / 0 if "broken" in spec.url else real(spec))
    world.launch("broken12")
    world.launch("healthy1")
    world.run_to(Status.READY, "healthy1")
    world.run_to(Status.GONE, "broken12")
    assert world.binder("broken12").failure == "The launch failed after repeated internal errors."


def test_a_stop_during_a_step_wins_over_what_the_step_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.launch()
    world.run_to(Status.BUILDING)
    real = world.cloud.report

    def stop_meanwhile(instance: object) -> Report | None:
        world.stop()
        return Report(Phase.FAILED, reason="late news")

    monkeypatch.setattr(world.cloud, "report", stop_meanwhile)
    world.reconciler.tick()
    monkeypatch.setattr(world.cloud, "report", real)
    world.run_to(Status.GONE)
    binder = world.binder()
    assert (binder.ending, binder.ended_by, binder.failure) == (Ending.STOPPED, "U1", None)


def test_a_binder_ends_even_if_the_cloud_refuses_marks(world: World) -> None:
    world.launch()
    world.run_to(Status.READY)
    world.cloud.refuses_marks = True
    later = world.binder().ends_at + 3600
    with world.store.write() as session:
        binders.keep(session, "abcd1234", ends_at=later, awake_until=0.0, by="U1")
    (machine,) = world.cloud.machines["abcd1234"]
    looked_until = world.clock[0] + 90
    world.run(lambda: world.clock[0] > looked_until)
    assert machine.instance.ends_at == later - 3600
    world.cloud.refuses_marks = False
    world.run(lambda: machine.instance.ends_at == later, steps=60)
    world.cloud.refuses_marks = True
    with world.store.write() as session:
        binders.keep(session, "abcd1234", ends_at=later + 3600, awake_until=0.0, by="U1")
    world.clock[0] = later + 3600
    world.run_to(Status.GONE)
    assert world.binder().ending == Ending.EXPIRED


def test_strays_are_removed_only_when_seen_twice(world: World) -> None:
    world.launch()
    world.run_to(Status.READY)
    with world.store.write() as session:
        session.delete(binders.get(session, "abcd1234"))
    world.cloud.removals = 1
    world.reconciler.sweep()
    assert "abcd1234" in world.cloud.machines
    world.clock[0] += 10
    world.reconciler.sweep()
    assert "abcd1234" in world.cloud.machines
    world.clock[0] += 60
    world.reconciler.sweep()
    assert world.cloud.machines == {}
