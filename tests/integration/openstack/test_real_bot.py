"""The whole bot over a real control plane: a workspace, the bot as a process of its own, and played guests.

One bot serves all tests of this file, as in production; each test's binder has a name of its own.
"""

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from bot.provisioning.instances import InstanceSpec, InstanceState
from bot.provisioning.openstack.api import Api
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.openstack.console import report_of_console
from bot.provisioning.openstack.options import Flavor, OpenStackOptions
from storage.engine import Store
from storage.models import Binder
from storage.vocabulary import Status
from tests.fakes.git import git_repository_server
from tests.fakes.waiting import eventually
from tests.integration.openstack.plane import (
    FLAVOR,
    HUGE,
    IMAGE,
    Guest,
    Knobs,
    delete_security_groups,
    huge_flavor,
    leavings,
    needs_cloud,
    needs_played_guests,
    quota,
)
from workspace.hands import Person, Snapshot, links, plain
from workspace.options import Options, SlashCommand
from workspace.server import Workspace

pytestmark = [pytest.mark.openstack, needs_cloud, needs_played_guests, pytest.mark.timeout(600)]

PATIENCE_SECONDS = 150.0
SEATS = int(os.environ.get("OS_TEST_SEATS", "8"))
"""Of the class. Thirty take two cores three minutes more."""
OrderOf = Callable[..., InstanceSpec]


class Bot:
    """`binder-bot` as an operator runs it, over a folder that outlives it."""

    def __init__(self, folder: Path, workspace: Workspace, deployment: str) -> None:
        self._folder = folder
        self.database = f"sqlite:///{folder / 'bot.sqlite3'}"
        self._environment = os.environ | {
            "SLACK_BOT_TOKEN": workspace.bot_token,
            "SLACK_APP_TOKEN": workspace.app_token,
            "SLACK_API_URL": workspace.api_url,
            "DATABASE_URL": self.database,
            "CLOUD": "openstack",
            "DEPLOYMENT": deployment,
            "OPENSTACK_IMAGE": IMAGE,
            "OPENSTACK_SIZES": f"{FLAVOR}:Tiny,{HUGE}:Huge",
            "ALLOW_PRIVATE_REPOSITORIES": "true",
            "CLASS_FOR": "everybody",
            "TICK_SECONDS": "0.1",
            "PYTHONPATH": str(Path(__file__).parents[3]),
        }
        self.serving = self._start("serve")

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self._folder / "bot.log").open("ab") as log:
            whole = [sys.executable, "-m", "bot", *command]
            return subprocess.Popen(whole, env=self._environment, stdout=log, stderr=log, cwd=self._folder)

    def kill_and_restart(self) -> None:
        self.serving.send_signal(signal.SIGKILL)
        self.serving.wait()
        self.serving = self._start("serve")

    def drain(self) -> int:
        return self._start("drain", "--timeout", str(PATIENCE_SECONDS)).wait()

    def stop(self) -> int:
        self.serving.terminate()
        return self.serving.wait(30)

    def log(self) -> str:
        return (self._folder / "bot.log").read_text()


