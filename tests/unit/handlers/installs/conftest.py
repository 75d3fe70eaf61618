"""Two workspaces behind one Slack, and a bot that they install."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from slack_bolt import App
from slack_sdk import WebClient

import handlers
from bot.config import Settings
from handlers.installs.access import SlackAccess, slack_access
from handlers.installs.workspaces import InstalledWorkspaces
from handlers.requests.context import Context
from handlers.slack.calls import SlackCalls, default_rate_limits
from handlers.slack.http_gate import HttpGate
from storage import installations
from storage.engine import Store
from storage.installation_models import Installation
from tests.fakes.settings import GivenSettings
from tests.fakes.slack_front import CLIENT_ID, CLIENT_SECRET, SlackFront, slack_front
from tests.unit.handlers.requests.test_sizes import SIZES
from workspace.options import Options
from workspace.server import Workspace

HOME, OTHER, STRANGE = "T0HOME", "T0OTHER", "T0STRANGE"
HOURS = 3600.0


@pytest.fixture(scope="module")
def workspaces() -> Iterator[list[Workspace]]:
    with Workspace(Options(team_id=HOME)) as home, Workspace(Options(team_id=OTHER)) as other:
        yield [home, other]


@pytest.fixture
def front(workspaces: list[Workspace], clock: list[float]) -> Iterator[SlackFront]:
    with slack_front(workspaces, rotates=12 * HOURS, clock=lambda: clock[0]) as front:
        front.workspaces[STRANGE] = workspaces[1]
        yield front


@dataclass
class Site:
    """A bot that workspaces install, and a browser."""

    store: Store
    front: SlackFront
    settings: Settings
    access: SlackAccess = field(init=False)
    app: App = field(init=False)
    nudged: list[None] = field(default_factory=list)
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """As another replica would begin, or this one anew."""
        client = WebClient(base_url=self.settings.slack_api_url, timeout=10, retry_handlers=[])
        self.access = slack_access(self.settings, self.store, client, nudge=lambda: self.nudged.append(None))
        self.app = self.access.app()
        context = Context(
            self.store, self.settings, SIZES, lambda: None, doubt_installation=self.access.doubt
        )
        handlers.register(self.app, context)

    @property
    def workspaces(self) -> InstalledWorkspaces:
        assert self.access.installed is not None
        return self.access.installed

    def calls(self) -> SlackCalls:
        return SlackCalls(default_rate_limits(), is_lost=self.access.is_lost)

    def get(self, path: str, **query: str) -> tuple[int, dict[str, str], str]:
        """What a browser gets there."""
        told: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
            told.update(status=int(status.split(maxsplit=1)[0]), headers=dict(headers))

        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "QUERY_STRING": urlencode(query),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.input": BytesIO(),
            "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        gate = HttpGate(self.app, self.settings.key_to_requests or "", self.store)
        body = b"".join(gate(environ, start)).decode()
        if cookie := told["headers"].get("set-cookie", told["headers"].get("Set-Cookie")):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return told["status"], told["headers"], body

    def begin(self) -> str:
        """Open the install page; the state that goes to Slack with the person."""
        status, _, page = self.get("/slack/install")
        assert status == 200
        (link,) = re.findall(r'href="([^"]*/oauth/v2/authorize[^"]*)"', page)
        return parse_qs(urlsplit(unescape(link)).query)["state"][0]

    def install(self, team_id: str, *, of_all: bool = False) -> tuple[int, str]:
        """Install the bot; the status and text of the last page."""
        state = self.begin()
        code = self.front.agree(team_id, of_all=of_all)
        status, _, page = self.get("/slack/oauth_redirect", code=code, state=state)
        return status, page

    def row(self, installation_id: str) -> Installation | None:
        with self.store.read() as session:
            return installations.get(session, installation_id)

    def is_there(self, installation_id: str) -> bool:
        found = self.row(installation_id)
        return found is not None and found.lost_at is None


def settings_of(front: SlackFront, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "slack_client_id": CLIENT_ID,
        "slack_client_secret": CLIENT_SECRET,
        "slack_signing_secret": "the secret with which requests are signed",
        "slack_api_url": front.api_url,
        "public_url": "https://bot.example.org",
        "home_workspace": HOME,
        "launch_for": f"{HOME} {OTHER}",
    }
    return GivenSettings(**(values | changes))


@pytest.fixture
def site(store: Store, front: SlackFront) -> Site:
    return Site(store, front, settings_of(front))
