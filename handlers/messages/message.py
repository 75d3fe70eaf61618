"""A message: the text and the blocks that Slack takes. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.models.blocks import Block

from bot.text import shorten
from handlers.messages.blocks import MAX_TEXT, Json, as_json

MOST_LISTED = 20
"""Binders, or lines of a hint, that one message shows."""
LOG_LIMIT = 2_900
"""Characters of a log that one message shows."""


@dataclass(frozen=True, slots=True)
class Message:
    """A text for notifications and screen readers, and the blocks that are shown."""

    text: str
    blocks: Sequence[Json]

    @classmethod
    def of(cls, text: str, blocks: Iterable[Block]) -> "Message":
        """A message; its text is cut if it is too long, its blocks are short enough already."""
        return cls(text=shorten(text, MAX_TEXT), blocks=as_json(blocks))

    def as_arguments(self) -> dict[str, Any]:
        """The arguments for Slack's methods that take a message."""
        return {"text": self.text, "blocks": list(self.blocks)}


def shorten_lines(lines: Sequence[str], limit: int = 2_900) -> str:
    """As many whole lines as fit, so that no markup is cut in two."""
    kept: list[str] = []
    for line in lines:
        if len("\n".join([*kept, line])) > limit:
            break
        kept.append(line)
    return "\n".join(kept) or "…"
