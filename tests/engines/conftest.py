"""What the tests with a real container engine share: the engine itself, asked by its command line."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GitServer, HostedRepository
from tests.engines.metadata import firewall_kept

REPOSITORY = Path(__file__).with_name("repository")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "engines":
            item.add_marker(pytest.mark.engines)
            item.add_marker(pytest.mark.timeout(600))
            if "ENGINES" not in os.environ:
                item.add_marker(pytest.mark.skip(reason="needs a real container engine: make test-engines"))


class Engine:
    """The private Docker of `tests/engines/machine/with`. What was there before is left alone."""

    def __init__(self) -> None:
        self._before: list[str] = []
        self._before = self.leftovers()

    def ask(self, *arguments: str) -> str:
        return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout

    def containers(self) -> list[str]:
        """Those that are new: machines of other tests may still be there."""
        return [each for each in self.ask("ps", "--all", "--quiet").split() if each not in self._before]

    def volumes(self) -> list[str]:
        return self.ask("volume", "ls", "--quiet").split()

    def networks(self) -> set[str]:
        return {*self.ask("network", "ls", "--format", "{{.Name}}").split()} - {"bridge", "host", "none"}

    def dangling_images(self) -> list[str]:
        return self.ask("images", "--filter", "dangling=true", "--quiet").split()

    def inspect(self, container: str) -> dict[str, Any]:
        [found] = json.loads(self.ask("inspect", container))
        return dict(found)

    def leftovers(self) -> list[str]:
        """What a binder that is gone must not leave."""
        now = [*self.containers(), *self.volumes(), *sorted(self.networks()), *self.dangling_images()]
        return [each for each in now if each not in self._before]

    def clean(self) -> None:
        """Remove the containers and volumes that were left."""
        for container in self.containers():
            self.ask("rm", "--force", "--volumes", container)
        left = self.leftovers()
        for volume in self.volumes():
            if volume in left:
                self.ask("volume", "rm", "--force", volume)


@pytest.fixture(scope="session", autouse=True)
def _firewall() -> Iterator[None]:
    """Agents close the metadata service on the machine that they run on, which is this one."""
    with firewall_kept():
        yield


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.clean()


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostedRepository]:
    """A repository whose Dockerfile builds without Docker Hub."""
    with GitServer(tmp_path_factory.mktemp("engines")) as server:
        hosted = server.repository("engines")
        hosted.commit({each.name: each.read_text() for each in REPOSITORY.iterdir()})
        yield hosted
