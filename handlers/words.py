"""What people type around a repository: subcommands, names, durations; and what they probably meant. Pure."""

import re
import unicodedata
from collections.abc import Collection
from difflib import get_close_matches
from html import unescape

from bot.errors import RequestError, SpecError
from bot.repospec import parse_launch
from handlers.mrkdwn import duration, shorten, visible

SUBCOMMANDS = ("launch", "list", "status", "logs", "stop", "open", "help")

_MEANT = {
    **dict.fromkeys(("start", "run", "create", "new", "up", "build", "begin", "boot"), "launch"),
    **dict.fromkeys(("ls", "ps", "all", "binders"), "list"),
    **dict.fromkeys(("info", "show", "state", "progress"), "status"),
    **dict.fromkeys(("log", "output", "tail"), "logs"),
    **dict.fromkeys(
        ("kill", "delete", "rm", "remove", "down", "end", "terminate", "destroy", "teardown"), "stop"
    ),
    **dict.fromkeys(("links", "link", "url", "token", "go"), "open"),
}
_HELP = {"", "help", "--help", "-h", "?", "-help", "—help", "usage"}
_NEAR = 0.5
_ECHO = 300
_MAX_NAME = 40
_SLACK_LINK = re.compile(r"<([a-zA-Z+]{2,9}:[^<>|\s]+)(?:\|[^<>]*)?>")
_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,4}(?:\.\d{1,2})?)h)?(?:(\d{1,5})m(?:in)?)?")
_MIN_SECONDS = 300.0


def split(text: str) -> tuple[str, str]:
    """The subcommand, in lower case, and the rest."""
    word, _, rest = text.strip().partition(" ")
    return word.lower(), rest.strip()


def asks_for_help(word: str, rest: str) -> bool:
    """Whether somebody wants to be told how it is done."""
    return word in _HELP or rest.lower() in _HELP - {""}


def correction(text: str) -> str | None:
    """The right form of what was typed, filled in with it; None where nothing is near."""
    word, rest = split(text)
    if word in _MEANT:
        return f"{_MEANT[word]} {readable(rest)}".strip()
    if _is_repository(text):
        return f"launch {readable(text)}"
    near = nearest(word, SUBCOMMANDS)
    return f"{near} {readable(rest)}".strip() if near else None


def _is_repository(text: str) -> bool:
    try:
        parse_launch(text)
    except SpecError:
        return False
    return True


def nearest(word: str, words: Collection[str]) -> str | None:
    """Of some words the one that was probably meant."""
    return next(iter(get_close_matches(word.lower(), words, 1, _NEAR)), None)


def readable(text: str) -> str:
    """What was typed, as it can be typed again: without Slack's escapes, fit for inline code."""
    return shorten(visible(unescape(_SLACK_LINK.sub(r"\1", text))).replace("`", "'"), _ECHO)


def slug(text: str) -> str:
    """A name that can be typed: lower-case letters, digits, dots and hyphens, at most 40 characters."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.")[:_MAX_NAME].strip("-.")
    return name or "binder"


def name_of_repository(url: str) -> str:
    """What a binder is called where nobody chose a name: the last part of its URL or DOI."""
    parts = [part for part in re.split(r"[/:]", url.split("?", maxsplit=1)[0]) if part]
    return slug(parts[-1].removesuffix(".git") if parts else url)


def seconds_of(text: str, limit: float) -> float:
    """How long somebody wants a binder: `90m`, `6h`, `2h20m`, `1d`, in seconds.

    Args:
        text: As typed.
        limit: The longest that is allowed, in seconds.

    Raises:
        RequestError: It is no duration, or one that is not allowed.
    """
    match = _DURATION.fullmatch(re.sub(r"\s", "", text.lower()))
    if match is None or not any(match.groups()):
        raise RequestError(f"“{readable(text)}” is no duration.", hint="`--for 6h`, `90m` or `2h30m` is one.")
    days, hours, minutes = (float(each or 0) for each in match.groups())
    seconds = days * 86_400 + hours * 3_600 + minutes * 60
    if not _MIN_SECONDS <= seconds <= limit:
        raise RequestError(
            f"A binder lives between {duration(_MIN_SECONDS)} and {duration(limit)} here, "
            f"and you asked for {duration(seconds)}."
        )
    return seconds
