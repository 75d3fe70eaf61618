"""How fast Slack may be called."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from handlers.slack.calls import UPDATES, default_rate_limits
from handlers.slack.rate_limit import RateLimit


@pytest.fixture
def clock() -> list[float]:
    return [100.0]


@pytest.fixture
def limit(clock: list[float]) -> RateLimit:
    return RateLimit(1.0, 2, clock=lambda: clock[0])


def test_a_burst_goes_at_once_and_then_one_a_second(limit: RateLimit, clock: list[float]) -> None:
    assert [limit.wait("C1", caller) for caller in range(4)] == [0, 0, 1, 2]
    clock[0] += 1
    assert [limit.wait("C1", caller) for caller in (2, 3)] == [0, 1]


def test_each_channel_has_its_own(limit: RateLimit) -> None:
    assert [limit.wait(channel, 1) for channel in ("C1", "C2", "C3")] == [0, 0, 0]


def test_who_waited_goes_before_who_comes_later(limit: RateLimit, clock: list[float]) -> None:
    for caller in range(4):
        limit.wait("C1", caller)
    clock[0] += 2
    assert limit.wait("C1", "late") == 1
    assert [limit.wait("C1", caller) for caller in (2, 3)] == [0, 0]


def test_when_slack_says_so_nobody_goes_and_turns_are_given_out_anew(
    limit: RateLimit, clock: list[float]
) -> None:
    limit.hold("C1", 30)
    assert limit.left("C1") == 0
    assert limit.wait("C1", "first") == 30
    clock[0] += 30
    assert [limit.wait("C1", caller) for caller in ("first", "second")] == [0, 1]


def test_turns_of_those_who_never_came_back_are_forgotten(limit: RateLimit, clock: list[float]) -> None:
    for caller in range(5):
        limit.wait("C1", caller)
    clock[0] += 3600
    assert [limit.wait("C1", caller) for caller in ("a", "b")] == [0, 0]


def test_many_threads_together_get_no_more_than_one_would() -> None:
    limit = RateLimit(0.001, 10, clock=lambda: 0.0)
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda caller: limit.wait("C1", caller), range(200)))
    assert sum(wait == 0 for wait in waits) == 10
    assert len(set(waits)) == 191, "each of the others has a turn of its own"


def test_edits_stay_within_fifty_a_minute(clock: list[float]) -> None:
    limit = default_rate_limits(lambda: clock[0])[UPDATES]
    edits = 0
    for second in range(60):
        clock[0] = 100.0 + second
        while limit.wait("T1", f"{second} {edits}") == 0:
            edits += 1
    assert edits <= 50
