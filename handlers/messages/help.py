"""How the command is used, and what to say where it was used otherwise. Pure."""

from collections.abc import Sequence

from handlers import ids
from handlers.messages.blocks import actions, as_json, button, context, section
from handlers.messages.message import Message
from handlers.messages.mrkdwn import inline
from handlers.messages.replies import BOT_NAME, note


def help_text(examples: Sequence[tuple[str, str]]) -> Message:
    """How the command is used, by examples that work: what follows `/binder`, and what that does."""
    commands = [(f"{ids.COMMAND} {words}", what) for words, what in examples]
    lines = "\n".join(f"`{typed}`  {what}" for typed, what in commands)
    tip = f"With one binder, leave the name out. In its thread, @{BOT_NAME} takes the same words."
    heard = "\n".join(f"{typed}: {what}" for typed, what in commands)
    return Message.of(
        heard, [section(lines), context(tip), *actions([button("Launch a repository", ids.FORM)])]
    )


def not_understood(typed: str, meant: str | None, examples: Sequence[tuple[str, str]]) -> Message:
    """What was typed, and the right form of it, both unescaped; without one, all that is understood."""
    if meant:
        return note(f"I do not know “{typed}”.", f"Did you mean `{ids.COMMAND} {meant}`?")
    known = help_text(examples)
    sorry = f"I do not know “{inline(typed, 200)}”. This is what I understand:"
    return Message(f"{sorry}\n{known.text}", [*as_json([section(sorry)]), *known.blocks])
