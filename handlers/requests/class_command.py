"""What is typed after `class`: a new class, or something about one that is there."""

from collections.abc import Callable, Mapping

from bot.repositories.site_links import expanded
from bot.times import phrases
from handlers.messages.message import Message
from handlers.requests import audited, classes
from handlers.requests.class_words import parse_class
from handlers.requests.context import Context
from handlers.requests.requester import Requester
from handlers.rules import ClassAction

_Run = Callable[[Context, Requester, str], Message]


def answer(context: Context, requester: Requester, rest: str) -> Message | None:
    """Do what was typed after `class`; without a word, list the classes.

    Raises:
        RequestError: It cannot be done, with the sentence that says why.
    """
    word, _, after = rest.strip().partition(" ")
    if run := _ABOUT_ONE.get(word.lower()):
        return run(context, requester, after.strip())
    if not word or word.lower() in _LISTS:
        return classes.listing(context, requester)
    audited.name("class")
    return classes.start(context, requester, parse_class(expanded(context.settings.link_host, rest)))


def _join(context: Context, requester: Requester, rest: str) -> Message:
    return classes.join(context, requester, classes.by_name(context, requester, rest, ClassAction.JOIN))


def _status(context: Context, requester: Requester, rest: str) -> Message:
    return classes.status(context, requester, classes.by_name(context, requester, rest, ClassAction.INSPECT))


def _extend(context: Context, requester: Requester, rest: str) -> Message:
    name, span = phrases.split(rest) if rest else ("", "")
    return classes.extend(
        context, requester, classes.by_name(context, requester, name, ClassAction.EXTEND), span
    )


def _end(context: Context, requester: Requester, rest: str) -> Message:
    return classes.end(context, requester, classes.by_name(context, requester, rest, ClassAction.END))


_LISTS = frozenset({"list", "ls", "all", "show"})
_ABOUT_ONE: Mapping[str, _Run] = {
    **dict.fromkeys(("join", "mine", "get", "open"), _join),
    **dict.fromkeys(("status", "info", "seats", "cost"), _status),
    **dict.fromkeys(("extend", "keep", "prolong"), _extend),
    **dict.fromkeys(("end", "stop", "finish", "close"), _end),
}
