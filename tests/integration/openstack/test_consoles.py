"""Reading consoles: a few at once, whoever was read the longest ago first, and nobody waits for long."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bot.errors import CloudUnreachable
from bot.provisioning.base import Instance, Order
from bot.provisioning.openstack import cloud as openstack_cloud
from bot.provisioning.openstack import turns as turns_module
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.openstack.turns import FairSemaphore
from tests.integration.openstack.standin import StandIn

OrderOf = Callable[..., Order]
Open = Callable[..., OpenStackCloud]


def wait(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


@contextmanager
def taken(turns: FairSemaphore, key: str) -> Iterator[None]:
    """Somebody has a turn, and keeps it for the block."""
    with turns.of(key) as is_mine:
        assert is_mine
        yield


def waiting(turns: FairSemaphore, key: str, order: list[str]) -> threading.Thread:
    """Somebody who notes in `order` when it was their turn."""

    def work() -> None:
        with turns.of(key) as is_mine:
            if is_mine:
                order.append(key)

    before = len(turns._waiting)
    thread = threading.Thread(target=work)
    thread.start()
    wait(lambda: len(turns._waiting) == before + 1)
    return thread


def test_the_longest_unread_goes_first_whoever_came_first() -> None:
    turns, order = FairSemaphore(1, 30), list[str]()
    for key in ("a", "b", "c"):
        with taken(turns, key):
            pass
    with taken(turns, "other"):
        threads = [waiting(turns, key, order) for key in ("c", "b", "new", "a")]
    for thread in threads:
        thread.join()
    assert order == ["new", "a", "b", "c"]


def test_no_more_than_that_work_at_once_and_all_get_their_turn() -> None:
    turns, working, most, done = FairSemaphore(3, 30), set[str](), list[int](), set[str]()
    lock = threading.Lock()

    def work(key: str) -> None:
        for _ in range(20):
            with turns.of(key) as is_mine:
                assert is_mine
                with lock:
                    working.add(key)
                    most.append(len(working))
                with lock:
                    working.remove(key)
        done.add(key)

    threads = [threading.Thread(target=work, args=(f"k{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 8
    assert max(most) <= 3


def test_who_gets_no_turn_in_time_is_told_and_takes_none() -> None:
    turns = FairSemaphore(1, 0.01)
    with taken(turns, "a"), turns.of("b") as is_mine:
        assert not is_mine
    with taken(turns, "b"):
        pass


def test_a_turn_that_breaks_is_given_back() -> None:
    turns = FairSemaphore(1, 0.01)
    with pytest.raises(ValueError, match="broken"), turns.of("a"):
        raise ValueError("broken")
    with taken(turns, "a"):
        pass


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "_KEPT", 3)
    turns = FairSemaphore(1, 1)
    for key in ("a", "b", "c", "a", "d"):
        with taken(turns, key):
            pass
    assert list(turns._last) == ["c", "a", "d"]


def test_consoles_that_hang_do_not_keep_the_workers(
    opened: Open, standin: StandIn, order_of: OrderOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openstack_cloud, "_CONSOLES_AT_ONCE", 1)
    monkeypatch.setattr(openstack_cloud, "_TURN_SECONDS", 0.05)
    cloud = opened()
    hung, fine = [_instance(cloud, order_of(name)) for name in ("b1", "b2")]
    standin.consoles[fine.ref] = '{"phase": "building"}\n'
    standin.knobs.hangs = threading.Event()
    answered: list[object] = []
    thread = threading.Thread(target=lambda: answered.append(cloud.report(hung)))
    thread.start()
    wait(lambda: hung.ref in cloud._consoles._last)
    with pytest.raises(CloudUnreachable, match="turn comes later"):
        cloud.report(fine)
    assert not answered
    standin.knobs.hangs.set()
    thread.join()
    assert answered == [None]
    assert cloud.report(fine) is not None


def test_a_console_that_hangs_is_given_up_soon(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = _instance(cloud, order_of("b1"))
    monkeypatch.setattr(openstack_cloud, "_CONSOLE_SECONDS", 0.1)
    standin.knobs.hangs = threading.Event()
    with pytest.raises(CloudUnreachable, match="did not answer when asked to read the console"):
        cloud.report(instance)
    standin.knobs.hangs.set()


def _instance(cloud: OpenStackCloud, order: Order) -> Instance:
    cloud.create(order)
    cloud.survey()
    (instance,) = cloud.survey().of(order.binder_id)
    return instance
