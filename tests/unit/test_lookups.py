"""What is looked up in the background: nobody waits, and nothing is looked up twice at the same time."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from bot.lookups import Lookups


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


class Slow:
    """Finds what it is asked for, once it may."""

    def __init__(self) -> None:
        self.may_go = Event()
        self.asked: list[str] = []
        self.fails = False

    def __call__(self, key: str) -> str:
        self.asked.append(key)
        assert self.may_go.wait(10)
        if self.fails:
            raise ZeroDivisionError
        return f"{key}{len(self.asked)}"


def lookups(pool: ThreadPoolExecutor, find: Callable[[str], str], clock: list[float]) -> Lookups[str, str]:
    return Lookups(find, pool.submit, fresh_seconds=60, most=2, clock=lambda: clock[0])


def test_what_is_not_known_is_found_in_the_background_once(pool: ThreadPoolExecutor) -> None:
    slow = Slow()
    known = lookups(pool, slow, [0.0])
    assert [known.known("a"), known.known("a"), known.wait("a", 0.01)] == [None] * 3
    slow.may_go.set()
    assert known.wait("a", 10) == "a1"
    assert known.known("a") == "a1"
    assert slow.asked == ["a"]


def test_what_is_old_is_told_at_once_and_looked_up_again(pool: ThreadPoolExecutor) -> None:
    slow, clock = Slow(), [0.0]
    slow.may_go.set()
    known = lookups(pool, slow, clock)
    known.wait("a", 10)
    clock[0] = 61.0
    slow.may_go.clear()
    assert known.wait("a", 10) == "a1"
    slow.may_go.set()
    pool.shutdown(wait=True)
    assert known.known("a") == "a2"


def test_what_cannot_be_found_is_not_known_and_is_tried_again(pool: ThreadPoolExecutor) -> None:
    slow = Slow()
    slow.fails = True
    slow.may_go.set()
    known = lookups(pool, slow, [0.0])
    assert known.wait("a", 10) is None
    slow.fails = False
    assert known.wait("a", 10) == "a2"


def test_only_some_things_are_remembered(pool: ThreadPoolExecutor) -> None:
    slow = Slow()
    slow.may_go.set()
    known = lookups(pool, slow, [0.0])
    for key in "abc":
        known.wait(key, 10)
    known.wait("a", 10)
    assert slow.asked == ["a", "b", "c", "a"]


def test_a_process_that_is_about_to_stop_begins_nothing(pool: ThreadPoolExecutor) -> None:
    pool.shutdown()
    assert lookups(pool, Slow(), [0.0]).wait("a", 10) is None
