"""The modal behind *More…*: all that somebody can do with a binder, and the answers to it. Pure."""

from collections.abc import Collection

from handlers import ids
from handlers.messages.binder_text import name_of, repository_text
from handlers.messages.blocks import Json, actions, as_json, context, section
from handlers.messages.buttons import Offers, more_buttons
from handlers.messages.forms import Origin
from handlers.messages.language import translated
from handlers.messages.message import Message
from handlers.messages.status_text import phrase
from handlers.rules import Action
from storage.models import Binder


def more_view(binder: Binder, offers: Offers, allowed: Collection[Action], origin: Origin) -> Json:
    """All buttons of a binder that somebody may press now.

    Args:
        binder: As it is.
        offers: What the site can do.
        allowed: What they may do.
        origin: Where they are: what they launch is posted there.
    """
    said = phrase(binder)
    blocks = as_json(
        [
            section(f"{said.emoji} {said.after(f'*{name_of(binder)}*')}"),
            context(repository_text(binder)),
            *actions(more_buttons(binder, offers, allowed=allowed)),
        ]
    )
    return _modal(blocks, origin.as_metadata())


def answer_view(message: Message, metadata: str) -> Json:
    """An answer in the place of the buttons; `metadata` is the modal's, for the buttons of the answer."""
    return _modal(list(message.blocks), metadata)


def _modal(blocks: list[Json], metadata: str) -> Json:
    return {
        "type": "modal",
        "callback_id": ids.MORE,
        "title": {"type": "plain_text", "text": translated("Your binder")},
        "close": {"type": "plain_text", "text": translated("Close")},
        "private_metadata": metadata,
        "blocks": blocks,
    }
