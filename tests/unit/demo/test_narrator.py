"""What the demo tells in the terminal, of messages as the workspace shows them."""

from typing import Any

import pytest

from bot.demo.narrator import clock, is_over, own_links, terminal_lines
from workspace.hands import Snapshot

USERS = {"U1": {"id": "U1", "real_name": "Ada Lovelace"}}


def message(*texts: str, ephemeral: bool = False) -> dict[str, Any]:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in texts]
    return {"ts": "1.0", "text": "", "blocks": blocks, "is_ephemeral": ephemeral}


def seen(*messages: dict[str, Any]) -> Snapshot:
    channel = {"id": "C1", "name": "general", "messages": list(messages)}
    return Snapshot({"version": 1, "users": USERS, "channels": [channel], "dm": "D1"})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (":white_circle: *demo* is being built · for <@U1>", ["demo is being built · for Ada Lovelace"]),
        ("`main` of <https://example.org/a/b|a/b>", ["main of a/b"]),
        ("<@U9> is somebody else", ["@U9 is somebody else"]),
        ("✓ Repository checked", ["✓ Repository checked"]),
        ("○ Server", []),
        ("⏳ Build · 12 s", []),
        ("12 s so far", []),
        ("   ", []),
    ],
)
def test_a_line_is_told_without_markup_and_only_if_it_lasts(text: str, shown: list[str]) -> None:
    told = message(text)
    assert list(terminal_lines(told, seen(told))) == shown


def test_buttons_are_not_told() -> None:
    button = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "Tear down"}}
    told = message("It is ready")
    told["blocks"].append({"type": "actions", "elements": [button]})
    assert list(terminal_lines(told, seen(told))) == ["It is ready"]


def test_links_with_a_token_are_taken_from_what_the_owner_alone_sees() -> None:
    link = "<http://127.0.0.1:1/lab?token=t|JupyterLab>"
    assert list(own_links(seen(message(link)))) == []
    found = list(own_links(seen(message(link, "<http://127.0.0.1:1/help|Help>", ephemeral=True))))
    assert found == [("JupyterLab", "http://127.0.0.1:1/lab?token=t")]


def test_a_refusal_and_a_failure_end_the_launch_and_progress_does_not() -> None:
    failed = message("It could not be launched.")
    retry = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "Try again"}}
    failed["blocks"].append({"type": "actions", "elements": [retry]})
    assert not is_over(seen(message("It is being built")))
    assert is_over(seen(failed))
    assert is_over(seen(message("There is no such repository.", ephemeral=True)))


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, " 0:00"), (65.9, " 1:05"), (600, "10:00"), (6000, "100:00")]
)
def test_the_clock_shows_minutes_and_seconds(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
