"""The warm pool through the real bot, with a real container engine: a launch takes an instance that waits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from bot.app import Application
from bot.provisioning.instances import Phase
from storage import warm
from storage.vocabulary import Status
from tests.conftest import HostedRepository
from tests.engines.conftest import Engine
from tests.engines.desk import Desk, status, workspace_with_ada
from tests.engines.guest import EngineGuest
from tests.engines.standin_machines import MachineCloud, bot_on, cloud_with_machines
from tests.fakes.waiting import eventually
from tests.integration.openstack.conftest import QUIET

pytestmark = [pytest.mark.filterwarnings(each) for each in QUIET]


@pytest.fixture
def cloud(tmp_path: Path, engine: Engine) -> Iterator[MachineCloud]:
    with cloud_with_machines(tmp_path / "machines", boot_seconds=5) as cloud:
        yield cloud


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cloud: MachineCloud, repository: HostedRepository
) -> Iterator[Desk]:
    monkeypatch.chdir(tmp_path)
    with workspace_with_ada() as (workspace, ada):
        bot = bot_on(cloud, workspace, tmp_path, warm_pool="m3.small:1")
        yield Desk(workspace, ada, repository, tmp_path, lambda: bot)


def one_that_waits(bot: Application, cloud: MachineCloud) -> tuple[str, EngineGuest]:
    """The instance that waits, once the bot knows of it."""

    def statuses() -> list[Status]:
        with bot.store.read() as session:
            return [each.status for each in warm.existing(session)]

    eventually(lambda: statuses() == [Status.WAITING], 120)
    [(server, machine)] = cloud.running.items()
    return server, machine.guest


def test_a_launch_takes_the_instance_that_waits_and_does_not_wait_for_a_boot(
    desk: Desk, cloud: MachineCloud, engine: Engine
) -> None:
    with desk.bot() as bot:
        server, guest = one_that_waits(bot, cloud)
        report = guest.report
        assert report is not None
        assert report.phase == Phase.WAITING
        assert engine.leftovers() == [], "an instance that waits runs no container"
        with pytest.raises(requests.ConnectionError):
            status(f"{guest.url}/api")

        desk.launch()
        lab = desk.lab()
        assert lab.startswith(guest.url), "the launch has the address of the instance that waited"
        assert status(lab) == requests.codes.ok
        assert status(lab.partition("?")[0]) == requests.codes.found
        token = lab.rpartition("=")[2]
        assert token not in str(cloud.servers[server]["metadata"])
        assert token not in guest.console
        desk.tear_down(engine)
