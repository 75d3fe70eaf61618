"""With whom a binder is shared, and what those people did with it. Pure."""

import re
from collections.abc import Mapping, Sequence

from bot.binders.deadlines import last_end
from bot.sentences import Sentence
from handlers.messages.binder_text import collaboration_of, name_of
from handlers.messages.blocks import actions, context, section
from handlers.messages.buttons import log_button, open_button, share_button
from handlers.messages.language import translated
from handlers.messages.message import MOST_LISTED, Message
from handlers.messages.mrkdwn import date, inline, person
from handlers.messages.status_text import is_live, is_ready, phrase
from handlers.rules import Action
from storage.models import Binder
from storage.share_models import Share, ShareKind

_SUBJECT = re.compile(r"[CGSUW][A-Z0-9]{1,30}")
KEEPS = Sentence("Jupyter cannot change the token of a running server.")

_DID: Mapping[Action, str] = {
    Action.EXTEND: "extended",
    Action.SAVE: "is saving the changed files of",
    Action.SHELVE: "is shelving",
    Action.RESUME: "is resuming",
    Action.STOP: "is tearing down",
    Action.SHARE: "changed who can open",
    Action.APPROVE: "approved the launch of",
    Action.DENY: "denied the launch of",
    Action.HOLD: "keeps the failed instance of",
    Action.ASK_FOR_HELP: "asked others for help with",
}


def subject_text(subject: str) -> str:
    """A person, channel or group, as markup that Slack shows by its name."""
    if not _SUBJECT.fullmatch(subject):
        return translated("somebody")
    mark = {"C": "#", "G": "#", "S": "!subteam^"}.get(subject[0], "@")
    return f"<{mark}{subject}>"


def told(binder: Binder, by: str, to: str, *, manages: bool) -> Message:
    """To a person or a channel: a binder is shared with them."""
    story = _told_to_channel(binder, by) if to.startswith(("C", "G")) else _told_to_person(binder, by)
    if manages:
        story += " " + translated("You can also extend, save, shelve, resume and tear it down.")
    state = phrase(binder).of_it() if not is_ready(binder) else _end(binder)
    note = translated(
        "Press *Open* for links of your own. Do not pass them on: anybody who has them can use the server."
    )
    note = f"{note} {collaboration_of(binder)}".strip()
    blocks = [
        section(f":handshake: {story} {state}"),
        context(note),
        *actions([open_button(binder), log_button(binder)]),
    ]
    return Message.of(f"{story} {state}".replace("*", ""), blocks)


def _told_to_channel(binder: Binder, by: str) -> str:
    return translated(
        "{by} shared *{name}* with this channel. Everybody in it can open it.",
        by=person(by),
        name=name_of(binder),
    )


def _told_to_person(binder: Binder, by: str) -> str:
    return translated("{by} shared *{name}* with you. You can open it.", by=person(by), name=name_of(binder))


def _end(binder: Binder) -> str:
    return translated("It ends {end}.", end=date(last_end(binder)))


def acted(binder: Binder, by: str, action: str, reason: str = "") -> Message:
    """In the thread, to the owner: what somebody else did, and why where they said so."""
    did = _DID.get(Action(action), "changed") if action in list(Action) else "changed"
    end = f" {_end(binder)}" if action == Action.EXTEND and is_live(binder) else ""
    why = f" The reason: {inline(reason, 1_000)}" if reason else ""
    story = f"{person(binder.owner)} {person(by)} {did} *{name_of(binder)}*.{end}{why}"
    return Message.of(story.replace("*", ""), [section(story)])


def shared_now(binder: Binder, shared: Sequence[Share]) -> Message:
    """The answer to `share`: with whom it is shared now."""
    story = translated("*{name}* is shared with {people}.", name=name_of(binder), people=_listed(shared))
    hint = translated("They get their links with *Open*.")
    if any(each.kind != ShareKind.USER for each in shared):
        hint += " " + translated("People who join a channel or a group get access within minutes.")
    blocks = [
        section(story),
        *([context(hint)] if shared else []),
        *(actions([share_button(binder)]) if is_live(binder) else []),
    ]
    return Message.of(story.replace("*", ""), blocks)


def unshared(binder: Binder, removed: Sequence[str], keep_links: Sequence[str]) -> Message:
    """The answer to `unshare`: with whom it is shared no longer, and who still has links.

    Args:
        binder: Which.
        removed: The ids of people, channels and groups.
        keep_links: The ids of people who lost access and have opened it before.
    """
    names = _joined([subject_text(each) for each in removed[:MOST_LISTED]])
    story = translated("*{name}* is no longer shared with {people}.", name=name_of(binder), people=names)
    if keep_links:
        who = _joined([person(each) for each in keep_links[:MOST_LISTED]])
        keep = translated("{people} opened it before, so their links work until it ends.", people=who)
        story += f" {keep} {translated(KEEPS)}"
    elif removed:
        story += " " + translated("They never opened it, so they have no links to it.")
    return Message.of(story.replace("*", ""), [section(story)])


def _listed(shared: Sequence[Share]) -> str:
    shown = [_who(each) for each in shared[:MOST_LISTED]]
    left = len(shared) - len(shown)
    return _joined([*shown, *([translated("{count} more", count=left)] if left else [])])


def _who(share: Share) -> str:
    subject = subject_text(share.subject)
    if not share.manages:
        return subject
    return translated("{person} (may also extend, save, shelve, resume and tear it down)", person=subject)


def _joined(parts: Sequence[str]) -> str:
    if len(parts) > 1:
        return translated("{others} and {last}", others=", ".join(parts[:-1]), last=parts[-1])
    return "".join(parts) or translated("nobody")
