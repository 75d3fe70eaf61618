"""Reading consoles: a few at the same time, and hosts that hang do not keep all workers waiting."""

import threading
import time
from collections.abc import Callable

import pytest

from bot.errors import CloudUnreachable
from bot.provisioning.base import Instance, InstanceSpec
from bot.provisioning.openstack import consoles
from bot.provisioning.openstack.cloud import OpenStackCloud
from tests.integration.openstack.standin import StandIn

OrderOf = Callable[..., InstanceSpec]
Open = Callable[..., OpenStackCloud]


def wait(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def test_consoles_that_hang_do_not_keep_the_workers(
    opened: Open, standin: StandIn, order_of: OrderOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consoles, "_AT_ONCE", 1)
    monkeypatch.setattr(consoles, "_WAIT_SECONDS", 0.05)
    cloud = opened()
    hung, fine = [_instance(cloud, order_of(name)) for name in ("b1", "b2")]
    standin.consoles[fine.ref] = '{"phase": "building"}\n'
    standin.knobs.hangs = threading.Event()
    answered: list[object] = []
    thread = threading.Thread(target=lambda: answered.append(cloud.report(hung)))
    thread.start()
    wait(lambda: cloud._consoles._places._value == 0)
    with pytest.raises(CloudUnreachable, match="is read later"):
        cloud.report(fine)
    assert not answered
    standin.knobs.hangs.set()
    thread.join()
    assert answered == [None]
    assert cloud.report(fine) is not None


def test_a_console_that_cannot_be_read_gives_its_place_back(
    opened: Open, standin: StandIn, order_of: OrderOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consoles, "_AT_ONCE", 1)
    monkeypatch.setattr(consoles, "_WAIT_SECONDS", 0.05)
    cloud = opened()
    instance = _instance(cloud, order_of("b1"))
    path = f"POST /servers/{instance.ref}/action"
    standin.knobs.answers[path] = (500, {"computeFault": {"message": "oops"}})
    for _ in range(2):
        with pytest.raises(CloudUnreachable, match="oops"):
            cloud.report(instance)


def test_a_console_that_hangs_is_given_up_soon(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = _instance(cloud, order_of("b1"))
    monkeypatch.setattr(consoles, "_SECONDS", 0.1)
    standin.knobs.hangs = threading.Event()
    with pytest.raises(CloudUnreachable, match="did not answer when asked to read the console"):
        cloud.report(instance)
    standin.knobs.hangs.set()


def _instance(cloud: OpenStackCloud, order: InstanceSpec) -> Instance:
    cloud.create(order)
    cloud.survey()
    (instance,) = cloud.survey().of(order.binder_id)
    return instance
