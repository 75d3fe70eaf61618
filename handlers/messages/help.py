"""The help of the command, and the reply to a command that is not known. Pure."""

from collections.abc import Sequence

from bot.sentences import Sentence
from handlers import ids
from handlers.messages.blocks import MAX_TEXT, actions, as_json, context, section
from handlers.messages.buttons import LAUNCH, launch_button
from handlers.messages.language import translated
from handlers.messages.launch_links import unfurled, what_is_launched
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


def form_offer() -> Message:
    """To whoever wants to launch something and did not say what."""
    story = translated("Which repository? Send me its link, or press *{button}*.", button=LAUNCH)
    return Message.of(story.replace("*", ""), [section(story), *actions([launch_button(style="primary")])])


def launch_offer(asked: str, meant: str) -> Message:
    """A button that launches what a text links to.

    Args:
        asked: The launch text, which is understood.
        meant: The whole command, unescaped, as it can be typed.
    """
    command = inline(f"{ids.COMMAND} {meant}", 500)
    hint = translated("Did you mean `{command}`?", command=command)
    heard = f"{what_is_launched(asked).replace('*', '')}. {hint}"
    return Message(heard, [*unfurled(asked), *as_json([context(hint)])])


def not_understood(typed: str, meant: str | None, rows: HelpRows) -> Message:
    """The command that was probably meant, both unescaped; without one, the whole help."""
    if meant:
        hint = Sentence("Did you mean `{command} {meant}`?", command=ids.COMMAND, meant=meant)
        return note(Sentence("I do not know “{typed}”.", typed=typed), hint)
    known = help_text(rows)
    sorry = translated(
        "I do not know “{typed}”. These are the commands that I know:", typed=inline(typed, 200)
    )
    return Message(f"{sorry}\n{known.text}", [*as_json([section(sorry)]), *known.blocks])
