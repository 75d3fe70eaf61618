"""Replies to what a person typed or pressed. Pure."""

from urllib.parse import urlsplit

from bot.text import counted
from handlers import ids
from handlers.messages.binder_text import name_of
from handlers.messages.blocks import MAX_TEXT, actions, button, section
from handlers.messages.buttons import interface_buttons
from handlers.messages.message import MOST_LISTED, Message, shorten_lines
from handlers.messages.mrkdwn import code, date, inline, link, person
from handlers.rules import RULES, Action
from storage.models import Binder

BOT_NAME = "Binder"


def note(sentence: str, hint: str = "") -> Message:
    """A plain reply; both texts are unescaped, and the hint may have several lines."""
    lines = [inline(sentence, 1_500), *(inline(line, 600) for line in hint.splitlines()[:MOST_LISTED])]
    shown = shorten_lines([line for line in lines if line])
    return Message.of(shown, [section(shown)])


def alert(sentence: str) -> Message:
    """A warning to the operators."""
    shown = inline(sentence, 2_000) or "An alert without a text."
    return Message.of(shown, [section(f":rotating_light: {shown}")])


def refusal(binder: Binder, action: Action) -> Message:
    """Only the owner or an admin may do this, or those to whom the owner gave the right."""
    shown = f"*{name_of(binder)}* belongs to {person(binder.owner)}. Only they or an admin can {action}."
    if RULES[action].can_be_given:
        shown += " They can give you that right with *Share*."
    return Message.of(shown.replace("*", ""), [section(shown)])


def links(binder: Binder) -> Message:
    """One-click links that include the server's token, for those who may use it."""
    buttons = interface_buttons(binder, token=binder.token)
    blocks = [
        section(
            f"Your links to *{name_of(binder)}*. Anybody who has a link can use the server, "
            "so do not share them."
        ),
        *actions(buttons),
    ]
    listed = ", ".join(link(each.url or "", each.text.text) for each in buttons if each.text)
    heard = f"Your links to {name_of(binder)}: "
    # A link that is cut in two opens nothing; the buttons hold all of them.
    return Message.of(
        heard + (listed if len(heard + listed) <= MAX_TEXT else "press one of the buttons."), blocks
    )


def unsaved(binder: Binder) -> Message:
    """Teardown would delete changed files: save them first, or not."""
    count = counted(binder.changed_files, "changed file")
    story = f"*{name_of(binder)}* has {count}. Tearing it down deletes all its files. Save them first?"
    save = button("Save and tear down", ids.SAVE_AND_STOP, binder.id, style="primary")
    lose = button("Tear down without saving", ids.STOP_ANYWAY, binder.id, style="danger")
    return Message.of(story.replace("*", ""), [section(story), *actions([save, lose])])


def held(binder: Binder, until: float) -> Message:
    """The instance of a failed launch is kept for debugging, and how to reach it."""
    where = urlsplit(binder.server_url or "").hostname
    story = f"The instance of *{name_of(binder)}* is kept for debugging until {date(until)}."
    if where:
        story += f" Its address is {code(where)}. You need the key pair of the instances to log in."
    return Message.of(story.replace("*", ""), [section(story)])


def on_its_way() -> Message:
    """A launch was written: its status message comes as soon as Slack takes it."""
    return note("The launch is on its way. Its status message appears in the channel from which you asked.")


def invitation() -> Message:
    """The bot cannot post in this channel, so a launch continues in direct messages."""
    return note(
        "I cannot post in this channel, so this launch continues in our direct messages.",
        f"To use me in this channel, type `/invite @{BOT_NAME}` first.",
    )
