"""Several binders may be meant: one button for each does what was asked with that one. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from slack_sdk.models.blocks import ButtonElement

from bot.errors import RequestError
from bot.sentences import Sentence
from handlers import ids
from handlers.messages.binder_text import name_of
from handlers.messages.blocks import MAX_TEXT, MAX_VALUE, actions, button, context, section
from handlers.messages.language import translated, translated_count
from handlers.messages.lists import binder_row
from handlers.messages.message import Message, shorten_lines
from handlers.messages.replies import note
from handlers.messages.status_text import phrase
from storage.models import Binder

_MOST_LISTED = 10


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a button stands for: a command as it was typed, and the binder or class that it is about."""

    text: str
    id: str

    def as_value(self) -> str:
        """As the value of a button."""
        return json.dumps({"text": self.text, "id": self.id})

    @classmethod
    def of(cls, value: str) -> Self:
        """Read a button's value. It can be forged: whoever presses it may do no more than type it.

        Raises:
            RequestError: It is none.
        """
        try:
            read = json.loads(value)
            return cls(str(read["text"]), str(read["id"]))
        except (ValueError, TypeError, KeyError) as error:
            raise RequestError(Sentence("I can't find this binder.")) from error


def which(candidates: Sequence[Binder], typed: str, now: float, user: str) -> Message:
    """The question which binder is meant, with one button for each.

    Args:
        candidates: With which this person may do it, the most probable first.
        typed: The command, as it was typed.
        now: Unix seconds, UTC.
        user: Who typed it.
    """
    if len(Candidate(typed, candidates[0].id).as_value()) > MAX_VALUE:
        return note(Sentence("Which binder do you mean?"), ", ".join(each.name for each in candidates))
    return _listed(translated("Which binder do you mean?"), candidates, typed, now, user)


def in_channel(binders: Sequence[Binder], now: float, user: str) -> Message:
    """The binders of a channel, each with a button that shows its status."""
    title = translated_count(
        "{count} binder in this channel", "{count} binders in this channel", len(binders)
    )
    return _listed(title, binders, "status", now, user)


def _listed(title: str, binders: Sequence[Binder], typed: str, now: float, user: str) -> Message:
    shown = binders[:_MOST_LISTED]
    left = len(binders) - len(shown)
    blocks = [
        section(f"*{title}*"),
        *[binder_row(each, now, user) for each in shown],
        *([context(translated("… and {count} more.", count=left))] if left else []),
        *actions(candidate_button(number, each.name, typed, each.id) for number, each in enumerate(shown)),
    ]
    heard = [phrase(each).after(name_of(each)) for each in shown]
    return Message.of(f"{title}\n{shorten_lines(heard, MAX_TEXT - 200)}", blocks)


def candidate_button(number: int, name: str, typed: str, id_: str) -> ButtonElement:
    """Do what was typed with this one.

    Args:
        number: Among the buttons of the message.
        name: What people call it.
        typed: The command, as it was typed.
        id_: Of the binder or class.
    """
    return button(name, f"{ids.CANDIDATE_PREFIX}{number}", Candidate(typed, id_).as_value())
