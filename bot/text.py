"""Text that nobody trusts, made fit to be shown. Pure."""

import re
from html import unescape

ELLIPSIS = "…"
_MAX_INPUT = 10_000
"""Characters that are looked at; no message holds more."""
_ECHO = 300
_SLACK_LINK = re.compile(r"<([a-zA-Z+]{2,9}:[^<>|\s]+)(?:\|[^<>]*)?>")
_NAME_AS_LINK = re.compile(r"<(?:https?://|mailto:)([^<>|\s]+)\|\1>")
_NO_WIDTH = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))


def plain_spaces(text: str) -> str:
    """Text whose white space is plain spaces: no U+00A0 (as before pasted links), no tabs, no line breaks."""
    return re.sub(r"\s", " ", text.translate(_NO_WIDTH))


def as_typed(text: str) -> str:
    """What a person typed, before a chat program changed its spaces and made links of names (`README.md`)."""
    return _NAME_AS_LINK.sub(r"\1", plain_spaces(text))


def visible(text: str) -> str:
    """One line of what can be seen: no controls, no changes of direction, no beginning of a code block."""
    return _without_fences(_printable(" ".join(text[:_MAX_INPUT].split()))).strip()


def visible_lines(text: str) -> str:
    """The last lines of a text, each as `visible`, but with their indentation."""
    lines = re.split(r"\r\n|[\n\r\u2028\u2029]", text[-_MAX_INPUT:].expandtabs(4))
    return _without_fences("\n".join(_printable(line).rstrip() for line in lines))


def _printable(line: str) -> str:
    return line if line.isprintable() else "".join(char for char in line if char.isprintable())


def _without_fences(text: str) -> str:
    return re.sub("`{3,}", lambda ticks: "'" * len(ticks[0]), text) if "```" in text else text


def counted(number: int, noun: str) -> str:
    """A number of things in words: `1 binder`, `3 binders`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shorten(text: str, limit: int) -> str:
    """Plain text (no markup) of at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def readable(text: str) -> str:
    """What was typed, as it can be typed again: without Slack's escapes, fit for inline code."""
    return shorten(visible(unescape(_SLACK_LINK.sub(r"\1", as_typed(text)))).replace("`", "'"), _ECHO)
