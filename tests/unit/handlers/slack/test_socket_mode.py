"""The way in over a socket, from its first moment on."""

from typing import Any

import pytest
from slack_bolt import App
from slack_sdk import WebClient

from handlers.slack.socket_mode import SocketModeConnection
from tests.fakes.waiting import eventually
from workspace.hands import Person
from workspace.options import Options, SlashCommand
from workspace.server import Workspace


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sockets that were asked for, one entry each."""
    asked: list[str] = []
    call = Workspace._answer

    def noting(self: Workspace, method: str, *given: Any) -> Any:
        if method == "apps.connections.open":
            asked.append(method)
        return call(self, method, *given)

    monkeypatch.setattr(Workspace, "_answer", noting)
    return asked


def test_one_socket_is_opened_and_what_comes_over_it_at_once_is_heard(opened: list[str]) -> None:
    command = SlashCommand("/binder", "", "")
    with Workspace(Options(commands=(command,))) as workspace, Person(workspace.url) as ada:
        app = App(name="binder-bot", client=WebClient(workspace.bot_token, base_url=workspace.api_url))
        app.command("/binder")(lambda ack: ack("heard"))
        connection = SocketModeConnection(app, workspace.app_token)
        try:
            connection.connect()
            eventually(lambda: workspace.sockets.connected)
            assert ada.command("/binder help")["ok"]
            assert connection.problem == ""
            assert opened == ["apps.connections.open"]
        finally:
            connection.close()
