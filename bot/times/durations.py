"""Durations: seconds in words, and words in seconds (`2h20m`, `1,5 h`, `half an hour`). Pure."""

import re
from collections.abc import Mapping
from math import inf

DAY = 86_400
_UNITS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (7 * DAY, ("w", "wk", "wks", "week", "weeks")),
    (DAY, ("d", "day", "days")),
    (3_600, ("h", "hr", "hrs", "hour", "hours")),
    (60, ("m", "min", "mins", "minute", "minutes")),
    (1, ("s", "sec", "secs", "second", "seconds")),
)
"""The seconds of each unit, the largest first, and how people write it."""

_SECONDS: Mapping[str, int] = {name: seconds for seconds, names in _UNITS for name in names}
_SMALL = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBERS: Mapping[str, int] = {
    **dict.fromkeys(("a", "an"), 1),
    **{word: count for count, word in enumerate(_SMALL, 1)},
    **{ten: count * 10 for count, ten in enumerate(_TENS, 2)},
    **{
        f"{ten}-{one}": count * 10 + ones
        for count, ten in enumerate(_TENS, 2)
        for ones, one in enumerate(_SMALL[:9], 1)
    },
}


def _one_of(words: Mapping[str, int]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_IDIOMS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.ASCII), plain)
    for pattern, plain in (
        (r"^(?:for |by )?\+?|\b(?:another|more|longer)\b ?", ""),  # for 6h, +2h, 2 more hours
        (r"(?:(?<=\d) |^)1/2 ?(?=[a-z])", "½ "),
        (r" and an? half\b", "½"),  # an hour and a half, two and a half hours
        (r"\b(?:an? )?half(?: an?)?\b", "½"),  # half an hour, a half day
        (r"\bthree quarters of an (?=hour)", "0.75 "),
        (r"\b(?:an? )?quarter (?:of )?(?:an )?(?=hour)", "0.25 "),
        (r"^p(?:(\d+[wd])(?:t(?=\d)|$)|t(?=\d))", r"\1 "),  # ISO 8601: PT6H, P1DT2H
        (r"^(\d{1,3}):([0-5]\d) ?h(?:ours?|rs?)$", r"\1 h \2 m"),  # 1:30 hours
        (r"(?<=\d)( ?h(?:ours?|rs?)?) ?([0-5]\d)$", r"\1 \2 m"),  # 1h30
    )
)
"""Phrases, in the order in which they are put into numbers and units; `½` adds a half to its number."""

_NUMBER_WORD = re.compile(rf"\b({_one_of(_NUMBERS)})(?= |½)", re.ASCII)
_PAIR = re.compile(
    r" ?(?:and )?(?P<count>\d{1,5}(?:[.,]\d{1,2})?|[.,]\d{1,2})?(?P<half> ?½)? ?"
    rf"(?P<unit>{_one_of(_SECONDS)})(?P<tail>½)?(?![a-z½])",
    re.ASCII,
)
_COUNT = re.compile(r"\d{1,4}(?:[.,]\d{1,2})?", re.ASCII)
_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)(?: ?h)?", re.ASCII)

WORDS = frozenset(
    {
        *_SECONDS,
        *_NUMBERS,
        *("half", "quarter", "quarters", "and", "for", "by", "another", "more", "longer"),
        *("fortnight", "month", "months", "year", "years"),
    }
)
"""The words that durations are made of, but for numbers; and those that are refused as too long or vague."""


def duration(seconds: float) -> str:
    """Seconds in words of two parts at most: `2 min 5 s`."""
    whole = max(int(seconds), 0)
    sizes = ((DAY, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    largest = next((index for index, (size, _) in enumerate(sizes) if whole >= size), len(sizes) - 1)
    words: list[str] = []
    for size, unit in sizes[largest : largest + 2]:
        count, whole = divmod(whole, size)
        if count or not words:
            words.append(f"{count} {unit}")
    return " ".join(words)


def about(seconds: float) -> str:
    """Seconds in words, rounded as people say them: `3 s`, `40 s`, `6 min`, `1 h 20 min`."""
    if seconds < 9.5:  # noqa: PLR2004 - below 10 s when it is rounded
        return duration(max(round(seconds), 1))
    step = next(step for below, step in ((57.5, 5), (100, 30), (3_570, 60), (inf, 600)) if seconds < below)
    return duration(round(seconds / step) * step)


def read(text: str) -> float | None:
    """Read a duration in words.

    Args:
        text: In lower case, with single spaces.

    Returns:
        Seconds; None where it is no duration.
    """
    rest, total, previous = _in_numbers(text), 0.0, inf
    while rest or previous == inf:
        pair = _PAIR.match(rest)
        if pair is None or not (pair["count"] or pair["half"]):
            return None
        unit = _SECONDS[pair["unit"]]
        # Each unit once, the largest first: `1h 1h` may be a slip of the hand.
        if unit >= previous:
            return None
        halves = 0.5 * sum(1 for half in (pair["half"], pair["tail"]) if half)
        total += unit * (float((pair["count"] or "0").replace(",", ".")) + halves)
        rest, previous = rest[pair.end() :], unit
    return float(round(total))


def without_unit(text: str) -> tuple[str, ...]:
    """The durations that a bare number (`90`, `1:30`) may mean, in words that can be read."""
    if _COUNT.fullmatch(text):
        return f"{text} min", f"{text} h"
    clock = _CLOCK.fullmatch(text)
    return (duration(int(clock[1]) * 3_600 + int(clock[2]) * 60),) if clock else ()


def _in_numbers(text: str) -> str:
    for phrase, plain in _IDIOMS:
        text = phrase.sub(plain, text)
    return " ".join(_NUMBER_WORD.sub(lambda word: str(_NUMBERS[word[1]]), text).split())
