"""Whatever moment the process dies at, the same rows lead to the same end."""

import pytest

from storage.vocabulary import Ending, Status
from tests.chaos.sim.lives import killed_lives, moments_of, to_gone, to_ready
from tests.chaos.sim.test_launch_times import measured
from tests.chaos.sim.world import World

LIFE = (to_ready, to_gone)


def test_killed_at_any_moment_a_binder_still_gets_ready_and_goes() -> None:
    assert sum(moments_of(LIFE)) > 30
    for at, world in killed_lives(LIFE):
        assert len(world.cloud.created) == 1, at
        assert world.cloud.machines == {}, at
        binder = world.binder()
        assert (binder.ending, binder.ended_by, binder.failure) == (Ending.STOPPED, "U1", None), at
        ends = ["card:abcd1234", "ready:abcd1234", "links:abcd1234", "gone:abcd1234"]
        assert world.said() == ends, at
        assert [each.binder_id for each in measured(world)] == ["abcd1234"], at


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_a_create_whose_reply_was_lost_is_adopted_not_repeated(lag: int) -> None:
    world = World()
    world.cloud.loses, world.cloud.lag = 1, lag
    world.launch()
    world.run_to(Status.READY)
    assert len(world.cloud.created) == 1
    world.close()


def test_stopped_while_the_reply_was_lost_leaves_nothing() -> None:
    world = World()
    world.cloud.loses, world.cloud.lag = 1, 4
    world.launch()
    world.run(lambda: len(world.cloud.created) == 1)
    world.stop()
    world.run_to(Status.GONE)
    assert world.cloud.machines == {}
    world.close()
