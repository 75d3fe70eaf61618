"""A short storm, and what two replicas owe each other when one of them ends."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.vocabulary import Status
from tests.chaos.soak.people import Life, Somebody
from tests.chaos.soak.run import run
from tests.chaos.soak.storm import end
from tests.chaos.soak.verdict import settle, violations
from tests.chaos.soak.world import World, new_world
from tests.fakes.postgresql import Server, postgresql_server
from tests.fakes.real_registry import is_installed
from workspace.hands import Person


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    with postgresql_server() as server:
        yield server


@pytest.fixture
def world(tmp_path: Path, database: Server) -> Iterator[World]:
    with new_world(tmp_path, database) as world:
        yield world


@pytest.mark.timeout(240)
def test_a_short_storm_leaves_nothing_wrong(tmp_path: Path, database: Server) -> None:
    blows = run(tmp_path, database, seed=7, seconds=0.0, tell=print, keeps_images=False)
    assert len(blows) > 6, "it hit in every way"
    assert blows["launches"] > 3


@pytest.mark.engines
@pytest.mark.timeout(240)
def test_a_short_storm_leaves_nothing_wrong_in_the_image_store(tmp_path: Path, database: Server) -> None:
    if not is_installed():
        pytest.skip("needs Debian's package docker-registry: make test-engines")
    blows = run(tmp_path, database, seed=8, seconds=5.0, tell=print, keeps_images=True)
    assert blows["restart_the_registry"] > 0
    assert blows["built"] > 0


def launch(world: World, handle: str, count: int) -> list[Life]:
    person = Somebody(world, handle, seed=0)
    lives = [Life(f"{handle}-{number}", "general", "good", 0.0) for number in range(count)]
    for life in lives:
        person.launch(life)
    person.leave()
    return lives


@pytest.mark.timeout(240)
def test_one_that_is_told_to_end_does_so_within_seconds_and_the_other_goes_on_at_once(world: World) -> None:
    long_lease = 600
    first = world.start("first", lease_seconds=long_lease)
    world.wait_until_connected(1)
    lives = launch(world, "ada", 3)
    world.wait(lambda: len(world.cloud.servers) == 3, 30, "all are being made")
    world.cloud.knobs.slow = 30.0  # so that steps are under way, and stay so
    world.wait(
        lambda: any(f":{first.pid}:" in (each.lease_owner or "") for each in world.binders()),
        10,
        "the first one is at work",
    )
    end(world, first)
    world.cloud.knobs.slow = 0.0
    world.start("second", lease_seconds=long_lease)
    settle(world, 60)  # far less than the lease
    assert {each.status for each in world.binders()} == {Status.READY}
    assert violations(world, lives) == []


@pytest.mark.timeout(240)
def test_a_launch_that_a_frozen_replica_held_up_is_not_made_again_while_the_other_is_live(
    world: World,
) -> None:
    first, second = world.start("first"), world.start("second")
    world.wait_until_connected(2)
    with Person(world.workspace.url, "ada") as ada:

        def is_acked(words: str) -> bool:
            return bool(ada.command(words).get("ok"))

        first.signal(signal.SIGSTOP)
        launch = f"/binder launch {world.repository} main held-up"
        answers = [is_acked(launch) for _ in range(2)]  # each goes to another one
        assert sorted(answers) == [False, True]
        [row] = world.binders()
        first.signal(signal.SIGCONT)
        second.terminate()
        world.wait(lambda: is_acked("/binder list"), 50, "the one that woke up is at work")
    first.terminate()
    assert [each.id for each in world.binders()] == [row.id]
