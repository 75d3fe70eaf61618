"""What the Web API answers, through slack_sdk, for the reasons for which Slack would."""

from __future__ import annotations

import json
import urllib.error
from typing import TYPE_CHECKING, Any

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from workspace.hands import plain
from workspace.options import ALL_SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace.hands import Person
    from workspace.server import Workspace


def error_of(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as raised:
        call(**arguments)
    return str(raised.value.response["error"])


def test_tokens_are_checked(workspace: Workspace) -> None:
    def as_(token: str) -> WebClient:
        return WebClient(token, base_url=workspace.api_url)

    assert error_of(as_("xoxb-wrong").auth_test) == "invalid_auth"
    assert error_of(as_(workspace.app_token).auth_test) == "not_allowed_token_type"
    bot = as_(workspace.bot_token)
    assert error_of(bot.apps_connections_open, app_token=workspace.bot_token) == "not_allowed_token_type"
    assert error_of(bot.api_call, api_method="no.such") == "unknown_method"
    assert requests.post(workspace.api_url + "auth.test", timeout=5).json()["error"] == "not_authed"
    assert bot.auth_test()["bot_id"] == workspace.state.bot_id


def test_places_are_checked(client: WebClient, workspace: Workspace, ada: Person, start: Any) -> None:
    secret, lab = (ada.look().channel(name)["id"] for name in ("secret", "lab"))
    assert error_of(client.chat_postMessage, channel=secret, text="x") == "channel_not_found"
    assert error_of(client.conversations_info, channel=secret) == "channel_not_found"
    assert error_of(client.chat_postMessage, channel="#nowhere", text="x") == "channel_not_found"
    assert client.chat_postMessage(channel=lab, text="x")["ok"]
    assert error_of(client.conversations_history, channel=lab) == "not_in_channel"
    assert client.conversations_join(channel=lab)["ok"]
    assert client.conversations_history(channel=lab)["messages"][0]["text"] == "x"
    strict = start(scopes=ALL_SCOPES - {"chat:write.public", "im:write"})
    narrow = WebClient(strict.bot_token, base_url=strict.api_url)
    assert error_of(narrow.chat_postMessage, channel="#lab", text="x") == "not_in_channel"
    assert error_of(narrow.conversations_open, users="ada") == "missing_scope"
    outsider = workspace.state.person("linus").id
    dm = client.conversations_open(users=ada.look().me)["channel"]["id"]
    assert error_of(client.chat_postEphemeral, channel=dm, user=outsider, text="x") == "user_not_in_channel"
    assert client.chat_postMessage(channel=ada.look().me, text="hi")["channel"] == dm


def test_an_update_without_blocks_deletes_them_and_keeps_the_metadata(client: WebClient) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "one"}}]
    metadata = {"event_type": "x", "event_payload": {"id": 1}}
    posted = client.chat_postMessage(channel="#general", text="one", blocks=blocks, metadata=metadata)
    place = {"channel": posted["channel"], "ts": posted["ts"]}
    client.chat_update(**place, text="two")
    history = client.conversations_history(channel=posted["channel"], include_all_metadata=True)["messages"]
    assert (history[0]["text"], history[0].get("blocks"), history[0]["metadata"]) == ("two", None, metadata)
    assert "metadata" not in client.conversations_history(channel=posted["channel"])["messages"][0]
    large = {"event_type": "x", "event_payload": {"id": "x" * 20_000}}
    assert error_of(client.chat_update, **place, text="x", metadata=large) == "metadata_too_large"


def test_threads_pages_and_tombstones(client: WebClient, ada: Person) -> None:
    root = client.chat_postMessage(channel="#general", text="root")
    place = {"channel": root["channel"], "ts": root["ts"]}
    for number in range(5):
        client.chat_postMessage(channel=root["channel"], thread_ts=root["ts"], text=str(number))
    pages = client.conversations_replies(**place, limit=2)
    assert [one["text"] for page in pages for one in page["messages"]] == ["root", "0", "1", "2", "3", "4"]
    assert len(client.conversations_history(channel=root["channel"])["messages"]) == 1
    client.chat_postMessage(channel=root["channel"], thread_ts=root["ts"], text="all", reply_broadcast=True)
    assert client.conversations_history(channel=root["channel"])["messages"][0]["text"] == "all"
    ada.delete(ada.wait_for_text("4"))
    assert ada.wait_for_text("root")["reply_count"] == 5
    ada.delete(ada.wait_for_text("root"))
    assert error_of(client.chat_update, **place, text="x") == "message_not_found"
    assert plain(ada.look().messages()[0]) == "This message was deleted."
    assert (
        error_of(client.chat_postMessage, channel="#general", thread_ts="1.1", text="x") == "thread_not_found"
    )


