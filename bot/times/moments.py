"""Moments in words: `friday 18:00`, `1.12. 09:00`, `noon tomorrow`, `2026-12-01T09:00Z`. Pure; no clock.

A moment is a row of parts in any order: a day, a time of day, a zone. `_PARTS` says what each part looks like
and what it may mean. Each detail may be given once, so parts decide what the others mean: `1.12` alone is a
day or a time of day, `1.12 18:00` is a day. What keeps two meanings is for the caller to refuse.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cache

from bot.times import zones
from bot.times.calendar import WEEKDAYS
from bot.times.durations import DAY

END_OF_DAY = DAY - 60
EVENING = 22 * 3_600
_AFTERNOON = 12 * 3_600
_TONIGHT_BEGINS = 17 * 3_600
_LEAP_YEAR = 2028

MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)


def _prefixes(names: Iterable[str], least: int) -> dict[str, int]:
    """Each name and its short forms of `least` letters at least, with its place."""
    return {name[:end]: index for index, name in enumerate(names) for end in range(least, len(name) + 1)}


_MONTHS = _prefixes(MONTHS, 3)
_WEEKDAYS = _prefixes(WEEKDAYS, 2)
_AHEAD: Mapping[str, int] = {"today": 0, "tomorrow": 1, "day after tomorrow": 2}
_ORDINALS: Mapping[int, str] = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
_CLOCKS: Mapping[str, int] = {
    **dict.fromkeys(("noon", "midday", "12 noon"), _AFTERNOON),
    **dict.fromkeys(("midnight", "12 midnight"), DAY),
    **dict.fromkeys(("evening", "night"), EVENING),
    **dict.fromkeys(("end of day", "end of the day", "eod"), END_OF_DAY),
}
WORDS = frozenset(
    {
        *_MONTHS,
        *_WEEKDAYS,
        *zones.SHARED,
        *zones.SEASONAL,
        *(word for phrase in (*_AHEAD, *_CLOCKS) for word in phrase.split()),
        *("tonight", "this", "next", "coming", "at", "on", "by"),
        *("am", "pm", "a.m", "p.m", "o'clock", "uhr"),
    }
)
"""The words that moments are made of, but for numbers and the names of zones."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a text says of a moment; None where it says nothing.

    Attributes:
        year: As in a calendar.
        month: 1 to 12.
        day: Of the month.
        weekday: Monday is 0.
        is_next: The weekday is that of "next friday".
        ahead: Days from today.
        is_tonight: The day is today, and its evening is meant.
        clock: Seconds after the beginning of the day; 86,400 is its end.
        zone: A name that `bot.times.zones.find` takes.
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    is_next: bool | None = None
    ahead: int | None = None
    is_tonight: bool | None = None
    clock: int | None = None
    zone: str | None = None

    @property
    def has_day(self) -> bool:
        """Whether it names a day."""
        return any(each is not None for each in (self.day, self.weekday, self.ahead))

    def may_be(self, day: date, today: date) -> bool:
        """Whether that day is one that the text means."""
        ahead = (day - today).days
        least = 1 if self.is_next else 0
        said = (self.year, self.month, self.day, self.weekday, self.ahead)
        found = (day.year, day.month, day.day, day.weekday(), ahead)
        return ahead >= least and all(each in (None, other) for each, other in zip(said, found, strict=True))

    def __str__(self) -> str:
        """In words that are read back as the same moment."""
        return " ".join(
            ("until", *_day_words(self), *_clock_words(self), *([self.zone] if self.zone else ()))
        )


def _day_words(moment: Moment) -> Iterator[str]:
    if moment.is_next:
        yield "next"
    if moment.weekday is not None:
        yield WEEKDAYS[moment.weekday]
    if moment.year is not None:
        yield f"{moment.year:04}-{moment.month:02}-{moment.day:02}"
    elif moment.month is not None:
        yield f"{moment.day} {MONTHS[moment.month - 1]}"
    elif moment.day is not None:
        yield f"{moment.day}{_ORDINALS.get(moment.day, 'th')}"
    if moment.ahead is not None:
        yield (
            "tonight"
            if moment.is_tonight
            else next(word for word, days in _AHEAD.items() if days == moment.ahead)
        )


def _clock_words(moment: Moment) -> Iterator[str]:
    if moment.clock is not None:
        minutes, seconds = divmod(moment.clock, 60)
        yield f"{minutes // 60:02}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")


