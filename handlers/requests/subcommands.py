"""What people type around a repository: subcommands and names; and what they probably meant. Pure."""

import re
import unicodedata
from collections.abc import Collection
from difflib import get_close_matches

from bot.errors import SpecError
from bot.repositories.launch_text import parse_launch
from bot.text import readable

SUBCOMMANDS = (
    "launch",
    "list",
    "status",
    "logs",
    "stop",
    "open",
    "save",
    "shelve",
    "resume",
    "extend",
    "help",
)

SYNONYMS = {
    **dict.fromkeys(("start", "run", "create", "new", "up", "build", "begin", "boot"), "launch"),
    **dict.fromkeys(("ls", "ps", "all", "binders"), "list"),
    **dict.fromkeys(("info", "show", "state", "progress"), "status"),
    **dict.fromkeys(("log", "output", "tail"), "logs"),
    **dict.fromkeys(
        ("kill", "delete", "rm", "remove", "down", "end", "terminate", "destroy", "teardown"), "stop"
    ),
    **dict.fromkeys(("pause", "suspend", "park", "freeze"), "shelve"),
    **dict.fromkeys(("unshelve", "continue", "wake", "unpause"), "resume"),
    **dict.fromkeys(("download", "export", "backup", "archive"), "save"),
    **dict.fromkeys(("keep", "prolong", "renew", "postpone", "longer"), "extend"),
    **dict.fromkeys(("links", "link", "url", "token", "go"), "open"),
}
_HELP = {"", "help", "--help", "-h", "?", "-help", "—help", "usage"}
_NEAR = 0.5
_MAX_NAME = 40


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
    if word in SYNONYMS:
        return f"{SYNONYMS[word]} {readable(rest)}".strip()
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


def slug(text: str) -> str:
    """A name that can be typed: lower-case letters, digits, dots and hyphens, at most 40 characters."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.")[:_MAX_NAME].strip("-.")
    return name or "binder"


def name_of_repository(url: str) -> str:
    """What a binder is called where nobody chose a name: the last part of its URL or DOI."""
    parts = [part for part in re.split(r"[/:]", url.split("?", maxsplit=1)[0]) if part]
    return slug(parts[-1].removesuffix(".git") if parts else url)
