"""The server's own doors: who may come in, over which sockets, and what its client shows."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests
import websocket

from workspace.hands import Person, links, plain

if TYPE_CHECKING:
    from slack_sdk import WebClient

    from workspace.server import Workspace


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/hands/state", "/api/api.test"])
def test_other_pages_reach_nothing(workspace: Workspace, path: str, headers: dict[str, str]) -> None:
    assert requests.get(workspace.url + path, timeout=5).status_code == 200
    assert requests.get(workspace.url + path, headers=headers, timeout=5).status_code == 403


def test_a_form_of_another_page_is_not_taken(workspace: Workspace, ada: Person) -> None:
    body = json.dumps({"user": "ada", "channel": "general", "text": "forged"})
    answer = requests.post(
        f"{workspace.url}/hands/message", data=body, headers={"Content-Type": "text/plain"}, timeout=5
    )
    assert answer.status_code == 415
    assert ada.look().messages() == []


def test_the_page_may_load_nothing_from_elsewhere(workspace: Workspace) -> None:
    policy = requests.get(workspace.url, timeout=5).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_ticket_opens_one_socket(workspace: Workspace, client: WebClient) -> None:
    url = client.apps_connections_open(app_token=workspace.app_token)["url"]
    first = websocket.create_connection(url, timeout=5)
    assert json.loads(first.recv())["type"] == "hello"
    with pytest.raises(websocket.WebSocketBadStatusException):
        websocket.create_connection(url, timeout=5)
    first.close()


def test_each_envelope_goes_to_one_socket_that_was_not_asked_to_leave(
    workspace: Workspace, client: WebClient, ada: Person
) -> None:
    def connect() -> websocket.WebSocket:
        url = client.apps_connections_open(app_token=workspace.app_token)["url"]
        socket = websocket.create_connection(url, timeout=0.2)
        assert json.loads(socket.recv())["type"] == "hello"
        return socket

    old = connect()
    workspace.disconnect_all(abrupt=False)
    assert json.loads(old.recv()) == {"type": "disconnect", "reason": "refresh_requested"}
    one, other = connect(), connect()
    assert ada.wait_for(lambda seen: seen.state["connected"] == 2)
    for _ in range(2):
        ada.command("/demo")
    for socket in (one, other):
        assert json.loads(socket.recv())["type"] == "slash_commands"
        with pytest.raises(websocket.WebSocketTimeoutException):
            socket.recv()
    with pytest.raises(websocket.WebSocketTimeoutException):
        old.recv()
    for socket in (old, one, other):
        socket.close()


def test_people_see_what_is_theirs(workspace: Workspace, ada: Person) -> None:
    ada.say("a secret", channel="secret")
    with Person(workspace.url, "linus") as linus:
        assert "secret" not in [one.get("name") for one in linus.look().state["channels"]]
        assert linus.say("x", channel="secret")["error"] == "channel_not_found"
        with pytest.raises(TimeoutError, match="linus did not see it"):
            linus.wait_for_text("a secret", seconds=0.05)


def test_an_invited_app_becomes_a_member(workspace: Workspace, ada: Person, client: WebClient) -> None:
    assert ada.command(f"/invite @{workspace.state.bot.name}", channel="secret")["ok"]
    secret = ada.look().channel("secret")["id"]
    assert client.chat_postMessage(channel=secret, text="here")["ok"]


def test_plain_and_links_read_what_is_visible() -> None:
    link = "<https://example.org/a?x=1&amp;y=2|the lab>"
    message = {
        "text": "fallback",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Title"}},
            {"type": "section", "text": {"type": "mrkdwn", "text": f"see {link} &lt;b&gt; <@U1|ada>"}},
            {
                "type": "rich_text",
                "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "rich"}]}],
            },
        ],
    }
    assert plain(message).splitlines() == ["Title", "see the lab <b> @ada", "rich"]
    assert links(message) == [("the lab", "https://example.org/a?x=1&y=2")]


def test_it_serves_alone_and_says_where() -> None:
    with subprocess.Popen([sys.executable, "-m", "workspace"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = dict(process.stdout.readline().strip().split("=", 1) for _ in range(4))
        answer = requests.post(
            told["SLACK_API_URL"] + "auth.test", data={"token": told["SLACK_BOT_TOKEN"]}, timeout=5
        )
        process.terminate()
    assert answer.json()["ok"]
    assert process.returncode == 0