Readings = Iterable[Moment]
"""All that one part may mean."""
PartReader = Callable[[re.Match[str]], Readings]


# --- from words to moments ------------------------------------------------------------------------------


def read(text: str) -> set[Moment]:
    """All the moments that a text may mean; none where it is no moment.

    Args:
        text: In lower case, with single spaces, without "until".
    """
    for phrase, plain in _IDIOMS:
        text = phrase.sub(plain, text)
    found = {Moment()}
    while text and found:
        text, readings = _first_part(text)
        found = {whole for each in found for part in readings for whole in _joined(each, part)}
    return {each for each in found if _is_whole(each)}


def _first_part(text: str) -> tuple[str, Readings]:
    """What follows the first part, and that part's readings."""
    matches = (
        (match.end(), read_part(match))
        for pattern, read_part in _compiled()
        if (match := pattern.match(text))
    )
    end, readings = max(matches, key=lambda each: each[0], default=(len(text), ()))
    return text[end:], list(readings)


def _joined(moment: Moment, part: Moment) -> Iterator[Moment]:
    """Both in one; nothing where both tell the same."""
    said = {each.name: value for each in fields(part) if (value := getattr(part, each.name)) is not None}
    if all(getattr(moment, name) is None for name in said):
        yield replace(moment, **said)


def _is_whole(moment: Moment) -> bool:
    if moment.is_tonight and moment.clock is not None and moment.clock < _TONIGHT_BEGINS:
        return False
    return moment.has_day or moment.clock is not None


# --- the parts ------------------------------------------------------------------------------------------


def _weekday(match: re.Match[str]) -> Readings:
    yield Moment(weekday=_WEEKDAYS[match["weekday"]], is_next=True if match["which"] == "next" else None)


def _date(year: str | None, month: int, day: str) -> Readings:
    """That day; nothing where no calendar has it."""
    century = 2000 if year is not None and len(year) == 2 else 0  # noqa: PLR2004 - `26`
    full = None if year is None else int(year) + century
    try:
        date(full or _LEAP_YEAR, month, int(day))
    except ValueError:
        return
    yield Moment(year=full, month=month, day=int(day))


def _day_first(match: re.Match[str]) -> Readings:
    return _date(match["year"] or match["short"], int(match["month"]), match["day"])


def _year_first(match: re.Match[str]) -> Readings:
    return _date(match["year"], int(match["month"]), match["day"])


def _either_first(match: re.Match[str]) -> Readings:
    """`12/1`, which means one day in America and another elsewhere."""
    first, second = match["first"], match["second"]
    return [*_date(match["year"], int(second), first), *_date(match["year"], int(first), second)]


def _named_month(match: re.Match[str]) -> Readings:
    return _date(match["year"], _MONTHS[match["month"]] + 1, match["day"])


def _day_of_month(match: re.Match[str]) -> Readings:
    return [replace(each, month=None) for each in _date(None, 1, match["day"])]


def _time(hour: int, minute: str | None, second: str | None = None) -> Readings:
    """That time of day; nothing where no clock shows it."""
    minutes, seconds = int(minute or 0), int(second or 0)
    clock = hour * 3_600 + minutes * 60 + seconds
    if clock <= DAY and max(minutes, seconds) < 60:  # noqa: PLR2004 - of an hour, of a minute
        yield Moment(clock=clock)


def _time_of_24(match: re.Match[str]) -> Readings:
    return _time(int(match["hour"]), match["minute"], match["second"])


def _time_of_12(match: re.Match[str]) -> Readings:
    hour = int(match["hour"])
    if 1 <= hour <= 12:  # noqa: PLR2004 - a clock's face
        yield from _time(hour % 12 + (12 if match["half"] == "p" else 0), match["minute"])


def _bare_hour(match: re.Match[str]) -> Readings:
    """`18`; and `6`, which may be in the morning or in the evening."""
    typed = match["hour"] or match["late"]
    hour = int(typed)
    yield from _time(hour, None)
    if 1 <= hour <= 12 and not typed.startswith("0"):  # noqa: PLR2004 - a clock's face
        yield from _time(hour + 12, None)


