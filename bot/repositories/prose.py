"""Words of sentences and of times, which are no refs and no paths. Pure."""

import re

from bot.errors import SpecError
from bot.repositories.parts import echo
from bot.sentences import Sentence

_ASSIGNED = re.compile(r"[A-Za-z]{2,}=")
_TIME = re.compile(
    r"\d+(?:[.,]\d+)?(?:h|hrs?|hours?|mins?|minutes?|days?|weeks?)|\d{1,2}:\d{2}\S*|\d{1,2}(?:am|pm)",
    re.IGNORECASE,
)
_PROSE = frozenset(
    {
        "again",
        "called",
        "checkout",
        "half",
        "have",
        "i",
        "issue",
        "launch",
        "mr",
        "named",
        "one",
        "open",
        "pr",
        "quickly",
        "release",
        "version",
    }
    | {"an", "and", "as", "at", "branch", "by", "can", "commit", "could", "day", "days", "directory"}
    | {"file", "folder", "for", "friday", "from", "hello", "hey", "hi", "hour", "hours", "if", "in"}
    | {"into", "is", "it", "just", "let", "like", "me", "midnight", "minute", "minutes", "monday", "my"}
    | {"name", "need", "next", "no", "noon", "not", "now", "of", "on", "or", "our", "path", "please"}
    | {"pls", "ref", "revision", "run", "saturday", "size", "so", "some", "sunday", "tag", "thank"}
    | {"thanks", "that", "the", "then", "there", "this", "thursday", "thx", "till", "to", "today"}
    | {"tomorrow", "tonight", "tuesday", "until", "us", "using", "want", "we", "wednesday", "week"}
    | {"weeks", "which", "while", "with", "without", "would", "you", "your"}
)
"""Words of sentences and of times: somebody who means a branch of that name says so with `--ref`."""


def is_prose(word: str) -> bool:
    """Whether a word is part of a sentence, or a time."""
    return word.lower() in _PROSE or _TIME.fullmatch(word) is not None


def refuse_prose(word: str | None, option: str) -> None:
    """Refuse a word that stands where a ref or a path is expected, and that is part of a sentence.

    Args:
        word: The word, if there is one.
        option: `ref` or `path`: what it would be.

    Raises:
        SpecError: With the way to write it if it is meant.
    """
    if word is None:
        return
    if _TIME.fullmatch(word):
        raise SpecError(
            Sentence("{word} looks like a time, not like a {option}.", word=echo(word), option=option),
            hint=Sentence(
                "Write --for {word} if you mean how long, and --{option} {word} if it is the {option}.",
                word=word,
                option=option,
            ),
        )
    if option == "ref" and _ASSIGNED.match(word):
        raise SpecError(
            Sentence("{word} is no option.", word=echo(word)),
            hint=Sentence("Write --ref {word} if it is the ref.", word=word),
        )
    if word.lower() in _PROSE or (option == "ref" and word.lower() == "a"):
        raise SpecError(
            Sentence(
                "{word} is not understood here: a repository, a ref and a path are expected.", word=echo(word)
            ),
            hint=Sentence(
                "Leave it out, or write --{option} {word} if it is the {option}.", option=option, word=word
            ),
        )
