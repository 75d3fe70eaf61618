"""Launches on a machine that really boots: the user data, cloud-init, the agent, Docker, the container.

It needs the control plane of tests/openstack/cloud with a hypervisor (`OSREAL_VIRT=qemu`), whose guest has
Docker, buildx and repo2docker, but no internet: the repository is served from this machine, and what stands
in for Jupyter is made of busybox. docs/openstack-machine.md says what that proves.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from bot.errors import CloudUnreachable
from bot.jupyter.client import JupyterServer
from bot.provisioning.agent.settings import AgentSettings
from bot.provisioning.base import Instance, InstanceSpec, InstanceState, Phase, Report, ResourceIds
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.openstack.console import report_of_console
from bot.provisioning.openstack.options import Flavor, OpenStackOptions
from bot.provisioning.openstack.user_data import render
from tests.acceptance.conftest import running
from tests.conftest import GitServer, HostedRepository
from tests.integration.openstack.plane import FOLDER, delete_security_groups, leavings, needs_cloud
from workspace.hands import Person, links
from workspace.options import Options
from workspace.server import Workspace

_VIRT = FOLDER / "run" / "virt"
pytestmark = [
    pytest.mark.openstack,
    needs_cloud,
    pytest.mark.skipif(
        not _VIRT.exists() or _VIRT.read_text().strip() != "qemu",
        reason="needs the control plane of tests/openstack/cloud, with OSREAL_VIRT=qemu",
    ),
    pytest.mark.timeout(1500),
]

GATEWAY = f"{os.environ.get('OSREAL_FIP_NET', '198.51.100')}.1"
"""This machine, as a guest that has a floating IP reaches it."""
OPTIONS = OpenStackOptions(image="osreal-bookworm", flavors=(Flavor("small", "osreal.small", "Small"),))
PATIENCE_SECONDS = 600.0
"""A guest runs without KVM, and may share two cores with much else."""

OrderOf = Callable[..., InstanceSpec]
Tell = Callable[[str], None]


class Clock:
    """Tells what happened, with the seconds since it was made."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._began_at = time.monotonic()

    def mark(self, what: str) -> None:
        self._tell(f"{time.monotonic() - self._began_at:6.1f} s  {what}")


class Launch:
    """One binder on the cloud, driven by hand.

    Args:
        cloud: Where.
        order: What.
        tell: Is told how long it took.
    """

    def __init__(self, cloud: OpenStackCloud, order: InstanceSpec, tell: Tell) -> None:
        self._cloud = cloud
        self._order = order
        self._clock = Clock(tell)
        self.parts: ResourceIds = {}

    def until(self, what: str, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            assert time.monotonic() < deadline, f"never {what}: {self.report()}"
            time.sleep(1)
        self._clock.mark(what)

    @property
    def instance(self) -> Instance:
        (instance,) = self._cloud.survey().of(self._order.binder_id)
        return instance

    @property
    def url(self) -> str:
        assert self.instance.url is not None
        return self.instance.url

    def create(self) -> None:
        self.parts = self._cloud.create(self._order)
        self.expose()

    def expose(self) -> None:
        self.parts = self._cloud.expose(self._order.binder_id, self.parts)

    def is_at(self, state: InstanceState) -> bool:
        assert self.instance.state != InstanceState.ERROR, self.instance.fault
        return self.instance.state == state

    def report(self) -> Report | None:
        return self._cloud.report(self.instance)

    def has_reported(self, *phases: Phase) -> bool:
        report = self.report()
        assert report is None or report.phase != Phase.FAILED, report
        return report is not None and report.phase in phases

    def follow(self) -> None:
        """Wait for the agent to say that it serves, and for this machine to find it so."""
        self.until("reported", lambda: self.has_reported(*Phase))
        self.until("builds, or has built", lambda: self.has_reported(*list(Phase)[2:]))
        self.until("serves", lambda: self.has_reported(Phase.SERVING))
        self.until("answers at its floating IP", self.is_alive)

    def is_alive(self) -> bool:
        with closing(JupyterServer(self.url, self._order.token)) as server:
            return server.is_alive()

    def offers(self, path: str, token: str | None = None) -> bool:
        with closing(JupyterServer(self.url, self._order.token if token is None else token)) as server:
            return server.answers(path)

    def read(self, path: str) -> str:
        request = Request(self.url + path, headers={"Authorization": f"token {self._order.token}"})
        with urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())

    def shelve(self) -> bool:
        self.parts = self._cloud.shelve(self._order.binder_id, self.parts)
        return "floating_ip" not in self.parts

    def unshelve(self) -> bool:
        try:
            self._cloud.unshelve(self.parts)
        except CloudUnreachable:  # 409: something else happens to it just now
            return False
        assert not self._cloud.unshelve_failed(self.parts)
        return self.is_at(InstanceState.ACTIVE)

    def remove(self) -> bool:
        return self._cloud.remove(self._order.binder_id, self.parts)


