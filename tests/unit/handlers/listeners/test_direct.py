"""What people say to the bot in its direct messages, without a slash."""

from typing import Any

import pytest

from handlers import ids
from storage.vocabulary import Target
from tests.unit.handlers.listeners.conftest import REPO, Desk
from workspace.hands import Person, links, plain


def said_in_dm(desk: Desk, text: str, *, event_id: str | None = None, **more: Any) -> None:
    channel = desk.post.workspace.state.im(desk.post.ada, desk.post.workspace.state.bot.id).id
    event = {
        "type": "message",
        "channel_type": "im",
        "channel": channel,
        "user": desk.post.ada,
        "text": text,
        "ts": "1.5",
    }
    desk.event(event | more, event_id)


def answer(desk: Desk, text: str) -> dict[str, Any]:
    """The answer to a direct message: it stays there, and need not be for one pair of eyes."""
    with Person(desk.post.workspace.url, "ada") as person:
        before = len(person.look().messages("dm"))
        said_in_dm(desk, text)
        shown: dict[str, Any] = person.wait_for(lambda seen: seen.messages("dm")[before:])[-1]
    assert not shown["is_ephemeral"]
    return shown


def test_the_words_of_the_command_are_understood_without_a_slash(desk: Desk) -> None:
    desk.has()
    assert "is ready" in plain(answer(desk, "status"))
    assert "/binder launch" in plain(answer(desk, "help"))
    assert "demo is being torn down" in plain(answer(desk, "please stop demo"))
    assert [row.target for row in desk.all()] == [Target.GONE]


def test_a_launch_goes_where_it_was_asked_for(desk: Desk) -> None:
    said_in_dm(desk, f"launch <{REPO}>")
    desk.wait(lambda: [row.url for row in desk.all()] == [REPO])
    assert desk.all()[0].is_private


@pytest.mark.parametrize("text", [f"<{REPO}>", f"have a look at <{REPO}|this>, please!", "owner/repo"])
def test_a_link_to_a_repository_gets_a_button_that_launches_it(desk: Desk, text: str) -> None:
    shown = answer(desk, text)
    assert "[Launch]" in plain(shown)
    [button] = [
        each
        for block in shown["blocks"]
        if block["type"] == "actions"
        for each in block["elements"]
        if each["action_id"] == ids.LAUNCH_THIS
    ]
    desk.click(ids.LAUNCH_THIS, button["value"])
    desk.wait(lambda: [row.url for row in desk.all()] == ["https://github.com/owner/repo"])


def test_in_a_channel_a_link_gets_a_button_only_where_the_bot_is_mentioned(desk: Desk) -> None:
    general = desk.post.channel("general")
    said_in_dm(desk, f"<{REPO}>", channel=general, channel_type="channel")
    shown = desk.told("ada", lambda: desk.mention(f"<{REPO}>"))
    assert shown.count("[Launch]") == 1


def test_launch_alone_gets_a_button_for_the_form(desk: Desk) -> None:
    assert "[Launch a repository]" in plain(answer(desk, "launch"))


@pytest.mark.parametrize(
    "more",
    [
        {"bot_id": "B1"},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "bot_message"},
        {"text": ""},
    ],
    ids=str,
)
def test_what_is_no_message_of_a_person_gets_no_answer(desk: Desk, more: dict[str, Any]) -> None:
    said_in_dm(desk, **({"text": "help"} | more))
    last = answer(desk, "status demo")
    with Person(desk.post.workspace.url, "ada") as person:
        assert [plain(each) for each in person.look().messages("dm")] == [plain(last)]


def test_a_message_that_slack_delivers_twice_launches_once(desk: Desk) -> None:
    for repository in (REPO, f"{REPO}-2"):  # the second must not even be looked at
        said_in_dm(desk, f"launch {repository}", event_id="Ev-same")
    said_in_dm(desk, f"launch {REPO}-3")
    desk.wait(lambda: len(desk.all()) == 2)
    assert {row.url for row in desk.all()} == {REPO, f"{REPO}-3"}


def test_links_with_a_token_are_given_in_the_direct_message(desk: Desk) -> None:
    desk.has()
    assert any("token=" in url for _, url in links(answer(desk, "open demo")))