def _dotted(match: re.Match[str]) -> Readings:
    """`18.30`, and `1.12`, which may be a day."""
    first, second = match["first"], match["second"]
    times = _time(int(first), second) if len(second) == 2 else ()  # noqa: PLR2004 - digits of minutes
    return [*times, *_date(None, int(second), first)]


def _zone(match: re.Match[str]) -> Readings:
    return [Moment(zone=name) for name in zones.names_of(match["zone"])]


def _offset(match: re.Match[str]) -> Readings:
    return [Moment(zone=name) for name in zones.offset_name(match["sign"], match["hours"], match["minutes"])]


_IDIOMS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.ASCII), plain)
    for pattern, plain in (
        (r"(?<=\d)t(?=\d\d)", " "),  # 2026-12-01T09:00
        (r"(\d{4}-\d\d?-\d\d? [\d:.]+) ?-(?=\d\d)", r"\1 utc-"),  # 2026-12-01T09:00-05:00
        (r"(?<=\d) ?\+(?=\d)", " utc+"),  # 09:00+02:00
        (r"(?<=\d)z\b", " z"),
        (r"(?<=\d) ?([ap])\.? ?m\b\.?", r"\1m"),  # 6 p.m.
        (r"(?<=\d) in the morning\b", "am"),
        (r"(?<=\d) (?:in the (?:afternoon|evening)|at night)\b", "pm"),
    )
)
"""Other ways to write the parts."""


def _one_of(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_DAY, _YEAR = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?", r"(?P<year>20\d{2})"
_MONTH = rf"(?P<month>{_one_of(_MONTHS)})\.?"
_PARTS: tuple[tuple[str, PartReader], ...] = (
    # Days
    (rf"(?P<word>{_one_of(_AHEAD)})", lambda match: [Moment(ahead=_AHEAD[match["word"]])]),
    ("tonight|this (?:evening|night)", lambda _: [Moment(ahead=0, is_tonight=True)]),
    (rf"(?:(?P<which>next|this|coming) )?(?P<weekday>{_one_of(_WEEKDAYS)})\.?", _weekday),
    (r"(?P<year>\d{4})(?P<dash>[-/.])(?P<month>\d{1,2})(?P=dash)(?P<day>\d{1,2})", _year_first),
    (rf"(?P<day>\d{{1,2}})\. ?(?P<month>\d{{1,2}})\.(?: ?{_YEAR}|(?P<short>\d{{2}}))?", _day_first),
    (r"(?P<first>\d{1,2})/(?P<second>\d{1,2})(?:/(?P<year>\d{4}|\d{2}))?", _either_first),
    (r"(?P<first>\d{1,2})-(?P<second>\d{1,2})-(?P<year>\d{4})", _either_first),
    (rf"{_DAY}\.? ?(?:of )?{_MONTH}(?: {_YEAR})?", _named_month),
    (rf"{_MONTH} ?{_DAY}(?: {_YEAR})?", _named_month),
    (r"(?P<day>\d{1,2})(?:st|nd|rd|th)", _day_of_month),
    ("end of(?= )", lambda _: [Moment(clock=END_OF_DAY)]),
    # Times of day
    (rf"(?P<word>{_one_of(_CLOCKS)})", lambda match: [Moment(clock=_CLOCKS[match["word"]])]),
    (
        r"(?P<hour>\d{1,2})[:h](?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?(?: ?(?:h|hrs|uhr))?",
        _time_of_24,
    ),
    (r"(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2}))?(?P<half>[ap])m?", _time_of_12),
    (r"(?P<hour>\d{1,2})(?: ?(?:uhr|o'?clock))?|(?P<late>1[3-9]|2[0-4])h", _bare_hour),
    (r"(?P<first>\d{1,2})\.(?P<second>\d{1,2})(?: uhr)?", _dotted),
    # Zones
    (rf"(?P<zone>{_one_of((*zones.SHARED, *zones.SEASONAL))}|[a-z]+(?:/[a-z0-9_+-]+){{1,2}})", _zone),
    (r"(?:utc|gmt) ?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?", _offset),
)
"""What each part looks like, and its reader. At each place the longest counts."""


@cache
def _compiled() -> list[tuple[re.Pattern[str], PartReader]]:
    """The parts with what may stand around them; compiled when needed, since most runs read no time."""
    return [
        (re.compile(rf"(?:(?:at|on|by|the) )*(?:{pattern})(?: |$)", re.ASCII), read_part)
        for pattern, read_part in _PARTS
    ]
