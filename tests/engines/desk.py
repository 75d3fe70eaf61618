"""A person at work with the bot: what tests of a whole launch do, and how they look at what comes back."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from bot.app import Application
from tests.conftest import HostedRepository
from tests.engines.conftest import Engine
from workspace.hands import Person, Snapshot, links, plain
from workspace.options import Options, SlashCommand
from workspace.server import Workspace
from workspace.state import Json

PATIENCE = 120.0


@dataclass
class Desk:
    """A workspace with a person in it, a repository, and a bot that can be started again.

    Attributes:
        workspace: Where the bot is.
        ada: The person.
        repository: What is launched.
        folder: Where the bot keeps its files.
        bot: Starts the bot.
        launches: How many there were.
    """

    workspace: Workspace
    ada: Person
    repository: HostedRepository
    folder: Path
    bot: Callable[[], AbstractContextManager[Application]]
    launches: int = 0

    def launch(self) -> None:
        self.launches += 1
        self.ada.command(f"/binder launch {self.repository.url}")

    def lab(self) -> str:
        """The one-click link to JupyterLab, once it is there; only its owner sees it."""
        self.ada.wait_for(lambda seen: self._count(seen, "Your links to") == self.launches, PATIENCE)
        mine = self.ada.wait_for_text("Your links to")
        return dict(links(mine))["JupyterLab"]

    def tear_down(self, engine: Engine) -> None:
        self.ada.command("/binder stop")
        self.ada.wait_for(lambda seen: self._count(seen, "It ran for") == self.launches, PATIENCE)
        assert engine.leftovers() == []

    def _count(self, seen: Snapshot, text: str) -> int:
        return sum(text in plain(each) for each in seen.everything())


@contextmanager
def workspace_with_ada() -> Iterator[tuple[Workspace, Person]]:
    command = SlashCommand("/binder", "Run a Binder repository", "launch <repository>")
    with (
        Workspace(Options(app_name="Binder", commands=(command,))) as workspace,
        Person(workspace.url) as ada,
    ):
        yield workspace, ada


def status(url: str) -> int:
    """The status of the answer there, not of where it redirects to."""
    return requests.get(url, timeout=30, allow_redirects=False).status_code


def reason(failed: Json) -> str:
    """The sentence below the headline, without the log that follows it."""
    return plain(failed).partition("```")[0]
