"""Answers to what a person asked or pressed. Pure."""

from urllib.parse import urlsplit

from handlers import ids
from handlers.messages.binder_text import name_of
from handlers.messages.blocks import MAX_TEXT, actions, button, section
from handlers.messages.buttons import interface_buttons
from handlers.messages.message import LOG_LIMIT, MOST_LISTED, Message, shorten_lines
from handlers.messages.mrkdwn import code, code_block, date, inline, link, person
from storage.models import Binder

BOT_NAME = "Binder"


def note(sentence: str, hint: str = "") -> Message:
    """A plain answer; both texts are unescaped, and lines of the hint stay lines."""
    lines = [inline(sentence, 1_500), *(inline(line, 600) for line in hint.splitlines()[:MOST_LISTED])]
    shown = shorten_lines([line for line in lines if line])
    return Message.of(shown, [section(shown)])


def alert(sentence: str) -> Message:
    """Something that the operators must know."""
    shown = inline(sentence, 2_000) or "An alert without words."
    return Message.of(shown, [section(f":rotating_light: {shown}")])


def refusal(binder: Binder, deed: str) -> Message:
    """That this is for others to do; `deed` ends the sentence."""
    shown = f"*{name_of(binder)}*: only its owner, {person(binder.owner)}, or an admin can {deed}."
    return Message.of(shown.replace("*", ""), [section(shown)])


def links(binder: Binder) -> Message:
    """One-click links with the server's token: for the eyes of those who may use it."""
    buttons = interface_buttons(binder, token=binder.token)
    blocks = [
        section(f"Your links to *{name_of(binder)}*. Whoever has one has the server: keep them to yourself."),
        *actions(buttons),
    ]
    listed = ", ".join(link(each.url or "", each.text.text) for each in buttons if each.text)
    heard = f"Your links to {name_of(binder)}: "
    # A link that is cut in two opens nothing; the buttons hold all of them.
    return Message.of(
        heard + (listed if len(heard + listed) <= MAX_TEXT else "they are on the buttons."), blocks
    )


def log_of(binder: Binder) -> Message:
    """The last lines of the build's log."""
    block = code_block(binder.log or binder.line or "", LOG_LIMIT)
    if not block:
        return note(f"{binder.name} has no log yet.")
    shown = f"Last lines of {name_of(binder)}'s log:\n{block}"
    return Message.of(shown, [section(shown)])


def unsaved(binder: Binder) -> Message:
    """That teardown would lose work, and the two ways on."""
    count = "1 file" if binder.changed_files == 1 else f"{binder.changed_files} files"
    story = f"{count} in *{name_of(binder)}* changed and would be lost."
    save = button("Save and tear down", ids.SAVE_AND_STOP, binder.id, style="primary")
    lose = button("Tear down without saving", ids.STOP_ANYWAY, binder.id, style="danger")
    return Message.of(story.replace("*", ""), [section(story), *actions([save, lose])])


def held(binder: Binder, until: float) -> Message:
    """That what is left of a failed launch is kept, and where it is found."""
    where = urlsplit(binder.server_url or "").hostname
    story = f"*{name_of(binder)}* is kept for you to look at until {date(until)}."
    if where:
        story += f" It is at {code(where)}, for those who have the key pair of the instances."
    return Message.of(story.replace("*", ""), [section(story)])


def invitation() -> Message:
    """Why a launch goes on somewhere else."""
    return note(
        "I cannot post in this channel, so this launch goes on in our direct messages.",
        f"To have me here: `/invite @{BOT_NAME}`",
    )
