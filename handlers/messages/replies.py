"""Replies to what a person typed or pressed. Pure."""

from urllib.parse import urlsplit

from bot.sentences import Sentence
from handlers import ids
from handlers.messages.binder_text import name_of
from handlers.messages.blocks import MAX_TEXT, actions, button, section
from handlers.messages.buttons import interface_buttons
from handlers.messages.language import translated, translated_count
from handlers.messages.message import MOST_LISTED, Message, shorten_lines
from handlers.messages.mrkdwn import code, date, inline, link, person
from handlers.rules import RULES, Action
from storage.models import Binder

BOT_NAME = "Binder"


def note(sentence: str, hint: str = "") -> Message:
    """A plain reply in its reader's language; both texts are unescaped, the hint may have several lines."""
    hints = translated(hint).splitlines()[:MOST_LISTED]
    lines = [inline(translated(sentence), 1_500), *(inline(line, 600) for line in hints)]
    shown = shorten_lines([line for line in lines if line])
    return Message.of(shown, [section(shown)])


def alert(sentence: str) -> Message:
    """A warning to the operators."""
    shown = inline(sentence, 2_000) or translated("An alert without a text.")
    return Message.of(shown, [section(f":rotating_light: {shown}")])


def refusal(binder: Binder, action: Action) -> Message:
    """Only the owner or an admin may do this, or those to whom the owner gave the right."""
    if RULES[action].is_for_admins:
        return note(Sentence("Only an admin can {do}.", do=Sentence(action)))
    shown = translated(
        "*{name}* belongs to {owner}. Only they or an admin can {do}.",
        name=name_of(binder),
        owner=person(binder.owner),
        do=translated(action),
    )
    if RULES[action].can_be_given:
        shown += " " + translated("They can give you that right with *Share*.")
    return Message.of(shown.replace("*", ""), [section(shown)])


def links(binder: Binder) -> Message:
    """One-click links that include the server's token, for those who may use it."""
    buttons = interface_buttons(binder, token=binder.token)
    story = translated(
        "Your links to *{name}*. Anybody who has a link can use the server, so do not share them.",
        name=name_of(binder),
    )
    listed = ", ".join(link(each.url or "", each.text.text) for each in buttons if each.text)
    heard = f"{story.replace('*', '')} {listed}"
    if len(heard) > MAX_TEXT:  # a link that is cut in two opens nothing; the buttons hold all of them
        press = translated("Press one of the buttons.")
        heard = f"{story.replace('*', '')} {press}"
    return Message.of(heard, [section(story), *actions(buttons)])


def unsaved(binder: Binder) -> Message:
    """Teardown would delete changed files: save them first, or not."""
    story = translated_count(
        "*{name}* has {count} changed file. Tearing it down deletes all its files. Save it first?",
        "*{name}* has {count} changed files. Tearing it down deletes all its files. Save them first?",
        binder.changed_files or 0,  # None until it is written
        name=name_of(binder),
    )
    save = button(translated("Save and tear down"), ids.SAVE_AND_STOP, binder.id, style="primary")
    lose = button(translated("Tear down without saving"), ids.STOP_ANYWAY, binder.id, style="danger")
    return Message.of(story.replace("*", ""), [section(story), *actions([save, lose])])


def held(binder: Binder, until: float) -> Message:
    """The instance of a failed launch is kept for debugging, and how to reach it."""
    where = urlsplit(binder.server_url or "").hostname
    story = translated(
        "The instance of *{name}* is kept for debugging until {end}.", name=name_of(binder), end=date(until)
    )
    if where:
        login = translated(
            "Its address is {address}. You need the key pair of the instances to log in.", address=code(where)
        )
        story += f" {login}"
    return Message.of(story.replace("*", ""), [section(story)])


def on_its_way() -> Message:
    """A launch was written: its status message comes as soon as Slack takes it."""
    return note(
        translated(
            "The launch is on its way. Its status message appears in the channel from which you asked."
        )
    )


def invitation() -> Message:
    """The bot cannot post in this channel, so a launch continues in direct messages."""
    return note(
        Sentence("I cannot post in this channel, so this launch continues in our direct messages."),
        Sentence("To use me in this channel, type `/invite @{bot}` first.", bot=BOT_NAME),
    )
