"""The OpenStack cloud through the real bot, on servers that run with a real container engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import HostedRepository
from tests.engines.conftest import Engine
from tests.engines.desk import PATIENCE, Desk, status, workspace_with_ada
from tests.engines.guest import PORT
from tests.engines.standin_machines import MachineCloud, bot_on, cloud_with_machines
from tests.integration.openstack.conftest import QUIET
from workspace.hands import links

pytestmark = [pytest.mark.filterwarnings(each) for each in QUIET]


@pytest.fixture
def cloud(tmp_path: Path, engine: Engine) -> Iterator[MachineCloud]:
    with cloud_with_machines(tmp_path / "machines") as cloud:
        yield cloud


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cloud: MachineCloud, repository: HostedRepository
) -> Iterator[Desk]:
    monkeypatch.chdir(tmp_path)
    with workspace_with_ada() as (workspace, ada):
        yield Desk(workspace, ada, repository, tmp_path, lambda: bot_on(cloud, workspace, tmp_path))


def test_a_launch_serves_with_its_token_at_its_floating_ip_and_leaves_nothing(
    desk: Desk, cloud: MachineCloud, engine: Engine
) -> None:
    with desk.bot():
        desk.launch()
        lab = desk.lab()
        assert status(lab) == requests.codes.ok
        assert status(lab.partition("?")[0]) == requests.codes.found
        [address] = [each["floating_ip_address"] for each in cloud.floating_ips.values()]
        assert lab.startswith(f"http://{address}:{PORT}/")
        [machine] = cloud.running.values()
        assert lab.rpartition("=")[2] not in machine.guest.console
        desk.tear_down(engine)
        assert cloud.leavings() == []
        assert not machine.guest.root.exists()


def test_a_shelved_binder_comes_back_with_its_files(desk: Desk, cloud: MachineCloud, engine: Engine) -> None:
    with desk.bot():
        desk.launch()
        desk.lab()
        [machine] = cloud.running.values()
        machine.guest.inside("echo mine > kept.txt")
        desk.ada.command("/binder shelve")
        desk.ada.wait_for_text("is shelved", PATIENCE)
        machine.wait()
        assert not engine.inspect(machine.guest.name)["State"]["Running"]
        desk.ada.command("/binder resume")
        page = dict(links(desk.ada.wait_for_text("is running again", PATIENCE)))["JupyterLab"]
        assert status(page) == requests.codes.found
        assert machine.guest.inside("cat kept.txt").stdout == "mine\n"
        desk.tear_down(engine)
        assert cloud.leavings() == []
