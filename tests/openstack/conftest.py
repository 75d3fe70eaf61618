"""What the tests of the OpenStack cloud share: orders, and clouds that are closed."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.provisioning.base import Order, Report
from bot.provisioning.openstack import OpenStackCloud
from bot.provisioning.openstack_options import Offer, OpenStackOptions
from bot.provisioning.reports import fold
from tests.openstack.standin import StandIn

QUIET = (
    # openstacksdk 4.22 raises these on its own code, whatever its caller does.
    "ignore::openstack.warnings.RemovedInSDK50Warning",
    "ignore::openstack.warnings.RemovedInSDK60Warning",
)
OrderOf = Callable[..., Order]
Until = Callable[[Callable[[], bool]], None]
Open = Callable[..., OpenStackCloud]
OPTIONS = OpenStackOptions(
    image="Featured-Ubuntu24",
    offers=(Offer("small", "m3.small", "Small", 2.0), Offer("quad", "m3.quad", "Quad", 4.0)),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "openstack":
            for quiet in QUIET:
                item.add_marker(pytest.mark.filterwarnings(quiet))


@pytest.fixture
def order_of() -> OrderOf:
    def make(binder_id: str, **changes: Any) -> Order:
        values: dict[str, Any] = {
            "binder_id": binder_id,
            "provider": "gh",
            "url": "https://github.com/team/repo",
            "ref": "main",
            "commit": "c0ffee" * 6 + "c0ff",
            "is_tip": True,
            "path": None,
            "interface": None,
            "size": "small",
            "token": "a-token-that-nobody-guesses",
            "owner": "U123",
            "channel": "C456",
            "ends_at": 1_800_000_000.0,
        }
        return Order(**values | changes)

    return make


@pytest.fixture
def until() -> Until:
    def wait(happened: Callable[[], bool], seconds: float = 90.0) -> None:
        deadline = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.2)

    return wait


@pytest.fixture
def fold_console() -> Callable[[str], Report | None]:
    return lambda text: fold(text.encode())


@pytest.fixture
def standin() -> Iterator[StandIn]:
    cloud = StandIn()
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture
def opened(standin: StandIn, fold_console: Callable[[str], Report | None]) -> Iterator[Open]:
    """Open the stand-in as a bot of its own would: another time is another process."""
    clouds: list[OpenStackCloud] = []

    def make(deployment: str = "lab", **changes: Any) -> OpenStackCloud:
        options = replace(OPTIONS, **changes)
        cloud = OpenStackCloud(options, deployment, render, fold_console, region=standin.region)
        clouds.append(cloud)
        return cloud

    yield make
    for cloud in clouds:
        cloud.close()


@pytest.fixture
def cloud(opened: Open) -> OpenStackCloud:
    return opened()


def render(order: Order) -> str:
    return f"#!/bin/sh\n# {order.binder_id}\n"
