"""Repositories in what people say. Pure."""

import re
from html import unescape

from bot.errors import SpecError
from bot.repositories.launch_text import parse_launch, parse_repo
from bot.repositories.site_links import MOST

_MARKED_LINK = re.compile(r"<(https?://[^<>|\s]+)(?:\|[^<>]*)?>")
_MOST_WORDS = 200
"""How much of a message is searched for a repository."""


def repository_in(text: str) -> str:
    """The first thing in a message that can be launched; empty where there is none."""
    found = unescape(_MARKED_LINK.sub(r" \1 ", text)).split()[:_MOST_WORDS]
    return next((word for word in found if _is_repository(word)), "")


def launch_text_in(text: str) -> str:
    """What a message asks to be launched: all of it, where that is understood, else the first link in it.

    Empty where there is nothing, or where it is too long for a button.
    """
    whole = text.strip()
    found = whole if is_launch_text(whole) else repository_in(text)
    return found if len(found) <= MOST else ""


def is_launch_text(text: str) -> bool:
    """Whether all of a text says what to launch."""
    try:
        parse_launch(text)
    except SpecError:
        return False
    return True


def _is_repository(word: str) -> bool:
    # "and/or" would pass for owner/repo: in prose, only links and identifiers count.
    if "://" not in word and not word.lower().startswith(("doi:", "10.", "swh:")):
        return False
    try:
        parse_repo(word)
    except SpecError:
        return False
    return True
