"""Links below which an app shows more, members of channels and groups, and menus of people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from workspace.hands import plain
from workspace.options import ALL_SCOPES
from workspace.typed import escape

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace.hands import Person
    from workspace.server import Workspace

BLOCKS = [{"type": "section", "text": {"type": "plain_text", "text": "more of it"}}]
URL = "https://docs.example.org/a?x=1&y=2"


def error_of(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as raised:
        call(**arguments)
    return str(raised.value.response["error"])


@pytest.fixture
def workspace(start: Callable[..., Workspace]) -> Workspace:
    return start(unfurl_domains=("example.org",))


def test_an_app_shows_more_below_a_link_of_its_domains(
    workspace: Workspace, client: WebClient, ada: Person
) -> None:
    ts = ada.say(f"see {URL} and https://example.com/")["ts"]
    channel = ada.look().channel("general")["id"]
    client.chat_unfurl(channel=channel, ts=ts, unfurls={URL: {"blocks": BLOCKS}})
    [message] = ada.look().messages()
    assert plain(message).endswith("more of it")
    assert [each["from_url"] for each in message["attachments"]] == [URL]
    assert workspace.state.find(channel, ts).unfurls.keys() == {URL}


def test_what_cannot_be_shown_below_a_link_is_refused(client: WebClient, ada: Person) -> None:
    ts = ada.say(f"see {URL}")["ts"]
    place = {"channel": ada.look().channel("general")["id"], "ts": ts}
    other = {"https://example.org/other": {"blocks": BLOCKS}}
    assert error_of(client.chat_unfurl, **place, unfurls=other) == "cannot_unfurl_url"
    bad = {URL: {"blocks": [{"type": "nonsense"}]}}
    assert error_of(client.chat_unfurl, **place, unfurls=bad) == "invalid_blocks"
    assert error_of(client.chat_unfurl, **(place | {"ts": "1.1"}), unfurls={}) == "message_not_found"


def test_the_members_of_channels_and_groups_are_told_page_by_page(
    start: Callable[..., Workspace], client: WebClient, ada: Person
) -> None:
    lab = ada.look().channel("lab")["id"]
    first = client.conversations_members(channel=lab, limit=2)
    cursor = first["response_metadata"]["next_cursor"]
    rest = client.conversations_members(channel=lab, limit=2, cursor=cursor)
    assert len({*first["members"], *rest["members"]}) == 3
    secret = ada.look().channel("secret")["id"]
    assert error_of(client.conversations_members, channel=secret) == "channel_not_found"
    assert error_of(client.usergroups_users_list, usergroup="S0") == "no_such_subteam"
    poor = start(scopes=ALL_SCOPES - {"usergroups:read"})
    [group] = poor.state.groups
    without = WebClient(poor.bot_token, base_url=poor.api_url)
    assert error_of(without.usergroups_users_list, usergroup=group) == "missing_scope"


@pytest.mark.parametrize("labels", [True, False], ids=["command", "message"])
def test_a_group_is_marked_up_as_slack_does(workspace: Workspace, labels: bool) -> None:  # noqa: FBT001
    [group] = workspace.state.groups
    label = "|@analysts" if labels else ""
    assert escape("hi @analysts!", workspace.state, labels=labels) == f"hi <!subteam^{group}{label}>!"


def test_menus_of_people_and_channels_start_with_who_was_chosen(
    workspace: Workspace, client: WebClient, ada: Person
) -> None:
    me = ada.look().me
    element = {"type": "multi_users_select", "action_id": "who", "initial_users": [me]}
    rooms = {"type": "multi_conversations_select", "action_id": "where"}
    label = {"type": "plain_text", "text": "Who"}
    blocks = [
        {"type": "input", "block_id": "people", "label": label, "element": element, "optional": True},
        {"type": "input", "block_id": "rooms", "label": label, "element": rooms, "optional": True},
    ]
    view = {"type": "modal", "title": label, "submit": label, "blocks": blocks}
    client.views_open(trigger_id=workspace.state.issue_trigger(me), view=view)
    values = ada.wait_for(lambda seen: seen.modal)["state"]["values"]
    assert values["people"]["who"] == {"type": "multi_users_select", "selected_users": [me]}
    assert values["rooms"]["where"] == {"type": "multi_conversations_select", "selected_conversations": []}
