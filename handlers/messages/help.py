"""The help of the command, and the reply to a command that is not known. Pure."""

from collections.abc import Sequence

from handlers import ids
from handlers.messages.blocks import MAX_TEXT, actions, as_json, context, section
from handlers.messages.buttons import launch_button
from handlers.messages.language import translated
from handlers.messages.message import Message, shorten_lines
from handlers.messages.mrkdwn import inline
from handlers.messages.replies import BOT_NAME, note

HelpRows = Sequence[tuple[str, str]]
"""What a person types after the command, as an example that works, and what it does."""


def help_text(rows: HelpRows) -> Message:
    """How to use the command, one line for each row."""
    typed = [(f"{ids.COMMAND} {example}", translated(what)) for example, what in rows]
    tip = translated(
        "If you have only one binder, you can leave out its name. "
        "You can also mention me instead, for example in a binder's thread: `@{bot} stop`.",
        bot=BOT_NAME,
    )
    return Message.of(
        shorten_lines([f"{example}: {what}" for example, what in typed], MAX_TEXT - 300),
        [
            section(shorten_lines([f"`{example}`  {what}" for example, what in typed])),
            context(tip),
            *actions([launch_button()]),
        ],
    )


def not_understood(typed: str, meant: str | None, rows: HelpRows) -> Message:
    """The command that was probably meant, both unescaped; without one, the whole help."""
    if meant:
        hint = translated("Did you mean `{command} {meant}`?", command=ids.COMMAND, meant=meant)
        return note(translated("I do not know “{typed}”.", typed=typed), hint)
    known = help_text(rows)
    sorry = translated(
        "I do not know “{typed}”. These are the commands that I know:", typed=inline(typed, 200)
    )
    return Message(f"{sorry}\n{known.text}", [*as_json([section(sorry)]), *known.blocks])
