"""The message about a seat of a class, which its owner gets as a direct message. Pure.

It is posted when there is something to open, or when nothing comes of it, and edited rarely: a class of
thirty must not use up what the workspace may edit.
"""

from slack_sdk.models.blocks import ButtonElement

from bot.binders.deadlines import last_end
from handlers import ids
from handlers.messages.binder_text import name_of, notes_of, repository_text
from handlers.messages.blocks import MAX_TEXT, actions, button, context, section
from handlers.messages.buttons import interface_buttons, possible_buttons
from handlers.messages.message import Message
from handlers.messages.mrkdwn import date, link, person
from handlers.messages.status_text import is_live, is_ready, phrase, reason, short_ending
from handlers.rules import Action, is_possible
from storage.models import Binder
from storage.vocabulary import Ending, MessageKind

_SAID = frozenset(
    {
        *(MessageKind.NOTICE, MessageKind.NOTE, MessageKind.SHARED, MessageKind.ACTED),
        *(MessageKind.ANNOUNCEMENT, MessageKind.DRAIN),
    }
)
_KEEP_TO_YOURSELF = "Anybody who has a link can use the server, so do not share them."


def is_said(binder: Binder, kind: MessageKind) -> bool:
    """Whether the owner of a seat hears of this, beside the card: little, and only what they must know."""
    return kind in _SAID or (kind == MessageKind.GONE and binder.ending == Ending.LOST)


def is_worth_a_card(binder: Binder) -> bool:
    """Whether its card shows anything now: links, or why there will be none."""
    return is_ready(binder) or binder.ready_at is not None or binder.ending == Ending.FAILED


def seat_card(binder: Binder, *, can_shelve: bool = False) -> Message:
    """The card of a seat, with one-click links: nobody else reads a direct message."""
    if is_ready(binder):
        return _ready(binder, can_shelve=can_shelve)
    if is_live(binder):
        story = f"{phrase(binder).emoji} *{name_of(binder)}* {phrase(binder).words}."
        buttons = possible_buttons(binder, (Action.RESUME, Action.STOP))
        return Message.of(story.replace("*", ""), [section(story), *actions(buttons)])
    return _over(binder)


def _ready(binder: Binder, *, can_shelve: bool) -> Message:
    links = interface_buttons(binder, token=binder.token)
    story = f"Your binder *{name_of(binder)}* is ready. {_KEEP_TO_YOURSELF}"
    end = f"It ends {date(last_end(binder))} with its class, and its files are deleted then."
    others = possible_buttons(binder, (Action.SHARE, Action.SHELVE, Action.STOP), can_shelve=can_shelve)
    blocks = [
        section(f":large_green_circle: {story}"),
        *actions(links),
        *[section(text) for text in [notes_of(binder)] if text],
        context(f"{repository_text(binder)} · {end}"),
        *actions([*_save(binder), *others]),
    ]
    heard = f"{story} {end} ".replace("*", "")
    listed = ", ".join(link(each.url or "", each.text.text) for each in links if each.text)
    # A link that is cut in two opens nothing; the buttons hold all of them.
    return Message.of(heard + (listed if len(heard + listed) <= MAX_TEXT else "Press a button."), blocks)


def _save(binder: Binder) -> list[ButtonElement]:
    if not is_possible(binder, Action.SAVE):
        return []
    return [button("Save my work", ids.SAVE, binder.id)]


def _over(binder: Binder) -> Message:
    if binder.ending == Ending.FAILED:
        story = f":x: *{name_of(binder)}* could not be started. {reason(binder)}".strip()
    else:
        story = (
            f":white_circle: *{name_of(binder)}* has ended. {short_ending(binder, person(binder.ended_by))}."
        )
    again = [button("Get mine", ids.CLASS_JOIN, binder.class_id)] if binder.class_id else []
    hint = "If the class goes on, *Get mine* gives you another binder."
    return Message.of(f"{story} {hint}".replace("*", ""), [section(story), context(hint), *actions(again)])
