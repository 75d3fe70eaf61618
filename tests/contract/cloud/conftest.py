"""Every test of a cloud runs over every implementation: the local one, OpenStack, and the tests' own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.provisioning.base import Cloud
from tests.contract.cloud.places import FakePlace, LocalPlace, OpenStackPlace, Place
from tests.integration.openstack.conftest import QUIET


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            for quiet in QUIET:
                item.add_marker(pytest.mark.filterwarnings(quiet))


@pytest.fixture(params=["local", "openstack", "fake"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    places: dict[str, Callable[[], Place]] = {
        "local": lambda: LocalPlace(tmp_path / "local"),
        "openstack": OpenStackPlace,
        "fake": FakePlace,
    }
    place = places[request.param]()
    yield place
    place.close()


@pytest.fixture
def cloud(place: Place) -> Cloud:
    return place.open()
