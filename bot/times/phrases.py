"""A time among other words: behind an option of a launch, beside a binder's name. Pure."""

import re
from collections.abc import Mapping, Sequence

from bot.sentences import Sentence
from bot.times import durations, moments, zones
from bot.times.end_times import (
    COMMA,
    UNTIL_WORDS,
    NoSuchTime,
    meanings,
    not_understood,
    plain_text,
    read,
    shown,
)
from bot.times.moments import Moment

OPTIONS: Mapping[str, str] = {
    "for": "{}",
    "until": "until {}",
    "weeks": "{} weeks",
    "days": "{} days",
    "hours": "{} hours",
    "minutes": "{} minutes",
    "duration": "{}",
    "lifetime": "{}",
}
"""Each option, and what it makes of the first word after it."""

_MOST_WORDS = 16
_WORDS = durations.WORDS | moments.WORDS | frozenset(UNTIL_WORDS)
_UNITS = _WORDS | {"st", "nd", "rd", "th"}
_NUMBER = re.compile(r"\d{1,3}(?P<part>[.,:]\d{1,2})*(?P<unit>[a-z]*)")
_OPTION = re.compile(r"^[-\u2013\u2014]+(?=(?:for|by|until)$)", re.IGNORECASE)
"""`extend demo --for 2h` is `extend demo for 2h`."""
_DAY = re.compile(r"\d{1,2}/\d{1,2}(?:/\d{2,4})?|\d{1,2}\.\d{1,2}\.|\d{4}-\d{1,2}-\d{1,2}T\d\S*")
"""`12/1`, `1.12.` and `2026-12-01T09:00Z` hardly name anything else, also where they follow a duration."""
_DATE_LIKE = re.compile(r"\d{1,4}[.:/-][\d.:/-]{1,8}")


def take_option(option: str, words: Sequence[str]) -> tuple[str, int]:
    """Take the words of a time off those that follow an option.

    Args:
        option: One of `OPTIONS`.
        words: Up to the next option, one at least.

    Returns:
        The time, in words that `bot.times.end_times.parse` takes, and how many of the words they are.

    Raises:
        NoSuchTime: The words are no time, or may be more than one.
    """
    first, *rest = words
    told = [_completed(option, first), *rest]
    count = take(told)
    return " ".join(told[:count]).strip(" ,;"), count


def _completed(option: str, first: str) -> str:
    """The first word with what the option says, unless it says so itself, as in `--hours 6h`."""
    whole = OPTIONS[option].format(first)
    if option == "until":
        return first if first.lower().startswith("until") else whole
    return whole if meanings(whole) else first


def is_told(word: str, following: Sequence[str]) -> bool:
    """Whether a word begins a time without being an option, as in `owner/repo for 6 hours`."""
    if word.lower() == "for":
        return bool(following) and (_is_of_a_time(following[0]) or leading(following) > 0)
    return word.lower() == "until"


def leading(words: Sequence[str]) -> int:
    """How many of the words at the beginning are a time; the longest run counts."""
    longest = min(len(words), _MOST_WORDS)
    return next((count for count in range(longest, 0, -1) if meanings(" ".join(words[:count]))), 0)


def take(words: Sequence[str]) -> int:
    """How many words at the beginning are a time, where one is expected.

    Raises:
        NoSuchTime: They are none, may be more than one, or are followed by a word of times that does not fit.
    """
    count = leading(words)
    if not count:
        raise not_understood(" ".join(words[: _of_a_time(words) + 1]))
    taken, rest = " ".join(words[:count]), words[count:]
    # `--for 6h 2024-01-15` names a tag, but what follows a moment may be meant as a part of it.
    is_moment = any(isinstance(each, Moment) for each in meanings(taken).values())
    for place, word in enumerate(rest):
        is_part_of_moment = is_moment and place == 0 and _DATE_LIKE.fullmatch(word)
        if is_part_of_moment or _DAY.fullmatch(word) or _is_of_a_time(word):
            raise _followed(taken, rest[place:])
    read(taken)
    return count


def split(text: str) -> tuple[str, str]:
    """A name and a time, in either order: `demo 2h`, `2h demo`; each may be missing, and is empty then.

    The longest run of words that is a time is the time. Where other words of times are left over, or nothing
    is a time, the first word is the name, unless it is such a word, and the rest is for `parse` to refuse.
    """
    words = [_OPTION.sub("", word) for word in COMMA.sub(" ", text).split()]
    before, after = leading(words), _trailing(words)
    if before > after and not any(map(_is_of_a_time, words[before:])):
        return " ".join(words[before:]), " ".join(words[:before])
    if after >= max(before, 1) and not any(map(_is_of_a_time, words[1:-after])):
        return " ".join(words[:-after]), " ".join(words[-after:])
    named = 0 if len(words) > 1 and _is_of_a_time(words[0]) else 1
    return " ".join(words[:named]), " ".join(words[named:])


def _trailing(words: Sequence[str]) -> int:
    longest = min(len(words), _MOST_WORDS)
    return next((count for count in range(longest, 0, -1) if meanings(" ".join(words[-count:]))), 0)


def _is_of_a_time(word: str) -> bool:
    """Whether times are made of it; of numbers, those that hardly name anything else: `7`, `13pm`."""
    plain = plain_text(word)
    number = _NUMBER.fullmatch(plain)
    if number is None:
        return plain in _WORDS or bool(zones.names_of(plain))
    return number["unit"] in _UNITS if number["unit"] else not number["part"] or ":" in plain


def _of_a_time(words: Sequence[str]) -> int:
    """How many of the words at the beginning are such that times are made of them."""
    return next((place for place, word in enumerate(words) if not _is_of_a_time(word)), len(words))


def _followed(taken: str, rest: Sequence[str]) -> NoSuchTime:
    """What is said of a time with words of times behind it that do not fit."""
    error = not_understood(" ".join((taken, *rest[: max(_of_a_time(rest), 1)])))
    if len(meanings(taken)) > 1:
        return error
    word = shown(rest[0])
    hint = Sentence(
        "`{time}` is one. If “{word}” is a branch, write `--ref {word}`.", time=shown(taken), word=word
    )
    return NoSuchTime(error.sentence, hint=hint)