@pytest.fixture
def cloud() -> Iterator[OpenStackCloud]:
    settings = AgentSettings()
    cloud = OpenStackCloud(
        OPTIONS,
        f"test-{secrets.token_hex(4)}",
        lambda order: render(order, settings),
        report_of_console,
    )
    yield cloud
    deadline = time.monotonic() + 120
    binders = cloud.survey()
    for binder_id in {*binders.instances, *binders.strays}:
        while not cloud.remove(binder_id, {}):
            assert time.monotonic() < deadline, leavings(cloud)
            time.sleep(1)
    delete_security_groups(cloud)
    cloud.close()


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[HostedRepository]:
    files = Path(__file__).parent / "repository"
    with GitServer(tmp_path / "git", host=GATEWAY) as server:
        repository = server.repository("team/repo")
        repository.commit({each.name: each.read_text() for each in files.iterdir()})
        yield repository


@pytest.fixture
def order(order_of: OrderOf, repository: HostedRepository) -> InstanceSpec:
    """An order for a commit that is not the newest of its branch."""
    commit = repository.commit({})
    repository.commit({"hello.txt": "a later hello\n"})
    token = secrets.token_urlsafe(24)
    order = order_of("machine", provider="git", url=repository.url, commit=commit, is_tip=False, token=token)
    return replace(order, ref="main")


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    def write(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)  # noqa: T201 - how long it took is what one wants to know of it

    return write


@pytest.fixture
def launch(cloud: OpenStackCloud, order: InstanceSpec, tell: Tell) -> Launch:
    return Launch(cloud, order, tell)


def test_from_an_order_to_a_server_put_away_and_had_back(
    launch: Launch, cloud: OpenStackCloud, order: InstanceSpec
) -> None:
    launch.create()
    launch.until("active", lambda: launch.is_at(InstanceState.ACTIVE))
    launch.follow()
    _assert_serves_what_was_ordered(launch)
    assert order.token not in cloud._consoles.read(launch.instance.ref)
    address = launch.parts["floating_ip"]

    launch.until("shelved, without an address", launch.shelve)
    assert launch.instance.url is None
    launch.until("unshelved", launch.unshelve)
    launch.expose()
    assert launch.parts["floating_ip"] != address
    launch.follow()
    _assert_serves_what_was_ordered(launch)

    launch.until("removed", launch.remove)
    assert leavings(cloud) == []


def _assert_serves_what_was_ordered(launch: Launch) -> None:
    assert launch.offers("lab")
    assert launch.offers("tree")
    assert not launch.offers("lab", token="a-guess")
    assert launch.read("/files/hello.txt") == "hello"
    assert "refused" in launch.read("/metadata")


def test_the_whole_bot_launches_puts_away_has_back_and_takes_down(
    tmp_path: Path,
    cloud: OpenStackCloud,
    repository: HostedRepository,
    tell: Tell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOUD", "openstack")
    settings = {
        "deployment": cloud._tags.deployment,
        "openstack_image": OPTIONS.image,
        "openstack_sizes": "osreal.small:Small",
    }
    with (
        Workspace(Options(app_name="Binder")) as workspace,
        Person(workspace.url) as ada,
        running(workspace, tmp_path, None, **settings),
    ):
        clock = Clock(tell)
        ada.command(f"/binder launch {repository.url} --name demo")
        _see_the_page(ada, "is ready after", clock)
        ada.command("/binder shelve demo")
        ada.wait_for_text("its links are not", PATIENCE_SECONDS)
        clock.mark("put away")
        ada.command("/binder resume demo")
        _see_the_page(ada, "is running again", clock)
        ada.command("/binder stop demo")
        ada.wait_for_text("It ran for", PATIENCE_SECONDS)
        clock.mark("taken down")
    assert leavings(cloud) == []


def _see_the_page(ada: Person, words: str, clock: Clock) -> None:
    """Wait until the bot says those words, ask for the links that are the owner's alone, and open one."""
    public = dict(links(ada.wait_for_text(words, PATIENCE_SECONDS)))
    clock.mark(words)
    assert {"JupyterLab", "Notebook"} <= set(public)
    with pytest.raises(HTTPError, match="403"):
        urlopen(public["JupyterLab"], timeout=30)
    ada.command("/binder open demo")
    mine = ada.wait_for(
        lambda seen: [
            url
            for each in seen.ephemerals()
            for label, url in links(each)
            if label == "JupyterLab" and url.startswith(public["JupyterLab"])
        ]
    )
    with urlopen(mine[-1], timeout=30) as page:
        assert "Jupyter" in page.read().decode()
