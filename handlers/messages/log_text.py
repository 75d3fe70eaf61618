"""A binder's log: its last lines as an answer, and what stands beside the whole of it as a file. Pure."""

from bot.sentences import Sentence
from handlers.messages.binder_text import name_of, repository_text
from handlers.messages.blocks import MAX_TEXT, context, section
from handlers.messages.language import translated
from handlers.messages.message import LOG_LIMIT, Message
from handlers.messages.mrkdwn import code_block
from handlers.messages.replies import note
from handlers.messages.status_text import phrase, reason
from storage.models import Binder


def log_of(binder: Binder, *, with_file: bool = False) -> Message:
    """The last lines of a binder's log, below the reason for which it failed.

    Args:
        binder: Whose log.
        with_file: Whether the whole log is on its way to who asked.
    """
    block = code_block(binder.log or binder.line or "", LOG_LIMIT)
    if not block:
        return note(Sentence("{name} has no log yet.", name=binder.name))
    why = _why(binder)
    title = translated("Last lines of {name}'s log:", name=name_of(binder))
    follows = translated("The whole log follows as a file in our direct messages.") if with_file else ""
    blocks = [
        *([section(why)] if why else []),
        section(f"{title}\n{block}"),
        *([context(follows)] if follows else []),
    ]
    first = "\n".join(each for each in [why.replace("*", ""), follows, title] if each)
    # A block that is cut in two would not end.
    heard = code_block(binder.log or binder.line or "", min(LOG_LIMIT, MAX_TEXT - len(first) - 1))
    return Message.of(f"{first}\n{heard}", blocks)


def log_file_comment(binder: Binder) -> str:
    """What stands above the file of the whole log, as markup."""
    return f"The log of *{name_of(binder)}* ({repository_text(binder)}). {_why(binder)}".strip()


def _why(binder: Binder) -> str:
    why = reason(binder)
    return f"{phrase(binder).after(f'*{name_of(binder)}*')}. {why}" if why else ""
