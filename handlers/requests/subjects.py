"""With whom a binder is to be shared: what people type after `share` and `unshare`. Pure."""

import re
from dataclasses import dataclass

from bot.errors import RequestError
from bot.sentences import Sentence
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
_WITH = re.compile(
    r"(?:(?<=\s)|^)(?:--|\u2014|\u2013)shared?(?:-with)?(?:\s*[=:]\s*|\s+|$)"
    r"(?P<subjects>(?:<[@#!][^<>]*>(?:[\s,;]+(?:and\s+)?|$))*)",
    re.IGNORECASE,
)
"""The option of `launch`, and the people, channels and groups behind it."""
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
            Sentence("Slack does not know “{unknown}”.", unknown=readable(unknown[0])),
            hint=Sentence(
                "Choose the person, channel or group from the list that Slack shows while you type."
            ),
        )
    return subjects, rest


NOBODY = Sharing("", (), manages=False)


def take_sharing(text: str) -> tuple[str, Sharing]:
    """Split what was typed after `launch` into the rest and what `--share` says.

    Raises:
        RequestError: `--share` is there, but nobody that Slack knows stands behind it.
    """
    found = _WITH.search(text)
    if found is None:
        return text, NOBODY
    asked = parse_sharing(found["subjects"])
    if not asked.subjects:
        parse_sharing(text[found.end() :].partition(" ")[0])  # a name that Slack does not know
        raise RequestError(Sentence("With whom?"), hint=Sentence("For example `--share @name #channel`."))
    rest = f"{text[: found.start()]} {text[found.end() :]}"
    manages = _MANAGE.search(rest) is not None
    return _MANAGE.sub(" ", rest).strip(), Sharing("", asked.subjects, manages)


def shares(text: str) -> bool:
    """Whether a launch is also to be shared."""
    return _WITH.search(text) is not None


def _subject(found: re.Match[str]) -> Subject:
    kinds = {"user": ShareKind.USER, "channel": ShareKind.CHANNEL, "group": ShareKind.GROUP}
    return next(Subject(kind, found[name]) for name, kind in kinds.items() if found[name])
