"""Binders as rows, stores with a clock that a test turns, and a workspace whose Web API is real HTTP."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from slack_sdk import WebClient

from handlers.outbox.delivery import Delivery
from handlers.slack.calls import SlackCalls, default_rate_limits
from handlers.slack.clients import OneWorkspace
from storage import binders
from storage.engine import Store
from storage.models import Binder, OutboxMessage
from storage.vocabulary import Status, Target
from tests.fakes.database import empty_store
from workspace.hands import Person
from workspace.options import ALL_SCOPES, Options
from workspace.server import Workspace

NOW = 1_800_000_000.0
TOKEN = "the-servers-own-token"


def binder(**changes: Any) -> Binder:
    """A row as the bot would have it, ready since a minute."""
    values: dict[str, Any] = {
        "id": "abcd2345",
        "name": "demo",
        "request_key": "command:1",
        "enterprise_id": None,
        "team_id": "T1",
        "owner": "U1",
        "channel": "C1",
        "is_private": False,
        "provider": "gh",
        "url": "https://github.com/owner/repo",
        "ref": "main",
        "commit": "a1b2c3d" + 33 * "0",
        "size": "small",
        "target": Target.READY,
        "status": Status.READY,
        "created_at": NOW - 185,
        "status_since": NOW - 60,
        "resolved_at": NOW - 184,
        "ready_at": NOW - 60,
        "ends_at": NOW + 3600,
        "stages": {"repository": NOW - 185, "instance": NOW - 184, "build": NOW - 180, "server": NOW - 65},
        "line": "",
        "log": "",
        "server_url": "https://hub.example.org/b",
        "token": TOKEN,
        "interfaces": [
            {"kind": "lab", "label": "JupyterLab", "path": "lab/tree/a%20b.ipynb"},
            {"kind": "custom", "label": "voila", "path": "voila?x=1"},
        ],
    }
    return Binder(**(values | changes))


def building(**changes: Any) -> Binder:
    """A row in the middle of its build."""
    values: dict[str, Any] = {
        "status": Status.BUILDING,
        "ready_at": None,
        "stages": {"repository": NOW - 185, "instance": NOW - 184, "build": NOW - 180},
        "fraction": 0.4,
        "line": "Step 3/7 : RUN pip install numpy",
        "interfaces": [],
    }
    return binder(**(values | changes))


@dataclass
class Post:
    """A workspace, and a delivery to it, whose clocks a test turns."""

    workspace: Workspace
    store: Store
    clock: list[float]
    delivery: Delivery = field(init=False)
    client: WebClient = field(init=False)
    people: dict[str, Person] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = WebClient(
            self.workspace.bot_token, base_url=self.workspace.api_url, timeout=30, retry_handlers=[]
        )
        self.restart()

    def restart(self) -> None:
        """As after a crash: what a process remembers is gone."""
        self.delivery = Delivery(
            self.store,
            OneWorkspace(self.client),
            SlackCalls(default_rate_limits(lambda: self.clock[0])),
            admin_channel=self.channel("general"),
        )

    def person(self, user: str) -> Person:
        """Somebody's hands and eyes, by handle or id, until the end of the test."""
        if user not in self.people:
            self.people[user] = Person(self.workspace.url, user)
        return self.people[user]

    def channel(self, name: str) -> str:
        return self.workspace.state.channel_for(self.ada, name).id

    @property
    def team(self) -> str:
        return self.workspace.state.team_id

    @property
    def ada(self) -> str:
        return self.workspace.state.person("ada").id

    def launch(self, channel: str = "general", **changes: Any) -> Binder:
        """Write a new binder of Ada's, and the order to post its card."""
        values = {
            "created_at": self.clock[0],
            "status": Status.REQUESTED,
            "stages": {},
            "ready_at": None,
            "resolved_at": None,
            "team_id": self.workspace.state.team_id,
            "owner": self.ada,
            "channel": self.channel(channel) if channel in {"general", "lab", "secret"} else channel,
            "ends_at": self.clock[0] + 3600,
        }
        row = binder(**(values | changes))
        with self.store.write() as session:
            return binders.add(session, row, wanted_name=changes.get("name", "demo")).binder

    def change(self, binder_id: str, **changes: Any) -> None:
        with self.store.write() as session:
            row = binders.get(session, binder_id)
            assert row
            for name, value in changes.items():
                setattr(row, name, value)

    def row(self, binder_id: str) -> Binder:
        with self.store.read() as session:
            row = binders.get(session, binder_id)
        assert row
        return row

    def owed(self, key: str) -> OutboxMessage:
        with self.store.read() as session:
            return session.query(OutboxMessage).filter_by(key=key).one()

    def drain(self) -> int:
        """Deliver until nothing is due; how many were looked at."""
        count = 0
        while self.delivery.deliver_due() is not None:
            count += 1
            assert count < 200
        return count

    def wait(self, seconds: float) -> int:
        """Let time pass, and deliver what is due then."""
        self.clock[0] += seconds
        return self.drain()

    def messages(self, channel: str = "general", who: str = "ada") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.person(who).look().channel(channel)["messages"]
        return found


@pytest.fixture
def clock() -> list[float]:
    return [time.time()]  # the workspace stamps its messages by the real clock, from which this one starts


@pytest.fixture
def store(clock: list[float]) -> Iterator[Store]:
    with empty_store(lambda: clock[0]) as store:
        yield store


@pytest.fixture
def scopes() -> frozenset[str]:
    """What the bot may do; a test may override this."""
    return ALL_SCOPES


@pytest.fixture
def post(store: Store, clock: list[float], scopes: frozenset[str]) -> Iterator[Post]:
    with Workspace(Options(app_name="Binder", scopes=scopes)) as workspace:
        post = Post(workspace, store, clock)
        yield post
        for each in post.people.values():
            each.leave()
