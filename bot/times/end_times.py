"""What people type when they mean a time: `90m`, `2h20m`, `until 18:00`, `until friday`. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from bot.errors import RequestError
from bot.text import readable
from bot.times.calendar import WEEKDAYS
from bot.times.durations import duration

LEAST_SECONDS = 300.0
TONIGHT = time(22, 0)
END_OF_DAY = time(23, 59)
_MOST_SECONDS = 366 * 86_400.0
"""Nobody means more; calendars end."""
_CLOCKS: Mapping[str, time] = {"noon": time(12, 0), "midday": time(12, 0), "midnight": time(0, 0)}
_DURATION = re.compile(
    r"(?:(\d{1,4})d(?:ays?)?)?(?:(\d{1,4}(?:\.\d{1,2})?)h(?:(?:ou)?rs?)?)?(?:(\d{1,5})m(?:in(?:ute)?s?)?)?"
)
_UNTIL = re.compile(r"\s*(?:until|till?)\b\s*(.*)", re.DOTALL)
_CLOCK = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?\s*([ap])?\.?(?:m\.?)?")
_FORMS = "`6h`, `90m`, `2h20m`, `until 18:00`, `until friday`, `until 2026-11-24 09:00`"


class NoSuchTime(RequestError):
    """It is no time, or none that is allowed."""


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


def needs_zone(text: str) -> bool:
    """Whether it names a moment, whose meaning depends on where somebody is."""
    return _UNTIL.fullmatch(text.lower()) is not None


def parse(text: str, now: float, zone: tzinfo) -> Duration:
    """Read a duration, or `until` a moment.

    Args:
        text: As typed.
        now: Unix seconds, UTC.
        zone: Where the person is; matters to moments alone.

    Raises:
        NoSuchTime: It is neither, or it is over.
    """
    match = _UNTIL.fullmatch(text.lower())
    if match is None:
        return Duration(seconds=_seconds(text))
    return Duration(until=_moment(match[1], text, now, zone))


def check(seconds: float, most: float) -> None:
    """Refuse what is too short or too long, both in seconds from now.

    Raises:
        NoSuchTime: It is.
    """
    if not LEAST_SECONDS <= seconds <= most:
        raise NoSuchTime(
            f"A binder lives between {duration(LEAST_SECONDS)} and {duration(most)} here, "
            f"and you asked for {duration(seconds)}."
        )


def tonight(now: float, zone: tzinfo) -> float:
    """This evening, there; once that is over, the end of the day. Unix seconds UTC."""
    today = datetime.fromtimestamp(now, zone).date()
    evening = _at(today, TONIGHT, zone)
    return evening if evening > now else max(_at(today, END_OF_DAY, zone), now)


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(re.sub(r"[\s,]|\band\b", "", text.lower()))
    if match is None or not any(match.groups()):
        raise _not_understood(text)
    days, hours, minutes = (float(each or 0) for each in match.groups())
    return days * 86_400 + hours * 3_600 + minutes * 60


def _moment(words: str, text: str, now: float, zone: tzinfo) -> float:
    """When that is: its next occurrence, where it comes again and again."""
    first, _, rest = re.sub(r"\bat\b", " ", words).strip().partition(" ")
    today = datetime.fromtimestamp(now, zone).date()
    if first == "tonight" and not rest:
        return tonight(now, zone)
    days = _days(first, today)
    if days is None:
        clock, days = _clock(f"{first}{rest}", text), [today, today + timedelta(days=1)]
    else:
        clock = _clock(rest.replace(" ", ""), text) if rest.strip() else END_OF_DAY
    moments = (_at(day, clock, zone) for day in days)
    found = next((moment for moment in moments if moment > now), None)
    if found is None:
        raise NoSuchTime(f"“{readable(text)}” is over.")
    if found - now > _MOST_SECONDS:
        raise NoSuchTime(f"“{readable(text)}” is too far away.")
    return found


def _days(word: str, today: date) -> list[date] | None:
    """The days that a word may mean, the next one first; None where it names none."""
    if word in {"today", "tonight"}:
        return [today]
    if word == "tomorrow":
        return [today + timedelta(days=1)]
    weekday = word.rstrip(".,")
    names = [each for each in WEEKDAYS if len(weekday) > 1 and each.startswith(weekday)]
    if len(names) == 1:
        ahead = (WEEKDAYS.index(names[0]) - today.weekday()) % 7
        return [today + timedelta(days=ahead), today + timedelta(days=ahead + 7)]
    try:
        return [date.fromisoformat(word)] if re.fullmatch(r"\d{4}-\d{2}-\d{2}", word) else None
    except ValueError:
        return None


def _clock(word: str, text: str) -> time:
    if word in _CLOCKS:
        return _CLOCKS[word]
    match = _CLOCK.fullmatch(word)
    if match is None:
        raise _not_understood(text)
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3]
    if half and not 1 <= hour <= 12:  # noqa: PLR2004 - a clock's face
        raise _not_understood(text)
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        return time(hour % 24 if minute == 0 and hour == 24 else hour, minute)  # noqa: PLR2004 - 24:00 is midnight
    except ValueError as error:
        raise _not_understood(text) from error


def _at(day: date, clock: time, zone: tzinfo) -> float:
    # Whole seconds: what is shown is what is meant. An hour that the change of clocks leaves out is the next.
    return float(int(datetime.combine(day, clock, zone).timestamp()))


def _not_understood(text: str) -> NoSuchTime:
    return NoSuchTime(f"“{readable(text)}” is no time that I understand.", hint=f"These are: {_FORMS}.")
