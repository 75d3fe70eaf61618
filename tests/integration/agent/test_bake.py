"""The agent of a machine that is baked, and of one that proves an image, among stub commands."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.provisioning.agent.bake import EXAMPLE_IMAGE, BakeOrder
from bot.provisioning.agent.settings import AgentSettings, ContainerSettings
from bot.provisioning.baking import EXAMPLE
from bot.provisioning.base import Phase
from bot.provisioning.openstack.console import contents_of_console
from bot.provisioning.openstack.user_data import MAX_ENCODED, pack, render_bake
from tests.conftest import GitServer
from tests.integration.agent.guest import QUICK, Guest, an_order
from tests.integration.agent.machine import unpack

ORDER = BakeOrder(EXAMPLE, linger_seconds=0.0)
SETTINGS = replace(QUICK, container=ContainerSettings(base_image="buildpack-deps:jammy"))
PRIVATE = (
    *("etc/ssh/ssh_host_ed25519_key", "root/.ssh/authorized_keys", "home/debian/.ssh/authorized_keys"),
    *("home/debian/.bash_history", "root/.python_history", "root/.cache/pip/x", "var/log/syslog"),
    *("var/log/apt/term.log", "var/lib/systemd/random-seed", "var/lib/apt/lists/deb.example.org"),
    "var/lib/dbus/machine-id",
)


class Machine(Guest):
    """A guest that is baked."""

    url = ""

    def bake(self, order: BakeOrder = ORDER, settings: AgentSettings = SETTINGS) -> None:
        for name in (*PRIVATE, "etc/machine-id", "etc/hostname"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text("private")
        (self.root / "etc/os-release").write_text('ID=debian\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n')
        for name in ("cloud-init", "systemctl"):
            self.add(name)
        spec = replace(an_order(self.url), token="")
        unpack(render_bake(spec, replace(settings, port=self.port), order), self.root)
        self.boot()

    @property
    def contents(self) -> dict[str, str] | None:
        return contents_of_console(self.console)

    def exists(self, name: str) -> bool:
        return (self.root / name).exists()


@pytest.fixture
def machine(tmp_path: Path, git_server: GitServer) -> Iterator[Machine]:
    machine = Machine(tmp_path / "guest")
    machine.url = git_server.repository("team/repo").url
    yield machine
    machine.halt()


def test_a_machine_is_prepared_cleaned_and_switched_off(machine: Machine) -> None:
    machine.bake()

    assert machine.ended().phase == Phase.WAITING
    assert machine.contents is not None
    assert machine.contents == {
        "docker": "27.5.1+dfsg1",
        "buildx": "0.13.1+ds1",
        "git": machine.contents["git"],
        "repo2docker": "2026.4.0",
        "base-image": "buildpack-deps:jammy",
        "base-digest": "sha256:d1",
        "example": machine.contents["example"],
        "architecture": machine.contents["architecture"],
        "system": "Debian GNU/Linux 13 (trixie)",
        "build-seconds": machine.contents["build-seconds"],
    }
    assert [name for name in PRIVATE if machine.exists(name)] == []
    assert (machine.root / "etc/machine-id").read_text() == ""
    assert machine.exists("etc/hostname")
    assert len(machine.calls("systemctl", "poweroff")) == 1
    assert len(machine.calls("cloud-init", "clean", "--logs")) == 1
    assert machine.phases == ["booting", "pulling", "building", "starting", "waiting"]


def test_the_agent_leaves_nothing_of_itself(machine: Machine) -> None:
    machine.bake()
    machine.ended()

    left = [str(each.relative_to(machine.root)) for each in machine.root.rglob("*binder-bot*")]
    assert left == ["opt/binder-bot"], "where repo2docker is installed"
    assert not list((machine.root / "opt/binder-bot").iterdir())


def test_the_example_is_built_as_repositories_are(machine: Machine) -> None:
    machine.bake()
    machine.ended()

    (call,) = machine.calls("repo2docker")
    assert call["argv"][call["argv"].index("--image-name") + 1] == EXAMPLE_IMAGE
    assert call["argv"][call["argv"].index("--user-name") + 1] == "jovyan"
    assert call["env"]["BUILDX_BUILDER"] == "default"


@pytest.mark.parametrize(
    ("state", "content", "told"),
    [
        ("repo2docker.json", '"2025.1.0"', "has repo2docker 2025.1.0, but the bot builds with 2026.4.0"),
        ("cloud-init.breaks", "", "could not be cleaned"),
        ("build.exit", "1", "The image could not be built"),
    ],
)
def test_what_goes_wrong_is_told_and_the_machine_stays_on(
    machine: Machine, state: str, content: str, told: str
) -> None:
    machine.says(state, content)
    machine.bake()

    report = machine.ended()
    assert report.phase == Phase.FAILED
    assert told in report.reason
    assert machine.contents is None
    assert machine.calls("systemctl") == []


def test_what_boots_from_the_image_proves_it(machine: Machine) -> None:
    machine.bake()
    machine.ended()
    baked = machine.contents
    machine.clear_console()
    assert baked is not None

    machine.bake(replace(ORDER, expected=baked))

    assert machine.ended().phase == Phase.WAITING
    assert machine.contents is not None
    assert machine.contents.keys() - baked.keys() == {"rebuild-seconds"}
    assert machine.exists("root/.ssh/authorized_keys"), "it changes nothing"


@pytest.mark.parametrize(
    ("expected", "probe", "told"),
    [
        ({"docker": "26.0"}, "open 111", "docker is 27.5.1"),
        ({}, "open 0", "reaches the metadata service"),
        ({"base-image": "other:1"}, "open 111", "is not inside"),
    ],
)
def test_an_image_that_is_not_right_is_not_proven(
    machine: Machine, expected: dict[str, str], probe: str, told: str
) -> None:
    machine.bake()
    machine.ended()
    baked = machine.contents
    machine.clear_console()
    machine.says("probe.json", f'"{probe}"')
    assert baked is not None

    machine.bake(replace(ORDER, expected={**baked, **expected}))

    report = machine.ended()
    assert report.phase == Phase.FAILED
    assert told in report.reason
    assert machine.contents is None


def test_where_all_is_there_little_is_asked_before_a_build(guest: Guest, git_server: GitServer) -> None:
    repository = git_server.repository("team/repo")
    guest.launch(an_order(repository.url, commit=repository.commit({})))

    assert guest.serving().phase == Phase.SERVING
    assert guest.calls("apt-get") == []
    assert len(guest.calls("docker", "buildx")) == 1


def test_it_fits_into_user_data() -> None:
    encoded = pack(render_bake(an_order("https://pypi.org/"), QUICK, ORDER))
    assert len(encoded) < MAX_ENCODED - 8_000
