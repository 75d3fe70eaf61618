"""The whole bot over the wire: a workspace, real Socket Mode, a real store; only the cloud is a fake here."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot import config
from bot.app import Application
from bot.provisioning.base import Cloud
from storage import binders
from storage.engine import Store
from storage.models import Binder
from storage.vocabulary import Status
from tests.fakes.cloud import FakeCloud
from tests.fakes.database import KEY, empty_store
from tests.fakes.git import git_repository_server
from tests.fakes.http import Script, like_jupyter, scripted_server
from tests.fakes.waiting import eventually
from workspace.hands import Person
from workspace.options import Options
from workspace.server import Workspace


@dataclass
class Scene:
    """A workspace with a bot in it, and the people who use it."""

    folder: Path
    workspace: Workspace
    repository: str
    server: Script
    cloud: FakeCloud
    store: Store
    people: dict[str, Person] = field(default_factory=dict)
    app: Application = field(init=False)

    def person(self, handle: str = "ada") -> Person:
        return self.people.setdefault(handle, Person(self.workspace.url, handle))

    def launch(self, text: str = "", **where: Any) -> dict[str, Any]:
        return self.person().command(f"/binder launch {self.repository} {text}".strip(), **where)

    def card(self) -> dict[str, Any]:
        """The newest status message that everybody sees."""
        return self.person().wait_for_text("for @")

    def all_live(self) -> list[Binder]:
        with self.app.store.read() as session:
            found = [binders.get(session, each) for each in binders.existing_ids(session)]
        return [each for each in found if each]

    def wait(self, condition: Callable[[], object], seconds: float = 15) -> None:
        eventually(condition, seconds)

    def wait_until_ready(self) -> None:
        self.wait(lambda: [each.status for each in self.all_live()] == [Status.READY])


@contextmanager
def running(
    workspace: Workspace, folder: Path, cloud: Cloud | None, store: Store | None = None, /, **settings: Any
) -> Iterator[Application]:
    """The bot in this process, connected to the workspace. Without a store, its database is in the folder."""
    whole = {
        "slack_bot_token": workspace.bot_token,
        "slack_app_token": workspace.app_token,
        "slack_api_url": workspace.api_url,
        "database_url": f"sqlite:///{folder / 'bot.sqlite3'}",
        "secret_key": KEY,
        "local_root": folder / "local",
        "allow_private_repositories": True,
        "tick_seconds": 0.1,
        "ready_poll_seconds": 0.3,
        "failed_minutes": 0,
    }
    if "slack_signing_secret" in settings:
        del whole["slack_app_token"]
    application = Application(config.load(**(whole | settings)), cloud=cloud, store=store)
    application.start()
    try:
        is_http = "slack_signing_secret" in settings
        eventually(lambda: "slack" not in application.problems(), 15)
        eventually(lambda: is_http or workspace.sockets.connected, 15)
        yield application
    finally:
        application.stop()


@pytest.fixture(scope="session")
def repository() -> Iterator[str]:
    with git_repository_server() as url:
        yield url


@pytest.fixture
def workspace_options() -> Options:
    return Options(app_name="Binder")


@pytest.fixture
def settings() -> dict[str, Any]:
    """More settings of the bot; a test may override this."""
    return {}


@contextmanager
def opened(
    folder: Path,
    repository: str,
    workspace_options: Options,
    settings: dict[str, Any],
    its_store: Store | None = None,
) -> Iterator[Scene]:
    """A new scene, in which nothing has happened."""
    with (
        scripted_server() as server,
        Workspace(workspace_options) as workspace,
        nullcontext(its_store) if its_store else empty_store(time.time) as store,
    ):
        like_jupyter(server)
        cloud = FakeCloud([time.time()], url=lambda _: server.url, poll_seconds=0.05, attempt_seconds=0.5)
        cloud.can_log_in = True
        scene = Scene(folder, workspace, repository, server, cloud, store)
        with running(workspace, folder, cloud, store, **settings) as scene.app:
            yield scene
        for person in scene.people.values():
            person.leave()


@pytest.fixture
def scene(
    tmp_path: Path,
    repository: str,
    workspace_options: Options,
    settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Scene]:
    monkeypatch.chdir(tmp_path)
    with opened(tmp_path, repository, workspace_options, settings) as scene:
        yield scene


@pytest.fixture(scope="module")
def empty_scene(tmp_path_factory: pytest.TempPathFactory, repository: str) -> Iterator[Scene]:
    """One for all tests of a module that only ask, and launch nothing: the start is most of the work."""
    with opened(tmp_path_factory.mktemp("empty"), repository, Options(app_name="Binder"), {}) as scene:
        yield scene
