"""Hostile texts, and what must hold for every message."""

import re
from collections.abc import Iterator
from typing import Any

from handlers.messages.blocks import MAX_TEXT, problems
from handlers.messages.message import Message

HOSTILE_TEXTS = [
    "<!channel> <@U0EVIL> <https://evil.example|click>",
    "```\n<!here>\n```",
    "a`b``c```d",
    "\u202eevil\u2066 \x1b[31mred\x00",
    "&&&&" * 1_000,
    "<" * 5_000,
    "|>" * 40,
    "javascript:alert(1)",
    "\U0001f469\u200d\U0001f52c" * 300,
    "x" * 6_000,
    "\n" * 4_000 + "end",
    "   ",
]


def in_text(value: Any) -> Iterator[str]:
    """All markup in a message: its text, and the texts of its mrkdwn objects."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        yield from (text for inner in value.values() for text in in_text(inner))
    elif isinstance(value, list):
        yield from (text for inner in value for text in in_text(inner))


def check(message: Message) -> None:
    """Fail if Slack would refuse a message, or if text from outside became markup."""
    assert problems(message.blocks) == []
    assert message.text.strip()
    assert len(message.text) <= MAX_TEXT
    for text in [message.text, *in_text(list(message.blocks))]:
        # What is left of Slack's angle brackets is only what we wrote ourselves.
        ours = r"<@U\d+>|<#C\d+>|<!subteam\^S\d+>|<!date\^\d+\^[^>|]*\|[^>|]*>|<https?://[^<>|\s]+\|[^<>|]+>"
        rest = re.sub(ours, "", text)
        assert "<" not in rest, rest
        assert ">" not in rest, rest
        assert not re.search(r"&(?!amp;|lt;|gt;)", rest), rest
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069]", text)
        assert text.count("```") in {0, 2}
