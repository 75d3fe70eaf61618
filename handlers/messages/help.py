"""How the command is used, and what to say where it was used otherwise. Pure."""

from handlers import ids
from handlers.messages.blocks import actions, as_json, button, context, section
from handlers.messages.message import Message
from handlers.messages.mrkdwn import inline
from handlers.messages.replies import BOT_NAME, note


def help_text() -> Message:
    """How the command is used, by examples that work."""
    command = ids.COMMAND
    examples = {
        f"{command} launch owner/repo": "run a repository of GitHub",
        f"{command} launch https://… main notebooks/a.ipynb": "any link or DOI; then a ref and a path",
        f"{command} launch owner/repo --open rstudio --size large --for 6h --name demo": "as you want it",
        f"{command} launch": "a form",
        f"{command} list": "what is running",
        f"{command} status demo": "how far it is",
        f"{command} logs demo": "what the build says",
        f"{command} open demo": "your links, as often as you like",
        f"{command} save demo": "what you changed in it, as a file in its thread",
        f"{command} shelve demo": "put it away, where the cloud can; `resume` has it back",
        f"{command} extend demo 2h": "let it live longer; `until friday 18:00` does, too",
        f"{command} stop demo": "tear it down; files in it are gone then",
    }
    lines = "\n".join(f"`{typed}`  {what}" for typed, what in examples.items())
    tip = f"With one binder, leave the name out. In its thread, @{BOT_NAME} takes the same words."
    heard = "\n".join(f"{typed}: {what}" for typed, what in examples.items())
    return Message.of(
        heard, [section(lines), context(tip), *actions([button("Launch a repository", ids.FORM)])]
    )


def not_understood(typed: str, meant: str | None) -> Message:
    """What was typed, and the right form of it, both unescaped; without one, all that is understood."""
    if meant:
        return note(f"I do not know “{typed}”.", f"Did you mean `{ids.COMMAND} {meant}`?")
    known = help_text()
    sorry = f"I do not know “{inline(typed, 200)}”. This is what I understand:"
    return Message(f"{sorry}\n{known.text}", [*as_json([section(sorry)]), *known.blocks])
