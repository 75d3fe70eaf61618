"""The agent from its user data to a server that answers, with the real Docker, buildx and repo2docker."""

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.provisioning.base import Phase, Report
from tests.conftest import GitServer, HostedRepository
from tests.engines.conftest import REPOSITORY, Engine
from tests.engines.guest import QUICK, EngineGuest
from tests.engines.metadata import ASK, metadata_service, open_metadata_service
from tests.engines.small_engine import IMAGE, small_engine
from tests.integration.agent.guest import TOKEN, an_order

RECIPE = (REPOSITORY / "Dockerfile").read_text()
LIMITED = replace(QUICK, container=replace(QUICK.container, memory="400m", cpus=1.5, pids=100))
EAT_MEMORY = "python3 -c 'x = bytearray(1024 ** 3)'"
FORK_MANY = """
import os, signal
children = []
try:
    while len(children) < 150:
        children.append(os.fork() or signal.pause())
except OSError as error:
    print(error)
for child in children:
    os.kill(child, signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with GitServer(tmp_path_factory.mktemp("git")) as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def clean_engine() -> Iterator[None]:
    """Leave nothing on the engine."""
    engine = Engine()
    yield
    left = engine.leftovers()
    engine.clean()
    assert left == []


@pytest.fixture(scope="module")
def serving(hosted: GitServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineGuest]:
    """A guest that serves; tests of a serving machine share it, and leave it serving."""
    repository = hosted.repository("serving")
    commit = repository.commit({each.name: each.read_text() for each in REPOSITORY.iterdir()})
    guest = EngineGuest(tmp_path_factory.mktemp("serving"))
    guest.launch(an_order(repository.url, commit=commit), LIMITED)
    try:
        assert guest.serving().phase == Phase.SERVING, guest.console
        yield guest
    finally:
        guest.destroy()


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[EngineGuest]:
    guest = EngineGuest(tmp_path / "guest")
    yield guest
    guest.destroy()


@pytest.fixture
def repository(hosted: GitServer, tmp_path: Path) -> HostedRepository:
    return hosted.repository(tmp_path.name)


def status(url: str, **headers: str) -> int:
    return requests.get(url, headers=headers, timeout=30, allow_redirects=False).status_code


def inspected(guest: EngineGuest) -> dict[str, Any]:
    return Engine().inspect(guest.name)


def answers(guest: EngineGuest) -> bool:
    try:
        return bool(status(guest.page("api")) == requests.codes.ok)
    except requests.ConnectionError:
        return False


def test_pages_and_api_open_only_with_the_token(serving: EngineGuest) -> None:
    assert status(serving.page("lab")) == requests.codes.found
    assert status(serving.page("lab", TOKEN)) == requests.codes.ok
    assert status(serving.page("lab", TOKEN[:-1])) == requests.codes.found
    assert status(serving.page("api/contents")) == requests.codes.forbidden
    assert status(serving.page("api/contents"), Authorization=f"token {TOKEN}") == requests.codes.ok
    assert TOKEN not in serving.console
    assert TOKEN not in json.dumps(inspected(serving)["Config"]["Cmd"])


def test_the_container_has_the_limits_that_were_set(serving: EngineGuest) -> None:
    given = inspected(serving)["HostConfig"]
    assert given["Memory"] == given["MemorySwap"] == 400 * 2**20
    assert given["NanoCpus"] == 1.5e9
    assert given["PidsLimit"] == 100
    assert given["SecurityOpt"] == ["no-new-privileges"]
    assert given["Privileged"] is False
    assert given["PortBindings"] == {"8888/tcp": [{"HostIp": serving.address, "HostPort": "8888"}]}


def test_a_program_gets_no_more_processes_and_no_rights_than_it_was_given(serving: EngineGuest) -> None:
    assert "NoNewPrivs:\t1" in serving.inside("cat /proc/self/status").stdout
    assert "Resource temporarily unavailable" in serving.inside(f"python3 -c '{FORK_MANY}'").stdout
    assert answers(serving)


def test_a_program_that_takes_all_memory_is_ended_and_the_server_lives(serving: EngineGuest) -> None:
    started = inspected(serving)["State"]["StartedAt"]
    serving.clear_console()
    assert serving.inside(EAT_MEMORY).returncode == 128 + signal.SIGKILL
    report = serving.until(lambda report: "memory" in report.line)
    assert report.line == "A program was ended because the memory was full (400m)"
    assert report.phase == Phase.SERVING
    assert inspected(serving)["State"]["StartedAt"] == started
    assert answers(serving)


def kill_by_the_kernel(guest: EngineGuest) -> None:
    os.kill(inspected(guest)["State"]["Pid"], signal.SIGKILL)


def kill_from_a_terminal(guest: EngineGuest) -> None:
    guest.inside("kill -9 -1")


@pytest.mark.parametrize("kill", [kill_by_the_kernel, kill_from_a_terminal])
def test_a_server_that_was_killed_comes_back_with_its_files(
    serving: EngineGuest, kill: Callable[[EngineGuest], None]
) -> None:
    serving.inside("echo mine >> kept.txt")
    kept = serving.inside("cat kept.txt").stdout
    serving.clear_console()
    kill(serving)
    serving.until(lambda report: report.phase == Phase.STARTING)
    report = serving.serving()
    assert (report.phase, report.line) == (Phase.SERVING, "Serving")
    assert "The server was lost; it is being restarted" in serving.console
    assert status(serving.page("lab", TOKEN)) == requests.codes.ok
    assert serving.inside("cat kept.txt").stdout == kept


def test_a_container_that_an_admin_killed_stays_so_until_the_next_boot(serving: EngineGuest) -> None:
    serving.clear_console()
    Engine().ask("kill", serving.name)
    assert serving.ended().reason == "Its server ended with exit code 137 and did not come back."
    serving.clear_console()
    serving.boot()
    assert serving.serving().phase == Phase.SERVING


def test_a_machine_that_lost_power_serves_again_without_building(serving: EngineGuest) -> None:
    serving.inside("echo mine > power.txt")
    serving.halt()
    serving.clear_console()
    serving.boot()
    assert serving.serving().phase == Phase.SERVING
    assert serving.phases == ["booting", "starting", "serving"]
    assert serving.inside("cat power.txt").stdout == "mine\n"


def test_a_container_reaches_the_metadata_service_only_without_the_rule(serving: EngineGuest) -> None:
    with metadata_service():
        assert "REACHED" not in (refused := serving.inside(ASK).stdout)
        assert "Connection refused" in refused
        assert open_metadata_service()
        assert "REACHED 200" in serving.inside(ASK).stdout


@pytest.mark.parametrize(("is_closed", "told"), [(False, "REACHED 200"), (True, "Connection refused")])
def test_a_build_step_reaches_the_metadata_service_only_without_the_rule(
    guest: EngineGuest, repository: HostedRepository, *, is_closed: bool, told: str
) -> None:
    commit = repository.commit({"Dockerfile": f"FROM localbase:bookworm\nRUN {ASK}; exit 3\n"})
    settings = replace(QUICK, machine=replace(QUICK.machine, firewall=is_closed))
    open_metadata_service()
    with metadata_service():
        guest.launch(an_order(repository.url, commit=commit), settings)
        assert told in guest.ended().reason


FAILING = {
    "pip": (
        "RUN pip install no-such-package-at-all==99",
        "No matching distribution found for no-such-package-at-all==99",
    ),
    "apt": (
        "RUN apt-get install -y no-such-package-at-all",
        "Unable to locate package no-such-package-at-all",
    ),
    "exit": (
        'RUN echo "The data are not there" && exit 3',
        "The data are not there",
    ),
    "silent": (
        "RUN exit 3",
        "exit code: 3",
    ),
    "python": (
        "RUN python3 -c 'import numpy'",
        "ModuleNotFoundError: No module named 'numpy'",
    ),
    "host network": (
        "RUN --network=host true",
        "Unknown flag: network",
    ),
    "memory": (
        "RUN sh -c 'kill -9 $$'",
        "Killed",
    ),
}
"""What is added to a Dockerfile, and the reason that people must read."""


FULL_DISK = {
    "a step that writes": (
        "RUN dd if=/dev/zero of=/big bs=1M count=64",
        "dd: error writing '/big': No space left on device.",
    ),
    "files that are copied": (
        "COPY . /here",
        "The image could not be built: write /big.txt: no space left on device.",
    ),
}
"""The same, of an engine whose disk has 12 MB."""


def failures(
    repository: HostedRepository,
    folder: Path,
    base: str,
    steps: Mapping[str, tuple[str, str]],
    **environment: str,
) -> dict[str, Report]:
    """How builds with these steps end, all of them at once."""
    guests = {name: EngineGuest(folder / str(number)) for number, name in enumerate(steps)}
    try:
        for name, guest in guests.items():
            recipe = f"FROM {base}\n{steps[name][0]}\n"
            commit = repository.commit({"Dockerfile": recipe, "big.txt": "0123456789abcdef" * 2**20})
            guest.environment |= environment
            guest.launch(an_order(repository.url, commit=commit, is_tip=False))
        return {name: guest.ended() for name, guest in guests.items()}
    finally:
        for guest in guests.values():
            guest.destroy()


@pytest.fixture(scope="module")
def failed(hosted: GitServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    repository = hosted.repository("failing")
    return failures(repository, tmp_path_factory.mktemp("failing"), "localbase:bookworm", FAILING)


@pytest.fixture(scope="module")
def failed_on_a_full_disk(hosted: GitServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    repository, folder = hosted.repository("full"), tmp_path_factory.mktemp("full")
    with small_engine(folder / "engine", megabytes=12) as environment:
        return failures(repository, folder, IMAGE, FULL_DISK, **environment)


@pytest.mark.parametrize("name", FAILING)
def test_a_build_that_fails_gives_its_true_reason(failed: dict[str, Report], name: str) -> None:
    report, why = failed[name], FAILING[name][1]
    assert (report.phase, report.code) == (Phase.FAILED, "build-failed")
    assert why in report.reason
    assert ("memory" in report.hint) == (name == "memory")


@pytest.mark.parametrize("name", FULL_DISK)
def test_a_build_on_a_full_disk_says_so(failed_on_a_full_disk: dict[str, Report], name: str) -> None:
    report, why = failed_on_a_full_disk[name], FULL_DISK[name][1]
    assert why in report.reason
    assert report.hint == "The disk is full: a size with a larger disk may do."


def test_hostile_names_run_nothing(guest: EngineGuest, hosted: GitServer, tmp_path: Path) -> None:
    hostile = "--privileged '\"$(touch canary)`touch canary`;touch canary\n&& #"
    repository = hosted.repository("hostile")
    commit = repository.commit(
        {
            f"{hostile}/Dockerfile": RECIPE,
            f"{hostile}/{hostile}.txt": "here",
            f"{hostile}/-rf": "",
            "--upload-pack=touch canary": "",
            "repo2docker_config.py": f"open({str(tmp_path / 'canary')!r}, 'w')",
        }
    )
    names = dict.fromkeys(("ref", "path", "name", "owner", "team", "channel"), hostile)
    guest.launch(an_order(repository.url, commit=commit, **names))
    assert guest.serving().phase == Phase.SERVING, guest.console
    assert f"{hostile}.txt\n" in guest.inside("ls").stdout
    assert not inspected(guest)["HostConfig"]["Privileged"]
    assert not list(tmp_path.rglob("canary"))
    assert guest.inside("find / -xdev -name canary").stdout == ""
