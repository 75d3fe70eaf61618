"""Slack's markup from text that cannot be trusted. Pure.

Text from a person, a repository or an instance goes through this module before it becomes part of a message.
"""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from bot.text import ELLIPSIS, visible, visible_lines
from bot.times import calendar
from handlers.messages.language import translated

MAX_URL = 3_000
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_LABEL = str.maketrans({"<": "(", ">": ")", "|": "/"})
_URL = str.maketrans({"`": "%60", "<": "%3C", ">": "%3E", "|": "%7C", " ": "%20", "&": "&amp;", '"': "%22"})
_PERSON = re.compile(r"[UW][A-Z0-9]{1,30}")


def escape(text: str) -> str:
    """Markup for a text that Slack then shows unchanged."""
    return text.translate(_ENTITIES)


def inline(text: str, limit: int = 300) -> str:
    """Untrusted text within a sentence: on one line, escaped, at most `limit` characters of markup."""
    return _fitting(visible(text), limit, escape)


def code(text: str, limit: int = 200) -> str:
    """Untrusted text as inline code; empty if none of it is visible."""
    shown = _fitting(visible(text).replace("`", "'"), limit - 2, escape)
    return f"`{shown}`" if shown else ""


def code_block(text: str, limit: int = 2_900) -> str:
    """The end of untrusted lines as a code block of at most `limit` characters, or an empty string."""
    lines = visible_lines(text).strip("\n")
    shown = _fitting(lines[::-1], limit - 8, lambda backwards: escape(backwards[::-1]))
    return f"```\n{shown}\n```" if shown.strip() else ""


def link(url: str, label: str) -> str:
    """A link, or only its label if the URL is not a web address."""
    shown = escape(visible(label).translate(_LABEL)) or "link"
    return f"<{url.translate(_URL)}|{shown}>" if is_web(url) else shown


def is_web(url: str) -> bool:
    """Whether a URL is a web address that may become a link."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = url.isprintable() and not re.search(r"\s", url) and len(url) <= MAX_URL
    return plain and parts.scheme in {"http", "https"} and bool(parts.netloc)


def person(user: str | None) -> str:
    """A mention of a Slack user; another name (`operator`) becomes `the operator`."""
    if user and _PERSON.fullmatch(user):
        return f"<@{user}>"
    return translated("the {role}", role=inline(user, 40)) if user else translated("somebody")


def date(at: float) -> str:
    """A time in each reader's own time zone; `at` in Unix seconds."""
    shown = translated("{day} at {time}", day="{date_short_pretty}", time="{time}")
    return f"<!date^{int(at)}^{shown}|{calendar.in_utc(at)}>"


def _fitting(text: str, limit: int, markup: Callable[[str], str]) -> str:
    """Markup of the beginning of a text, as much as fits; no entity is cut in two."""
    # Markup is never shorter than its text, so what this cuts off could not fit anyway.
    kept = text[:limit]
    if len(kept) == len(text) and len(shown := markup(kept)) <= limit:
        return shown
    kept = kept[: limit - 1]
    while len(shown := markup(kept + ELLIPSIS)) > limit:
        kept = kept[: -max((len(shown) - limit) // 5, 1)]
    return shown
