"""A warm instance, run for real from its user data: it waits, and then serves the one order that it gets."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.provisioning.agent.instructions import pieces_of
from bot.provisioning.agent.sealing import seal, token_of
from bot.provisioning.agent.settings import AgentSettings
from bot.provisioning.instances import InstanceSpec, Phase
from bot.provisioning.tasks import order_text
from tests.conftest import GitServer, HostedRepository
from tests.fakes.http import Script, scripted_server
from tests.fakes.waiting import free_port
from tests.integration.agent.guest import QUICK, Guest, an_order

SECRET = "what only the user data holds"
PATH = "/openstack/latest/meta_data.json"


@pytest.fixture
def service() -> Iterator[Script]:
    """The cloud's metadata service."""
    with scripted_server() as script:
        script.json(PATH, {"meta": {"binder-owner": ""}, "uuid": "1"})
        yield script


@pytest.fixture
def repo(git_server: GitServer) -> HostedRepository:
    return git_server.repository("team/repo")


def settings(service: Script) -> AgentSettings:
    return replace(QUICK, machine=replace(QUICK.machine, metadata=service.url))


def boot(guest: Guest, service: Script) -> None:
    """Boot an instance of the pool, and wait until it waits."""
    nobodys: dict[str, Any] = {"provider": "", "url": "", "token": "", "owner": "", "channel": ""}
    guest.launch(an_order(**{**nobodys, "binder_id": "warm1", "secret": SECRET}), settings(service))
    guest.until(lambda report: report.phase in {Phase.WAITING, Phase.FAILED})


def give(service: Script, order: InstanceSpec, secret: str = SECRET) -> None:
    """Leave an order as the bot does."""
    pieces = pieces_of("order", seal(order_text(order), secret, "order"))
    service.json(PATH, {"meta": {"binder-owner": order.owner, **pieces}, "uuid": "1"})


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def asked(service: Script) -> int:
    return len(service.asked)


def test_it_prepares_the_machine_and_then_waits_silently(guest: Guest, service: Script) -> None:
    boot(guest, service)
    assert guest.phases == ["booting", "waiting"]
    assert not answers(guest.port)
    assert guest.calls("docker", "run") == guest.calls("repo2docker") == []
    assert json.loads((guest.state / "rules.json").read_text()), "no container reaches the metadata service"
    size, before = len(guest.console), asked(service)
    guest.until(lambda _: asked(service) > before + 3)
    assert len(guest.console) == size, "a console is small, and waiting may take a day"


def test_it_serves_its_order_with_a_token_that_never_travelled(
    guest: Guest, service: Script, repo: HostedRepository
) -> None:
    boot(guest, service)
    commit = repo.commit({"requirements.txt": "numpy"})
    order = an_order(repo.url, commit=commit, is_tip=True, binder_id="mine", token="of the row", secret="x")
    give(service, order)
    assert guest.serving().phase == Phase.SERVING

    assert guest.head() == commit
    assert guest.phases == ["booting", "waiting", "fetching", "building", "starting", "serving"]
    token = token_of(SECRET, "mine")
    assert (guest.root / "var/lib/binder-bot/server.env").read_text() == f"JUPYTER_TOKEN={token}\n"
    (run,) = guest.calls("docker", "run")
    assert "binder-mine:/home/jovyan" in run["argv"]
    metadata = service.pages[PATH][2].decode()
    assert not [each for each in (token, SECRET, repo.url, "of the row") if each in metadata]
    shown = guest.console + (guest.state / "calls.jsonl").read_text()
    assert not [each for each in (token, SECRET) if each in shown]


def test_the_order_is_kept_for_the_next_start_by_root_alone(
    guest: Guest, service: Script, repo: HostedRepository
) -> None:
    boot(guest, service)
    give(service, an_order(repo.url, commit=repo.commit({}), binder_id="mine"))
    guest.serving()

    file = guest.root / "etc/binder-bot/task.json"
    task = json.loads(file.read_text())["task"]
    assert (task["binder_id"], task["url"], task["secret"]) == ("mine", repo.url, SECRET)
    assert task["token"] == token_of(SECRET, "mine")
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert sorted(each.name for each in file.parent.iterdir()) == ["task.json"]


def test_after_a_reboot_it_goes_on_with_its_order_and_takes_no_other(
    guest: Guest, service: Script, git_server: GitServer
) -> None:
    first, second = git_server.repository("team/first"), git_server.repository("team/second")
    boot(guest, service)
    give(service, an_order(first.url, commit=first.commit({}), binder_id="mine"))
    guest.serving()
    guest.halt()
    guest.clear_console()
    give(service, an_order(second.url, commit=second.commit({}), binder_id="other"))
    guest.boot()

    assert guest.serving().phase == Phase.SERVING
    assert "waiting" not in guest.phases
    assert len(guest.calls("repo2docker")) == 1, "what was built is still there"
    assert json.loads((guest.root / "etc/binder-bot/task.json").read_text())["task"]["binder_id"] == "mine"


def test_a_reboot_before_the_order_waits_again(guest: Guest, service: Script, repo: HostedRepository) -> None:
    boot(guest, service)
    guest.halt()
    guest.clear_console()
    give(service, an_order(repo.url, commit=repo.commit({})))
    guest.boot()
    assert guest.serving().phase == Phase.SERVING


@pytest.mark.parametrize("kind", ["sealed with another secret", "cut", "no task", "no text"])
def test_what_is_no_order_of_the_bot_is_not_heard(
    guest: Guest, service: Script, repo: HostedRepository, kind: str
) -> None:
    boot(guest, service)
    good = an_order(repo.url, commit=repo.commit({}), binder_id="mine")
    match kind:
        case "sealed with another secret":
            give(service, good, "guessed")
        case "cut":
            text = seal(order_text(good), SECRET, "order")[:-9]
            service.json(PATH, {"meta": pieces_of("order", text)})
        case "no task":
            service.json(PATH, {"meta": pieces_of("order", seal('{"url": 1}', SECRET, "order"))})
        case _:
            service.json(PATH, {"meta": [1]})
    before = asked(service)
    guest.until(lambda _: asked(service) > before + 3)
    assert guest.phases == ["booting", "waiting"]
    give(service, good)
    assert guest.serving().phase == Phase.SERVING


def test_a_cloud_that_can_tell_it_nothing_is_named_instead_of_waiting_in_vain(guest: Guest) -> None:
    silent = Script()
    silent.url = f"http://127.0.0.1:{free_port()}"
    boot(guest, silent)
    assert guest.code == "no-metadata"


def test_a_metadata_service_that_is_away_for_a_while_is_asked_again(
    guest: Guest, service: Script, repo: HostedRepository
) -> None:
    boot(guest, service)
    service.page(PATH, status=503)
    before = asked(service)
    guest.until(lambda _: asked(service) > before + 2)
    give(service, an_order(repo.url, commit=repo.commit({})))
    assert guest.serving().phase == Phase.SERVING
