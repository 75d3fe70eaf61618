"""From the text of a command or a mention to its subcommand: what people put around it is taken off. Pure."""

import re
from collections.abc import Collection

from bot.text import as_typed

_PAIRS = (
    *((mark, mark) for mark in ("```", "`", "**", "*", "__", "_", "~", '"', "'")),
    *(("\u201c", "\u201d"), ("\u201e", "\u201c"), ("\u2018", "\u2019"), ("«", "»"), ("(", ")"), ("[", "]")),
)
"""What may stand around a whole command."""
_BULLET = re.compile(r"(?:[•◦▪‣*>\u2013-]|&gt;|\d+[.)]|[,:;.!…]+)\s+|[,:;!…]+")
_COURTESY = re.compile(
    r"(?:(?:hi|hey|hello|ok|okay|so|please|pls|plz|kindly|(?:can|could|would|will) you|[/@]?binder|bot)"
    r"(?=[\s,:;.!]|$)[\s,:;.!-]*)+",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"(?:[\s,;.!?]+(?:please|pls|plz|thanks|thank you|thx|:[a-z0-9_+-]+:))+[\s,;.!?]*$", re.IGNORECASE
)
_MOST_THANKS = 60
"""Characters at the end of a text in which thanks are looked for: in a long one, that would take long."""
_AROUND_A_WORD = "`*_~\"'\u201c\u201d\u201e\u2018\u2019«»()[]"
_GLUED = re.compile(r"(\w+)[,:;]+(?=\S)")
_AFTER_A_WORD = ",:;.!?…"


def command_words(text: str, known: Collection[str]) -> tuple[str, str]:
    """The subcommand, in lower case, and what was typed after it.

    Args:
        text: As Slack hands it over.
        known: The subcommands and their synonyms: courtesies are taken off in front of these alone.
    """
    whole = _without_thanks(bare_command(text))
    first, rest = _first_word(whole)
    if first not in known and (courtesy := _COURTESY.match(whole)):
        word, after = _first_word(bare_command(whole[courtesy.end() :]))
        if word in known:
            return word, after
    return first, rest


def bare_command(text: str) -> str:
    """A command without bullets before it, and without quotes or markup around all of it."""
    whole = as_typed(text).strip()
    while (inside := _unwrapped(whole)) != whole:
        whole = inside
    return whole


def _without_thanks(text: str) -> str:
    head, tail = text[:-_MOST_THANKS], text[-_MOST_THANKS:]
    return head + _THANKS.sub("", tail)


def _unwrapped(text: str) -> str:
    if bullet := _BULLET.match(text):
        return text[bullet.end() :].lstrip()
    end = text.rstrip(".,;!")
    for opening, closing in _PAIRS:
        inside = end[len(opening) : len(end) - len(closing)]
        is_around = end.startswith(opening) and end.endswith(closing) and len(end) > len(opening + closing)
        if is_around and opening not in inside and closing not in inside:
            return inside.strip()
    return text


def _first_word(text: str) -> tuple[str, str]:
    glued = _GLUED.match(text)
    first, _, rest = f"{glued[1]} {text[glued.end() :]}".partition(" ") if glued else text.partition(" ")
    bare = first.strip(_AROUND_A_WORD).rstrip(_AFTER_A_WORD).strip(_AROUND_A_WORD)
    return (bare or first).lower(), rest.strip()
