"""The help of the command, and the reply to a command that is not known. Pure."""

from collections.abc import Sequence

from handlers import ids
from handlers.messages.blocks import MAX_TEXT, actions, as_json, context, section
from handlers.messages.buttons import launch_button
from handlers.messages.message import Message, shorten_lines
from handlers.messages.mrkdwn import inline
from handlers.messages.replies import BOT_NAME, note

HelpRows = Sequence[tuple[str, str]]
"""What a person types after the command, as an example that works, and what it does."""

EXAMPLES: HelpRows = (
    ("launch owner/repo", "start a repository from GitHub"),
    ("launch https://… main notebooks/a.ipynb", "start any link or DOI, with a branch and a file to open"),
    ("launch owner/repo --open rstudio --size large --for 6h --name demo", "start with options"),
    ("launch", "open a form"),
    ("list", "show what is running"),
    ("status demo", "show the progress"),
    ("logs demo", "show the last lines of the log"),
    ("open demo", "get your links again"),
    ("save demo", "get your changed files as an archive in the thread"),
    ("shelve demo", "stop it and keep its files, if the cloud can"),
    ("resume demo", "start it again after `shelve`"),
    ("extend demo 2h", "let it run longer; `until friday 18:00` works, too"),
    ("stop demo", "tear it down and delete its files"),
)


def help_text(rows: HelpRows = EXAMPLES) -> Message:
    """How to use the command, one line for each row."""
    typed = [(f"{ids.COMMAND} {example}", what) for example, what in rows]
    tip = (
        "If you have only one binder, you can leave out its name. "
        f"You can also mention me instead, for example in a binder's thread: `@{BOT_NAME} stop`."
    )
    return Message.of(
        shorten_lines([f"{example}: {what}" for example, what in typed], MAX_TEXT - 300),
        [
            section(shorten_lines([f"`{example}`  {what}" for example, what in typed])),
            context(tip),
            *actions([launch_button()]),
        ],
    )


def not_understood(typed: str, meant: str | None, rows: HelpRows = EXAMPLES) -> Message:
    """The command that was probably meant, both unescaped; without one, the whole help."""
    if meant:
        return note(f"I do not know “{typed}”.", f"Did you mean `{ids.COMMAND} {meant}`?")
    known = help_text(rows)
    sorry = f"I do not know “{inline(typed, 200)}”. These are the commands that I know:"
    return Message(f"{sorry}\n{known.text}", [*as_json([section(sorry)]), *known.blocks])
