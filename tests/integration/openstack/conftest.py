"""What the tests of the OpenStack cloud share: orders, and clouds that are closed."""

import fcntl
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openstack.config import OpenStackConfig

from bot.provisioning.instances import InstanceSpec, Report
from bot.provisioning.openstack.api import Api, region_of_environment
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.openstack.options import Flavor, OpenStackOptions
from bot.provisioning.reports import fold
from tests.fakes.database import KEY
from tests.fakes.waiting import eventually
from tests.integration.openstack.plane import ADMIN, Knobs
from tests.integration.openstack.standin import CREDENTIAL, SECRET, StandIn

QUIET = (
    # openstacksdk 4.22 raises these on its own code, whatever its caller does.
    "ignore::openstack.warnings.RemovedInSDK50Warning",
    "ignore::openstack.warnings.RemovedInSDK60Warning",
)
OrderOf = Callable[..., InstanceSpec]
Until = Callable[[Callable[[], bool]], None]
Open = Callable[..., OpenStackCloud]
OPTIONS = OpenStackOptions(
    image="Featured-Ubuntu24",
    flavors=(Flavor("small", "m3.small", "Small", 2.0), Flavor("quad", "m3.quad", "Quad", 4.0)),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "openstack":
            for quiet in QUIET:
                item.add_marker(pytest.mark.filterwarnings(quiet))


@pytest.fixture(autouse=True)
def _turn(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let tests change the whole project, as `admin` and `knobs` can, only while no other test runs in it."""
    if request.node.get_closest_marker("openstack") is None:
        yield
        return
    alone = {"admin", "knobs"} & set(request.fixturenames)
    with Path(tempfile.gettempdir(), "binder-bot-test-openstack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


@pytest.fixture
def admin() -> Iterator[Api]:
    """The cloud with the rights of its operator; skips where clouds.yaml does not have them."""
    if ADMIN not in OpenStackConfig().get_cloud_names():
        pytest.skip(f"clouds.yaml has no {ADMIN}")
    api = Api(lambda: region_of_environment(ADMIN))
    yield api
    api.close()


@pytest.fixture
def knobs() -> Knobs:
    """What the hypervisor of the control plane on this machine can be told to do wrong."""
    return Knobs()


@pytest.fixture(scope="session")
def order_of() -> OrderOf:
    def make(binder_id: str, **changes: Any) -> InstanceSpec:
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
            "team": "T1",
            "name": "demo",
        }
        return InstanceSpec(**values | changes)

    return make


@pytest.fixture
def until() -> Until:
    def wait(happened: Callable[[], bool], seconds: float = 90.0) -> None:
        eventually(happened, seconds)

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


def render(order: InstanceSpec) -> str:
    return f"#!/bin/sh\n# {order.binder_id}\n"


@pytest.fixture
def chosen(standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What an operator of the stand-in has in the environment."""
    environment = {
        "OS_AUTH_TYPE": "v3applicationcredential",
        "OS_AUTH_URL": f"{standin.url}/identity/v3",
        "OS_APPLICATION_CREDENTIAL_ID": CREDENTIAL,
        "OS_APPLICATION_CREDENTIAL_SECRET": SECRET,
        "OS_REGION_NAME": "IU",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return {
        "slack_bot_token": "xoxb-1",
        "slack_app_token": "xapp-1",
        "secret_key": KEY,
        "database_url": f"sqlite:///{tmp_path / 'new.sqlite3'}",
        "cloud": "openstack",
        "deployment": "lab",
        "openstack_image": "Featured-Ubuntu24",
        "openstack_sizes": "m3.small,m3.quad",
    }