def test_only_own_messages_can_be_changed(client: WebClient, ada: Person) -> None:
    ts = ada.say("mine")["ts"]
    channel = ada.look().channel("general")["id"]
    assert error_of(client.chat_update, channel=channel, ts=ts, text="x") == "cant_update_message"
    assert error_of(client.chat_delete, channel=channel, ts=ts) == "cant_delete_message"
    assert error_of(client.chat_delete, channel=channel, ts="1.1") == "message_not_found"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"text": ""}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": {"type": "divider"}}, "invalid_blocks_format"),
        ({"text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "markdown", "text": "x" * 7000}] * 2}, "msg_blocks_too_long"),
        ({"text": "x", "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
    ],
)
def test_contents_are_checked(client: WebClient, arguments: dict[str, Any], error: str) -> None:
    # Not by chat_postMessage: it warns of a missing text before it asks.
    whole = {"channel": "#general", **arguments}
    assert error_of(client.api_call, api_method="chat.postMessage", json=whole) == error


def test_an_update_may_hold_less_than_a_post(client: WebClient) -> None:
    posted = client.chat_postMessage(channel="#general", text="x" * 5000)
    assert (
        error_of(client.chat_update, channel=posted["channel"], ts=posted["ts"], text="x" * 4001)
        == "msg_too_long"
    )


def test_forms_and_json_are_both_understood(workspace: Workspace) -> None:
    url, blocks = workspace.api_url + "chat.postMessage", [{"type": "divider"}]
    form = {"token": workspace.bot_token, "channel": "#general", "blocks": json.dumps(blocks)}
    assert requests.post(url, data=form, timeout=5).json()["message"]["blocks"][0]["type"] == "divider"
    assert (
        requests.post(url, data={**form, "blocks": "{"}, timeout=5).json()["error"] == "invalid_blocks_format"
    )


def test_rates_are_enforced_where_asked_for(start: Any) -> None:
    strict = start(enforce_rates=True)
    client = WebClient(strict.bot_token, base_url=strict.api_url)
    for _ in range(3):
        client.chat_postMessage(channel="#general", text="x")
    with pytest.raises(SlackApiError) as raised:
        client.chat_postMessage(channel="#general", text="x")
    assert raised.value.response.status_code == 429
    assert raised.value.response.headers["Retry-After"] == "1"
    assert client.chat_postMessage(channel="#lab", text="each channel has its own")["ok"]


def test_failures_on_demand(workspace: Workspace, client: WebClient, ada: Person) -> None:
    def post(text: str) -> Any:
        return client.chat_postMessage(channel="#general", text=text)

    workspace.fail_next("chat.postMessage", "ratelimited", retry_after=7)
    with pytest.raises(SlackApiError) as raised:
        post("limited")
    assert raised.value.response.headers["Retry-After"] == "7"
    workspace.fail_next("chat.postMessage", "http_500")
    with pytest.raises(SlackApiError):
        post("broken")
    for kind in ("drop_before", "drop_after"):
        workspace.fail_next("chat.postMessage", kind)
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            post(kind)
    workspace.fail_next("chat.postMessage", "slow", retry_after=0.05)
    assert post("late")["ok"]
    assert [plain(one) for one in ada.look().messages()] == ["drop_after", "late"]


def test_a_trigger_opens_one_view_in_time(client: WebClient, start: Any) -> None:
    view = {"type": "modal", "title": {"type": "plain_text", "text": "t"}, "blocks": [{"type": "divider"}]}
    hasty = start(trigger_seconds=0)
    late = WebClient(hasty.bot_token, base_url=hasty.api_url)
    assert (
        error_of(late.views_open, view=view, trigger_id=hasty.state.issue_trigger("U"))
        == "expired_trigger_id"
    )
    assert error_of(client.views_open, view=view, trigger_id="made-up") == "invalid_trigger_id"


def test_views_are_updated_pushed_and_checked(client: WebClient, workspace: Workspace) -> None:
    state, user = workspace.state, workspace.state.person("ada").id
    view: dict[str, Any] = {
        "type": "modal",
        "title": {"type": "plain_text", "text": "t"},
        "blocks": [{"type": "divider"}],
    }
    trigger = state.issue_trigger(user)
    opened = client.views_open(view=view, trigger_id=trigger)["view"]
    assert error_of(client.views_open, view=view, trigger_id=trigger) == "exchanged_trigger_id"
    changed = client.views_update(view=view, view_id=opened["id"], hash=opened["hash"])["view"]
    assert changed["hash"] != opened["hash"]
    assert (
        error_of(client.views_update, view=view, view_id=opened["id"], hash=opened["hash"]) == "hash_conflict"
    )
    for _ in range(2):
        client.views_push(view=view, trigger_id=state.issue_trigger(user))
    assert (
        error_of(client.views_push, view=view, trigger_id=state.issue_trigger(user)) == "push_limit_reached"
    )
    long = {**view, "title": {"type": "plain_text", "text": "x" * 25}}
    assert error_of(client.views_open, view=long, trigger_id=state.issue_trigger(user)) == "invalid_arguments"


def test_files_people_and_reactions(client: WebClient, workspace: Workspace, ada: Person) -> None:
    channel = ada.look().channel("general")["id"]
    client.files_upload_v2(channel=channel, content="the end", filename="build.log", title="Log")
    message = ada.wait_for_text("[file Log]")
    link = workspace.url + message["files"][0]["url_private"]
    answer = requests.get(link, timeout=5)
    assert (answer.text, answer.headers["Content-Disposition"]) == ("the end", "attachment")
    client.reactions_add(channel=channel, timestamp=message["ts"], name="eyes")
    assert ada.look().messages()[0]["reactions"][0]["count"] == 1
    assert (
        error_of(client.reactions_add, channel=channel, timestamp=message["ts"], name="eyes")
        == "already_reacted"
    )
    assert client.reactions_remove(channel=channel, timestamp=message["ts"], name="eyes")["ok"]
    assert client.users_info(user=ada.look().me)["user"]["tz"] == "Europe/London"
    assert len(client.users_list()["members"]) == 5
    assert {one["name"] for one in client.conversations_list()["channels"]} == {"general", "lab"}
    assert [one["name"] for one in client.users_conversations()["channels"]] == ["general"]
    assert client.conversations_members(channel=channel)["members"]
    assert client.team_info()["team"]["id"] == workspace.state.team_id
    assert client.bots_info()["bot"]["user_id"] == workspace.state.bot.id
