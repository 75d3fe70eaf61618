"""What people type when they mean a time: `90m`, `half an hour`, `until 18:00`, `noon tomorrow`. Pure.

This is the one reader of `--for`, of `extend` and of the form. It has two stages, so that the text of a
launch is understood without a clock: `read` says what a text means, `parse` says what that is now and here.

The grammar is our own, a table in each of `durations` and `moments`. The libraries that read such texts guess
where they do not understand, and a guess ends a binder at the wrong time: see
docs/decisions/0010-our-own-reader-of-times.md.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo

from bot.errors import SpecError
from bot.sentences import Sentence
from bot.text import readable, shorten
from bot.times import durations, moments, zones
from bot.times.durations import DAY, duration
from bot.times.moments import END_OF_DAY, EVENING, Moment

LEAST_SECONDS = 300.0
FORMS = (
    *("6h", "90m", "2h20m", "1.5h", "2 days", "until 18:00", "until friday 18:00", "until tomorrow noon"),
    "until 2026-12-01 09:00",
)
"""What is understood, by examples."""

_MOST_DAYS = 366
"""Nobody means more."""
_HALF_YEAR = 183
_LONGEST_TEXT = 80
UNTIL_WORDS = ("until", "untill", "till", "til", "to", "through")
_UNTIL = re.compile(rf"(?:{'|'.join(UNTIL_WORDS)})(?: |$)(?P<moment>.*)")
_QUOTES = " \t\n\"'`()[]*_\u201c\u201d\u201e\u2018\u2019"
COMMA = re.compile(r",(?=\s|$)|(?<=[^\W\d_]),")
_DATE_AT_THE_END = re.compile(r"\d\. ?\d{1,2}\.$")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"))

Meaning = float | Moment
"""So many seconds, or a moment."""


class NoSuchTime(SpecError):
    """The text is not a time, or not one that is allowed."""


@dataclass(frozen=True, slots=True)
class Duration:
    """How long somebody wants a binder.

    Attributes:
        seconds: For so long; None where a moment was named.
        until: Until then, in Unix seconds UTC; None where a duration was named.
    """

    seconds: float | None = None
    until: float | None = None

    def from_(self, start: float) -> float:
        """The moment that is meant, where a duration begins at `start`; Unix seconds UTC."""
        return start + (self.seconds or 0.0) if self.until is None else self.until


# --- what a text means ----------------------------------------------------------------------------------


def read(text: str) -> Meaning:
    """What a text means, without a clock.

    Raises:
        NoSuchTime: It is not a time, or may be more than one.
    """
    found = meanings(text)
    if not found:
        raise not_understood(text)
    if len(found) > 1:
        raise _ambiguous(text, found)
    return next(iter(found.values()))


def meanings(text: str) -> Mapping[str, Meaning]:
    """All that a text may mean, each by a text that means only that; empty if it is not a time."""
    plain = plain_text(text)
    if match := _UNTIL.fullmatch(plain):
        return _moments(match["moment"])
    seconds = durations.read(plain)
    if seconds is not None:
        return {plain: seconds}
    lacking_unit = {each: durations.read(each) or 0.0 for each in durations.without_unit(plain)}
    return {**lacking_unit, **_moments(plain)}


def _moments(text: str) -> Mapping[str, Meaning]:
    return {str(each): each for each in sorted(moments.read(text), key=str)}


def plain_text(text: str) -> str:
    """In lower case, with single spaces, without quotes and the punctuation of sentences."""
    if len(text) > _LONGEST_TEXT:
        return ""
    plain = COMMA.sub(" ", text.lower().translate(_DASHES)).strip(_QUOTES).rstrip("!?;,")
    plain = plain if _DATE_AT_THE_END.search(plain) else plain.rstrip(".")
    return " ".join(plain.split())


def shown(text: str) -> str:
    """What was typed, as an answer repeats it."""
    return shorten(readable(text), _LONGEST_TEXT)


def not_understood(text: str) -> NoSuchTime:
    """The error for words that are not a time."""
    return NoSuchTime(
        Sentence("“{text}” is not a time that I understand.", text=shown(text)),
        hint=Sentence("Write for example {forms}.", forms=_any_of(FORMS)),
    )


def _ambiguous(text: str, options: Iterable[str]) -> NoSuchTime:
    return NoSuchTime(
        Sentence("“{text}” can mean {options}.", text=shown(text), options=_any_of(options)),
        hint=Sentence("Write the one that you mean."),
    )


def _any_of(texts: Iterable[str]) -> str:
    """`a`, `b` or `c`."""
    *others, last = (f"`{each}`" for each in texts)
    return Sentence("{others} or {last}", others=", ".join(others), last=last)


# --- when that is ---------------------------------------------------------------------------------------


def needs_zone(text: str) -> bool:
    """Whether it names one moment, whose meaning depends on where somebody is."""
    found = list(meanings(text).values())
    return len(found) == 1 and isinstance(found[0], Moment) and found[0].zone is None


def parse(text: str, now: float, zone: tzinfo) -> Duration:
    """Read a duration, or a moment.

    Args:
        text: As typed.
        now: Unix seconds, UTC.
        zone: Where the person is; matters to moments that name no zone.

    Raises:
        NoSuchTime: It is neither, may be more than one, or lies in the past.
    """
    meaning = read(text)
    if isinstance(meaning, Moment):
        return Duration(until=_when(meaning, text, now, zone))
    return Duration(seconds=meaning)


def check(seconds: float, most: float) -> None:
    """Refuse what is too short or too long, both in seconds from now.

    Raises:
        NoSuchTime: It is.
    """
    if not LEAST_SECONDS <= seconds <= most:
        raise NoSuchTime(
            Sentence(
                "A binder lives between {least} and {most} here, and you asked for {seconds}.",
                least=duration(LEAST_SECONDS),
                most=duration(most),
                seconds=duration(seconds),
            )
        )


def tonight(now: float, zone: tzinfo) -> float:
    """This evening, there; once that is over, the end of the day. Unix seconds UTC."""
    today = datetime.fromtimestamp(now, zone).date()
    evening, end = (next(_at(today, clock, zone)) for clock in (EVENING, END_OF_DAY))
    return evening if evening > now else max(end, now)


def _when(moment: Moment, text: str, now: float, own_zone: tzinfo) -> float:
    """Its next occurrence, where it comes again and again; Unix seconds UTC."""
    zone = zones.find(moment.zone) if moment.zone else own_zone
    if moment.is_tonight and moment.clock is None:
        return tonight(now, zone)
    today = datetime.fromtimestamp(now, zone).date()
    days = _days(moment, today, text)
    clock = END_OF_DAY if moment.clock is None else moment.clock
    found = next((at for day in days for at in _at(day, clock, zone) if at > now), None)
    if found is None:
        raise _past(text)
    if moment.month and not moment.year and found - now > _HALF_YEAR * DAY:
        raise NoSuchTime(
            Sentence("“{text}” is in the past, or more than half a year away.", text=shown(text)),
            hint=Sentence("Write the year too."),
        )
    _check_season(moment, datetime.fromtimestamp(found, zone))
    return found


def _days(moment: Moment, today: date, text: str) -> list[date]:
    """The days that may be meant, the next one first."""
    window = (today + timedelta(days=ahead) for ahead in range(_MOST_DAYS + 1))
    days = [day for day in window if moment.may_be(day, today)]
    if not days:
        raise _no_such_day(moment, today, text)
    if moment.is_next and len(days) > 1 and days[0].isocalendar()[:2] == today.isocalendar()[:2]:
        raise _ambiguous(text, [str(_on(moment, day)) for day in days[:2]])
    return days


def _on(moment: Moment, day: date) -> Moment:
    """The same time of day, on that day."""
    return Moment(year=day.year, month=day.month, day=day.day, clock=moment.clock, zone=moment.zone)


def _no_such_day(moment: Moment, today: date, text: str) -> NoSuchTime:
    if moment.year and moment.month and moment.day:
        away = (date(moment.year, moment.month, moment.day) - today).days
        if away < 0:
            return _past(text)
        if away > _MOST_DAYS:
            return NoSuchTime(Sentence("“{text}” is more than a year away.", text=shown(text)))
    return NoSuchTime(
        Sentence("“{text}” is not a day in the next twelve months.", text=shown(text)),
        hint=Sentence("Check whether the day of the week and the date belong together."),
    )


def _past(text: str) -> NoSuchTime:
    return NoSuchTime(Sentence("“{text}” is in the past.", text=shown(text)))


def _at(day: date, clock: int, zone: tzinfo) -> Iterator[float]:
    """When a clock shows that time on that day, in Unix seconds UTC.

    Where clocks are put back, it may show it twice. Where they are put forward and leave it out, it is the
    moment at which it would have come otherwise.
    """
    days, seconds = divmod(clock, DAY)
    shown = datetime.combine(day, time(0), zone) + timedelta(days=days, seconds=seconds)
    first, second = (float(int(shown.replace(fold=fold).timestamp())) for fold in (0, 1))
    yield first
    if second > first:
        yield second


def _check_season(moment: Moment, at: datetime) -> None:
    """Refuse `CET` in July: the zone may be meant, or the distance from UTC."""
    seasonal = zones.SEASONAL.get((moment.zone or "").lower())
    if seasonal is not None and at.tzname() != moment.zone:
        options = _any_of(str(replace(moment, zone=name)) for name in seasonal)
        raise NoSuchTime(
            Sentence("{zone} is not in use on {day}.", zone=moment.zone, day=at.date().isoformat()),
            hint=Sentence("Write {options}.", options=options),
        )
