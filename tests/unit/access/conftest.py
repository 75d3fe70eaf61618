"""A stand-in of GitHub, a real database with a clock of its own, and the bot's two parts that use both."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.access.connecting import ConnectionKeeper
from bot.access.github import GitHubApi
from bot.access.github_rights import GitHubRights
from bot.access.rights import Reader, SiteRights
from storage import connections
from storage.access_models import ConnectionState, GitHubConnection
from storage.engine import Store
from tests.fakes.database import empty_store
from tests.fakes.github import APP_ID, CLIENT_ID, FakeGitHub, app_key_as_pem

ADA, GRACE = Reader("T1", "UADA"), Reader("T1", "UGRACE")


class Desk:
    """People who connect, and what the bot finds out for them."""

    def __init__(self, github: FakeGitHub, store: Store, clock: list[float]) -> None:
        self.github, self.store, self.clock = github, store, clock
        key = app_key_as_pem()
        self.api = GitHubApi(
            github.url, f"{github.url}/api", app_id=APP_ID, client_id=CLIENT_ID, key=key, clock=time.time
        )
        self.keeper = ConnectionKeeper(store, self.api)
        self.rights = SiteRights(store, GitHubRights(store, self.api, github.url))

    def row(self, reader: Reader = ADA) -> GitHubConnection:
        with self.store.read() as session:
            found = connections.get(session, reader.team_id, reader.user)
        assert found is not None
        return found

    def state(self, reader: Reader = ADA) -> ConnectionState:
        return self.row(reader).state

    def request(self, reader: Reader = ADA) -> None:
        with self.store.write() as session:
            connections.request(session, reader.team_id, reader.user)

    def tick(self, seconds: float = 0.0) -> int:
        self.clock[0] += seconds
        return self.keeper.tick()

    def connect(self, reader: Reader = ADA, login: str = "ada") -> None:
        self.github.state.interval = 0.0
        self.request(reader)
        self.tick()
        self.github.approve(self.row(reader).user_code or "", login)
        self.tick(60)
        assert self.state(reader) == ConnectionState.CONNECTED

    def private(self, name: str = "lab/secret", *readers: str) -> str:
        """A private repository on which the App is installed; its address."""
        url = self.github.repository(name).url.removesuffix(".git")
        self.github.state.readers[name] = set(readers or ("ada",))
        self.github.state.installed.add(name)
        return url


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    clock = [1_000_000.0]
    with FakeGitHub(tmp_path / "git") as github, empty_store(lambda: clock[0]) as store:
        yield Desk(github, store, clock)
