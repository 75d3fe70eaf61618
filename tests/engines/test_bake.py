"""The agent of a machine that is baked, with real engines; only the machine is played."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from uv import find_uv_bin

from bot.provisioning.agent.bake import EXAMPLE_IMAGE, BakeOrder
from bot.provisioning.agent.settings import AgentSettings, ContainerSettings
from bot.provisioning.base import Phase, Report
from tests.conftest import HostedRepository
from tests.engines.conftest import REPOSITORY, Engine
from tests.integration.agent.guest import QUICK
from tests.integration.agent.test_bake import Machine

PATIENCE = 240.0
SLOW_SECONDS = 20
"""How long one step of the example's build takes."""


class RealMachine(Machine):
    """A machine with the engine of the tests. What would install something on this host (apt) is a stub."""

    patience = PATIENCE

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        for name in ("docker", "repo2docker", "iptables"):
            self.remove(name)
        for name in ("docker", "iptables"):
            (self.commands / name).symlink_to(str(shutil.which(name)))
        uv, pin = f"{find_uv_bin()} tool run --python {sys.executable}", AgentSettings().container.repo2docker
        script = (
            f'PATH=$PATH:/usr/bin:/bin HOME={Path.home()} exec {uv} --from {pin} jupyter-repo2docker "$@"'
        )
        (self.commands / "repo2docker").write_text(f"#!/bin/sh\n{script}\n")
        (self.commands / "repo2docker").chmod(0o755)

    def settings(self) -> AgentSettings:
        names = re.compile(r"(DOCKER|UV|PIP|SSL|REQUESTS)_\w+")
        environment = {name: value for name, value in os.environ.items() if names.fullmatch(name)}
        container = ContainerSettings(base_image=os.environ["ENGINES_IMAGE"])
        return replace(QUICK, build_seconds=PATIENCE, environment=environment, container=container)


@pytest.fixture
def machine(tmp_path: Path, repository: HostedRepository) -> Iterator[RealMachine]:
    machine = RealMachine(tmp_path / "guest")
    machine.url = repository.url
    yield machine
    machine.halt()
    Engine().ask("rmi", "--force", EXAMPLE_IMAGE)


def test_a_machine_is_baked_and_what_boots_from_it_builds_from_warm_layers(
    machine: RealMachine, tmp_path: Path
) -> None:
    # A label that no build had before: its layers cannot be there yet.
    recipe = (REPOSITORY / "Dockerfile").read_text() + f"RUN sleep {SLOW_SECONDS} && echo {tmp_path}\n"
    order = BakeOrder({"Dockerfile": recipe}, linger_seconds=0.0)

    machine.bake(order, machine.settings())
    _assert_done(machine.ended())
    baked = machine.contents
    assert baked is not None
    assert baked["repo2docker"] == "2026.4.0"
    assert baked["example"].startswith("sha256:")
    assert "unknown" not in baked.values()

    machine.clear_console()
    machine.bake(replace(order, expected=baked), machine.settings())
    _assert_done(machine.ended())
    assert machine.contents is not None
    assert float(baked["build-seconds"]) >= SLOW_SECONDS
    assert float(machine.contents["rebuild-seconds"]) < SLOW_SECONDS, "no step was run again"


def _assert_done(report: Report) -> None:
    assert report.phase == Phase.WAITING, f"{report.reason}\n{report.log}"
