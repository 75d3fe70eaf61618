"""With whom a binder is to be shared: what people type after `share` and `unshare`. Pure."""

import re
from dataclasses import dataclass

from bot.errors import RequestError
from bot.text import readable
from storage.share_models import ShareKind
from storage.shares import Subject

_MARKED = re.compile(
    r"<(?:@(?P<user>[UW][A-Z0-9]{1,30})|#(?P<channel>[CG][A-Z0-9]{1,30})|!subteam\^(?P<group>S[A-Z0-9]{1,30}))"
    r"(?:\|[^<>]*)?>"
)
"""People, channels and groups as Slack marks them up in commands and messages."""
_MANAGE = re.compile(r"(?:(?<=\s)|^)(?:--|\u2014|\u2013)(?:manages?|manager)(?=\s|$)", re.IGNORECASE)
"""With the dashes that phones make of two hyphens."""
_FILLERS = re.compile(r"(?:(?<=\s)|^)(?:with|and|to|from)(?=\s|$)|[,;]", re.IGNORECASE)
_UNMARKED = re.compile(r"(?:(?<=\s)|^)(?:[@#]\S+|<!(?:here|channel|everyone)(?:\|[^<>]*)?>)")


@dataclass(frozen=True, slots=True)
class Sharing:
    """What was typed: the name of a binder (may be empty), with whom, and whether they may manage it."""

    name: str
    subjects: tuple[Subject, ...]
    manages: bool


def parse_sharing(text: str) -> Sharing:
    """Read what was typed after `share` or `unshare`.

    Raises:
        RequestError: Something looks like a person or a channel, but Slack did not know it.
    """
    subjects, rest = take_subjects(_MANAGE.sub(" ", text))
    manages = _MANAGE.search(text) is not None
    return Sharing(" ".join(_FILLERS.sub(" ", rest).split()), subjects, manages)


def take_subjects(text: str) -> tuple[tuple[Subject, ...], str]:
    """The people, channels and groups that are named in a text, each once, and the rest of it.

    Raises:
        RequestError: Something looks like one, but Slack did not know it.
    """
    subjects = tuple(dict.fromkeys(_subject(found) for found in _MARKED.finditer(text)))
    rest = _MARKED.sub(" ", text)
    if unknown := _UNMARKED.search(rest):
        raise RequestError(
            f"Slack does not know “{readable(unknown[0])}”.",
            hint="Choose the person, channel or group from the list that Slack shows while you type.",
        )
    return subjects, rest


def _subject(found: re.Match[str]) -> Subject:
    kinds = {"user": ShareKind.USER, "channel": ShareKind.CHANNEL, "group": ShareKind.GROUP}
    return next(Subject(kind, found[name]) for name, kind in kinds.items() if found[name])
