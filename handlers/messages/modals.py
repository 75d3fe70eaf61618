"""The frame of a form. Pure."""

from collections.abc import Iterable

from slack_sdk.models.blocks import Block

from bot.text import shorten
from handlers.messages.blocks import Json, as_json
from handlers.messages.language import translated

_MAX_TITLE = 24


def modal(callback_id: str, title: str, submit: str, blocks: Iterable[Block], metadata: str) -> Json:
    """A form as a view.

    Args:
        callback_id: By which what is sent is told apart.
        title: At its top, as a `Sentence`.
        submit: On the button that sends it.
        blocks: Its content.
        metadata: What the bot gets back with what is sent; people can read it.
    """
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": {"type": "plain_text", "text": shorten(translated(title), _MAX_TITLE)},
        "submit": {"type": "plain_text", "text": shorten(translated(submit), _MAX_TITLE)},
        "close": {"type": "plain_text", "text": translated("Cancel")},
        "private_metadata": metadata,
        "blocks": as_json(blocks),
    }