class Stage:
    """A workspace with the bot in it, Ada, and what the bot makes in the cloud."""

    def __init__(self, workspace: Workspace, bot: Bot, cloud: OpenStackCloud, repository: str) -> None:
        self.workspace = workspace
        self.bot = bot
        self.cloud = cloud
        self.repository = repository
        self.ada = Person(workspace.url)

    def command(self, text: str) -> None:
        """Have Ada type a command, once the bot is there."""
        self.wait_until_at_work()
        assert self.ada.command(text)["ok"]

    def wait_until_at_work(self) -> None:
        def is_connected() -> bool:
            assert self.bot.serving.poll() is None, self.bot.log()
            return self.workspace.sockets.connected > 0

        eventually(is_connected, PATIENCE_SECONDS, self.bot.log)

    def launch(self, name: str, more: str = "") -> None:
        self.command(f"/binder launch {self.repository} --name {name} {more}")

    def row(self, name: str) -> Binder | None:
        with closing(Store(self.bot.database)) as store, store.read() as session:
            return session.scalar(select(Binder).where(Binder.name == name))

    def wait_for_row(self, name: str, status: Status) -> Binder:
        """Wait until a binder is that far, or further."""
        order = list(Status)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (row := self.row(name)) is None or order.index(row.status) < order.index(status):
            assert time.monotonic() < deadline, f"{name} never came to {status}:\n{self.bot.log()[-3000:]}"
            time.sleep(0.1)
        return row

    def guest(self, name: str) -> Guest:
        """Wait until a binder has a server with an address, and play what is on it."""
        row = self.wait_for_row(name, Status.BOOTING)
        return Guest(row.resource_ids["server"], str(row.server_url), row.token)

    def guest_at_new_address(self, name: str) -> Guest:
        """As `guest`, of a binder that was had back."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (row := self.row(name)) is None or row.server_url is None:
            assert time.monotonic() < deadline, self.bot.log()
            time.sleep(0.1)
        return Guest(row.resource_ids["server"], row.server_url, row.token)

    def hear(self, name: str, words: str) -> dict[str, Any]:
        """Wait for the newest message that Ada sees about a binder, with these words in it."""
        return self.ada.wait_for(lambda seen: _about(seen, name, words)[-1:], PATIENCE_SECONDS)[0]

    def times_said(self, name: str, words: str) -> int:
        return len(_about(self.ada.look(), name, words))

    def leavings(self, name: str) -> list[Any]:
        row = self.row(name)
        assert row is not None
        return leavings(self.cloud, row.id)

    def wait_until_nothing_is_left(self, name: str) -> None:
        row = self.row(name)
        assert row is not None
        self.wait_until_gone([row.id])

    def wait_until_gone(self, binder_ids: Sequence[str]) -> None:
        def nothing_is_left() -> bool:
            return not any(leavings(self.cloud, each) for each in binder_ids)

        eventually(nothing_is_left, PATIENCE_SECONDS, self.bot.log)


def _about(seen: Snapshot, name: str, words: str) -> list[dict[str, Any]]:
    return [each for each in seen.everything() if name in plain(each) and words in plain(each)]


@pytest.fixture(scope="module")
def cloud() -> Iterator[OpenStackCloud]:
    """The bot's cloud as seen from beside it: with the same marks, and credentials of the same project."""
    options = OpenStackOptions(image=IMAGE, flavors=(Flavor("small", FLAVOR, "Small"),))
    cloud = OpenStackCloud(options, f"test-{secrets.token_hex(4)}", lambda _: "", report_of_console)
    yield cloud
    cloud.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, cloud: OpenStackCloud) -> Iterator[Stage]:
    """A bot at work; in the end its operator drains it, and nothing may be left."""
    command = SlashCommand("/binder", "Run a Binder repository", "launch <repository>")
    options = Options(app_name="Binder", commands=(command,))
    with git_repository_server() as repository, Workspace(options) as workspace:
        bot = Bot(tmp_path_factory.mktemp("bot"), workspace, cloud._tags.deployment)
        stage = Stage(workspace, bot, cloud, repository)
        try:
            yield stage
            assert bot.drain() == 0, bot.log()
            assert bot.stop() == 0
            assert leavings(cloud) == []
        finally:
            bot.serving.kill()
            bot.serving.wait()
            stage.ada.leave()
            delete_security_groups(cloud)


@pytest.fixture(scope="module")
def stray(stage: Stage, cloud: OpenStackCloud, order_of: OrderOf) -> str:
    """What a bot left behind that lost its database: a server with port and floating IP; the binder's id."""
    # With an empty database, the bot would rather not start than sweep what it does not know.
    stage.wait_until_at_work()
    parts = cloud.create(order_of("stray"))
    cloud.expose("stray", parts)
    return "stray"


def test_from_the_command_to_links_that_work_and_back_to_nothing(stage: Stage, stray: str) -> None:
    stage.launch("alpha")
    guest = stage.guest("alpha")
    guest.says(phase="booting", message="hello")
    guest.says(phase="building", fraction=0.4, message="Step 3/7 : RUN pip install")
    stage.hear("alpha", "Step 3/7")
    with guest.serves():
        ready = stage.hear("alpha", "is ready after")
        public = dict(links(ready))
        owned = dict(links(stage.hear("alpha", "Your links to")))
        assert {"JupyterLab", "Notebook"} <= set(public)
        assert requests.get(public["JupyterLab"], allow_redirects=False, timeout=5).status_code == 302
        assert requests.get(owned["JupyterLab"], allow_redirects=False, timeout=5).status_code == 200
    row = stage.wait_for_row("alpha", Status.READY)
    assert row.token not in stage.bot.log()
    assert len(stage.leavings("alpha")) == 3
    stage.ada.click("Tear down", stage.hear("alpha", "Ready after"))
    stage.hear("alpha", "It ran for")
    assert stage.leavings("alpha") == []


