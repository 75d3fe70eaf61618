"""A workspace with a real Bolt app connected to it over real Socket Mode."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode.websocket_client import SocketModeHandler
from slack_sdk import WebClient

from workspace.hands import Person
from workspace.options import Options, Shortcut, SlashCommand
from workspace.server import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMMANDS = (
    SlashCommand("/demo", "Say something back", "<words>"),
    SlashCommand("/slow"),
    SlashCommand("/silent"),
)
SHORTCUTS = (Shortcut("Describe", "describe"),)


class Connected:
    """The app's side of a workspace: its Bolt app, its client, and what it received."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.client = WebClient(workspace.bot_token, base_url=workspace.api_url)
        self.app = App(client=self.client)
        self.received: list[dict[str, Any]] = []
        self._opened = threading.Event()
        self._handler: SocketModeHandler | None = None

    def connect(self) -> None:
        # Reconnecting is looked for at every interval: short, so that tests of it are short.
        self._handler = SocketModeHandler(self.app, self.workspace.app_token, ping_interval=1)
        self._handler.client.on_open_listeners.append(lambda _ws: self._opened.set())
        self._handler.connect()  # type: ignore[no-untyped-call]
        assert self._opened.wait(10)

    def disconnect(self) -> None:
        if self._handler is None:
            return
        # websocket-client closes its own socket under its reading thread, which then sleeps out its ten
        # seconds; it wakes at once when the server hangs up first.
        client = self._handler.client
        client.auto_reconnect_enabled = False
        self.workspace.disconnect_all(abrupt=True)
        deadline = time.monotonic() + 5
        while client.is_connected() and time.monotonic() < deadline:
            threading.Event().wait(0.005)
        client.closed = True
        client.message_queue.put(None)  # or its reader waits out its second
        self._handler.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def start() -> Iterator[Callable[..., Workspace]]:
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(
            Workspace(
                Options(**{"app_name": "Demo", "commands": COMMANDS, "shortcuts": SHORTCUTS, **settings})
            )
        )


@pytest.fixture
def workspace(start: Callable[..., Workspace]) -> Workspace:
    return start(ack_seconds=0.5)


@pytest.fixture
def client(workspace: Workspace) -> WebClient:
    return WebClient(workspace.bot_token, base_url=workspace.api_url, retry_handlers=[])


@pytest.fixture
def demo(workspace: Workspace) -> Iterator[Connected]:
    connected = Connected(workspace)
    yield connected
    connected.disconnect()


@pytest.fixture
def ada(workspace: Workspace) -> Iterator[Person]:
    with Person(workspace.url, "ada") as person:
        yield person


@pytest.fixture
def grace(workspace: Workspace) -> Iterator[Person]:
    with Person(workspace.url, "grace") as person:
        yield person
