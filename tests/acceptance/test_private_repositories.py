"""A private repository, with nothing faked but GitHub: real git, a real environment, a real server."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from bot.app import Application
from bot.provisioning.agent.environment import MARK
from storage import binders
from storage.models import Binder
from tests.acceptance.conftest import running
from tests.fakes.git import GOOD
from tests.fakes.github import FakeGitHub
from tests.fakes.waiting import eventually
from workspace.hands import Person, links, plain
from workspace.options import Options
from workspace.server import Workspace

pytestmark = pytest.mark.process

NAME = "lab/secret"


@dataclass
class Lab:
    """A workspace, a bot with the local cloud, and GitHub with one private repository that ada may read."""

    folder: Path
    github: FakeGitHub
    app: Application
    ada: Person
    grace: Person

    @property
    def url(self) -> str:
        return f"{self.github.url}/{NAME}"

    def binder(self) -> Binder:
        with self.app.store.read() as session:
            (found,) = binders.existing(session, self.ada.look().state["team"]["id"])
        return found

    def refusal(self, person: Person, name: str) -> str:
        """What somebody reads who cannot launch a repository, without its name."""
        assert person.command(f"/binder launch {self.github.url}/{name}")["ok"]
        short = name.rpartition("/")[2]
        told = person.wait_for(
            lambda seen: [each for each in seen.everything() if is_refusal(plain(each), name)]
        )
        return plain(told[-1]).replace(name, "NAME").replace(short, "SHORT")


def is_refusal(text: str, name: str) -> bool:
    return f"{name} on" in text and "connect github" in text


@contextmanager
def opened(folder: Path) -> Iterator[Lab]:
    with (
        FakeGitHub(folder / "git") as github,
        Workspace(Options(app_name="Binder")) as workspace,
        Person(workspace.url) as ada,
        Person(workspace.url, "grace") as grace,
    ):
        github.repository(NAME).commit(GOOD)
        github.state.readers[NAME] = {"ada-gh"}
        github.state.installed.add(NAME)
        with running(workspace, folder, None, local_engine="none", **github.settings) as app:
            yield Lab(folder, github, app, ada, grace)


def connect(lab: Lab, person: Person, login: str) -> None:
    assert person.command("/binder connect github")["ok"]
    message = plain(person.wait_for_text("Enter the code"))
    (code,) = re.findall(r"code `?([0-9A-F]{4}-[0-9A-F]{4})", message)
    lab.github.approve(code, login)
    person.wait_for_text(f"You are connected with GitHub as {login}", 20)


def everything_in(folder: Path) -> Iterator[tuple[Path, str]]:
    for each in folder.rglob("*"):
        if (
            each.is_file()
            and not each.is_symlink()
            and each.suffix not in {".so", ".js", ".pyc", ".map", ".html"}
        ):
            yield each, each.read_bytes().decode("latin-1")


def processes(folder: Path) -> Iterator[str]:
    """The command line and the environment of everything that runs for binders."""
    for each in psutil.process_iter():
        try:
            variables = each.environ()
        except psutil.Error:
            continue
        if str(folder) in variables.get(MARK, ""):
            yield f"{each.cmdline()} {variables}"


@pytest.mark.timeout(240)
def test_only_who_may_read_it_launches_it_and_nothing_of_the_right_is_left(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path) as lab:
        connect(lab, lab.ada, "ada-gh")
        unconnected = {lab.refusal(lab.grace, name) for name in (NAME, "lab/gone")}
        connect(lab, lab.grace, "grace-gh")
        connected = {lab.refusal(lab.grace, name) for name in (NAME, "lab/gone")}
        assert unconnected == connected
        assert len(connected) == 1

        assert lab.ada.command(f"/binder launch {lab.url} --name mine")["ok"]
        message = lab.ada.wait_for_text("Your links to", 120)
        address = links(message)[0][1]
        base, token = re.findall(r"(http://[^/]+/).*token=([^&]+)", address)[0]
        listed = requests.get(f"{base}api/contents?token={token}", timeout=10).json()
        assert {each["name"] for each in listed["content"]} == set(GOOD)

        eventually(lambda: lab.binder().right_at is None)
        binder, secrets = lab.binder(), lab.github.state.secrets()
        assert binder.needs_right
        assert {each.split()[0] for each in secrets} >= {"GitHub", "installation", "header"}
        repo = tmp_path / "local/instances" / binder.id / "work/repo"
        remotes = subprocess.check_output(["git", "remote", "-v"], cwd=repo, text=True)
        assert remotes.split()[1] == lab.url
        shown = [("git remote", remotes), *(("a process", each) for each in processes(tmp_path))]
        shown += [(str(path), content) for path, content in everything_in(tmp_path / "local")]
        shown += [("Slack", str([person.look().state for person in (lab.ada, lab.grace)]))]
        shown += [("the database", (tmp_path / "bot.sqlite3").read_bytes().decode("latin-1"))]
        leaked = [(where, name) for where, text in shown for name, each in secrets.items() if each in text]
        assert leaked == []
        assert len(shown) > 10
        assert lab.ada.command("/binder stop mine")["ok"]
        eventually(lambda: not list((tmp_path / "local/instances").glob("*")))
    printed = capfd.readouterr()
    assert [name for name, each in secrets.items() if each in printed.out + printed.err] == []