def test_a_host_that_cannot_start_the_server_is_the_reason(stage: Stage, knobs: Knobs) -> None:
    with knobs.turned(fail_spawn=True):
        stage.launch("bravo")
        failed = stage.hear("bravo", "could not be launched.")
    assert "The cloud could not run the instance: " in plain(failed)
    stage.wait_until_nothing_is_left("bravo")


def test_a_size_without_room_is_named(stage: Stage, admin: Api) -> None:
    with huge_flavor(admin, stage.cloud):
        stage.launch("charlie", f"--size {HUGE}")
        failed = stage.hear("charlie", "could not be launched.")
        assert f"no host has room for the size {HUGE} now" in plain(failed)
        stage.wait_until_nothing_is_left("charlie")


def test_a_quota_that_is_used_up_is_said_and_waited_for(stage: Stage, admin: Api) -> None:
    with quota(admin, stage.cloud, instances=0):
        stage.launch("delta")
        waiting = stage.hear("delta", "has to wait.")
        assert re.search(r"The project's quota is used up: instances \d of 0, 1 more wanted", plain(waiting))
    with stage.guest("delta").serves():
        stage.hear("delta", "is ready after")
    assert stage.times_said("delta", "has to wait.") == 1
    stage.command("/binder stop delta")
    stage.wait_for_row("delta", Status.DELETING)


def test_put_away_and_had_back_its_new_links_work(stage: Stage) -> None:
    stage.launch("golf")
    with stage.guest("golf").serves():
        stage.hear("golf", "is ready after")
    stage.command("/binder shelve golf")
    stage.hear("golf", "Its files are kept")
    assert len(stage.leavings("golf")) == 2  # its server and its port; the address is given back
    stage.command("/binder resume golf")
    with stage.guest_at_new_address("golf").serves():
        back = dict(links(stage.hear("golf", "is running again.")))
        assert requests.get(back["JupyterLab"], allow_redirects=False, timeout=5).status_code == 302
    stage.command("/binder stop golf")
    stage.hear("golf", "It ran for")
    assert stage.leavings("golf") == []


def test_a_class_gets_its_seats_in_time_and_leaves_nothing(stage: Stage, admin: Api) -> None:
    seats = [f"hotel-{number}" for number in range(1, SEATS + 1)]
    with quota(admin, stage.cloud, instances=-1, cores=-1, ram=-1), ExitStack() as guests:
        began = time.time()
        stage.command(f"/binder class {stage.repository} --seats {SEATS} --for 1h --name hotel")
        for each in seats:
            guests.enter_context(stage.guest(each).serves())
        stage.hear("hotel", f"{SEATS}  ready")
        with closing(Store(stage.bot.database)) as store, store.read() as session:
            rows = session.scalars(select(Binder).where(Binder.class_id.is_not(None))).all()
            ids = [each.id for each in rows]
            ready = [each.ready_at or 0.0 for each in rows]
            launches = [(each.ready_at or 0.0) - each.created_at for each in rows]
        assert len(ids) == SEATS
        assert max(ready) - began <= max(launches) + 30
        stage.command("/binder class join hotel")
        owned = dict(links(stage.hear("hotel", "Your links to")))
        assert requests.get(owned["JupyterLab"], allow_redirects=False, timeout=5).status_code == 200
        # Ada's own seat would end only after a warning.
        stage.command("/binder stop hotel")
        stage.command("/binder class end hotel")
        stage.hear("hotel", "is over")
        stage.wait_until_gone(ids)


def test_what_belongs_to_no_binder_is_swept_away(stage: Stage, stray: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while leavings(stage.cloud, stray):
        assert time.monotonic() < deadline, stage.bot.log()
        time.sleep(1)


def test_killed_again_and_again_it_goes_on(stage: Stage, knobs: Knobs) -> None:
    with knobs.turned(spawn_seconds=3):
        stage.launch("echo")
        binder = stage.wait_for_row("echo", Status.CREATING)
        stage.bot.kill_and_restart()
        guest = stage.guest("echo")
    stage.bot.kill_and_restart()
    guest.says(phase="building", fraction=0.5)
    stage.wait_for_row("echo", Status.BUILDING)
    stage.bot.kill_and_restart()
    with guest.serves():
        stage.hear("echo", "is ready after")
        (instance,) = stage.cloud.survey().of(binder.id)
        assert instance.state == InstanceState.ACTIVE
        stage.bot.kill_and_restart()
    stage.command("/binder stop echo")
    stage.wait_for_row("echo", Status.DELETING)
    stage.bot.kill_and_restart()
    stage.hear("echo", "It ran for")
    assert stage.leavings("echo") == []
    for words in ("\nfor @", "is ready after", "It ran for"):
        assert stage.times_said("echo", words) == 1
