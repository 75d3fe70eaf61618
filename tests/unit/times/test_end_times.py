"""What people type when they mean a time, wherever they are."""

import contextlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.errors import RequestError
from bot.times import durations, end_times, zones
from bot.times.end_times import NoSuchTime
from bot.times.moments import Moment
from handlers.messages import mrkdwn

BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = datetime(2026, 11, 24, 15, 30, tzinfo=BERLIN)
NOW = TUESDAY.timestamp()


def until(text: str, now: float = NOW, zone: Any = BERLIN) -> datetime:
    found = end_times.parse(text, now, zone)
    assert found.until is not None
    return datetime.fromtimestamp(found.until, zone)


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("6h", 21_600),
        ("90m", 5_400),
        ("2h20m", 8_400),
        ("1.5h", 5_400),
        ("1d", 86_400),
        ("45 min", 2_700),
        ("2 hours", 7_200),
        ("1 hour and 30 minutes", 5_400),
        ("1D 2H", 93_600),
        ("2 hrs", 7_200),
        ("1,5h", 5_400),
        ("1,5 h", 5_400),
        (".5h", 1_800),
        ("6 h", 21_600),
        ("6 hours", 21_600),
        ("6\u00a0hours", 21_600),
        ("`6h`", 21_600),
        ("6h.", 21_600),
        ("an hour", 3_600),
        ("half an hour", 1_800),
        ("½ h", 1_800),
        ("an hour and a half", 5_400),
        ("two and a half hours", 9_000),
        ("2½ hours", 9_000),
        ("three quarters of an hour", 2_700),
        ("twenty-four hours", 86_400),
        ("1h30", 5_400),
        ("1 h 30", 5_400),
        ("1:30 hours", 5_400),
        ("1h, 30m", 5_400),
        ("2 days", 172_800),
        ("1 week", 604_800),
        ("1w 2d", 777_600),
        ("90 seconds", 90),
        ("PT6H", 21_600),
        ("P1DT2H30M", 95_400),
        ("for 6h", 21_600),
        ("by another 2 hours", 7_200),
        ("2 more hours", 7_200),
        ("+2h", 7_200),
        ("1/2 hour", 1_800),
        ("1 1/2 hours", 5_400),
    ],
)
def test_durations(typed: str, seconds: float) -> None:
    found = end_times.parse(typed, NOW, UTC)
    assert (found.seconds, found.until) == (seconds, None)
    assert found.from_(1_000.0) == 1_000.0 + seconds
    assert not end_times.needs_zone(typed)


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        ("until 18:00", "2026-11-24 18:00"),
        ("Until 18.30", "2026-11-24 18:30"),
        ("until 6pm", "2026-11-24 18:00"),
        ("until 6 p.m.", "2026-11-24 18:00"),
        ("until 6:15 pm", "2026-11-24 18:15"),
        ("till 18", "2026-11-24 18:00"),
        ("until at 18:00", "2026-11-24 18:00"),
        ("until 15:30", "2026-11-25 15:30"),
        ("until 9:00", "2026-11-25 09:00"),
        ("until 12am", "2026-11-25 00:00"),
        ("until noon", "2026-11-25 12:00"),
        ("until midnight", "2026-11-25 00:00"),
        ("until 24:00", "2026-11-25 00:00"),
        ("until friday 24:00", "2026-11-28 00:00"),
        ("until 2026-11-27 24:00", "2026-11-28 00:00"),
        ("until midnight friday", "2026-11-28 00:00"),
        ("until end of day", "2026-11-24 23:59"),
        ("until the end of the day", "2026-11-24 23:59"),
        ("until end of friday", "2026-11-27 23:59"),
        ("until 1.12.", "2026-12-01 23:59"),
        ("until 10.12.", "2026-12-10 23:59"),
        ("until 1.12. 09:00", "2026-12-01 09:00"),
        ("until 1.12 09:00", "2026-12-01 09:00"),
        ("until 09:00 1.12.2026", "2026-12-01 09:00"),
        ("until 1.12.26 9:00", "2026-12-01 09:00"),
        ("until 1 december", "2026-12-01 23:59"),
        ("until Dec 1st at 6 pm", "2026-12-01 18:00"),
        ("until the 1st of December, 18:00", "2026-12-01 18:00"),
        ("until Dec 1, 2026", "2026-12-01 23:59"),
        ("until the 5th", "2026-12-05 23:59"),
        ("until 13/12", "2026-12-13 23:59"),
        ("until 12/13", "2026-12-13 23:59"),
        ("until 2026/12/01", "2026-12-01 23:59"),
        ("until fri 27 nov 18:00", "2026-11-27 18:00"),
        ("until 18:00 tomorrow", "2026-11-25 18:00"),
        ("until 6pm friday", "2026-11-27 18:00"),
        ("6pm friday", "2026-11-27 18:00"),
        ("until noon tomorrow", "2026-11-25 12:00"),
        ("noon tomorrow", "2026-11-25 12:00"),
        ("until the day after tomorrow", "2026-11-26 23:59"),
        ("until tomorrow night", "2026-11-25 22:00"),
        ("until this evening", "2026-11-24 22:00"),
        ("tonight", "2026-11-24 22:00"),
        ("until tonight at 9", "2026-11-24 21:00"),
        ("until next monday", "2026-11-30 23:59"),
        ("until this friday", "2026-11-27 23:59"),
        ("until 18h30", "2026-11-24 18:30"),
        ("until 18h", "2026-11-24 18:00"),
        ("until 18.00 Uhr", "2026-11-24 18:00"),
        ("until 2026-12-01T09:00", "2026-12-01 09:00"),
        ("until 2026-12-01T09:00Z", "2026-12-01 10:00"),
        ("until 2026-12-01T09:00:00.000Z", "2026-12-01 10:00"),
        ("until 2026-12-01T09:00+02:00", "2026-12-01 08:00"),
        ("until 2026-12-01 09:00 -0500", "2026-12-01 15:00"),
        ("until 18:00 UTC", "2026-11-24 19:00"),
        ("until 18:00 UTC+2", "2026-11-24 17:00"),
        ("until 18:00 +02:00", "2026-11-24 17:00"),
        ("until 9am CET", "2026-11-25 09:00"),
        ("until 9am Europe/London", "2026-11-25 10:00"),
        ("until 6pm america/new_york friday", "2026-11-28 00:00"),
        ("until 5pm ET", "2026-11-24 23:00"),
        ("until Tue, 01 Dec 2026 09:00:00 GMT", "2026-12-01 10:00"),
        ("until 9 in the morning", "2026-11-25 09:00"),
        ("until 6 in the evening", "2026-11-24 18:00"),
        ("through friday", "2026-11-27 23:59"),
        ("until tonight", "2026-11-24 22:00"),
        ("until tonight 23:30", "2026-11-24 23:30"),
        ("until today", "2026-11-24 23:59"),
        ("until tomorrow", "2026-11-25 23:59"),
        ("until tomorrow at 9:00", "2026-11-25 09:00"),
        ("until friday", "2026-11-27 23:59"),
        ("until Fri 18:00", "2026-11-27 18:00"),
        ("until friday at 6 pm", "2026-11-27 18:00"),
        ("until tuesday", "2026-11-24 23:59"),
        ("until tuesday 9:00", "2026-12-01 09:00"),
        ("until thurs", "2026-11-26 23:59"),
        ("until 2026-11-30", "2026-11-30 23:59"),
        ("until 2026-11-30 08:00", "2026-11-30 08:00"),
    ],
)
def test_moments_are_the_next_ones_where_the_person_is(typed: str, moment: str) -> None:
    assert f"{until(typed):%Y-%m-%d %H:%M}" == moment


def test_the_same_words_mean_another_moment_elsewhere() -> None:
    here, there = until("until 18:00"), until("until 18:00", zone=ZoneInfo("America/New_York"))
    assert there - here == timedelta(hours=6)


def test_an_hour_that_is_left_out_is_the_next() -> None:
    spring = datetime(2026, 3, 28, 20, 0, tzinfo=BERLIN).timestamp()
    assert f"{until('until 2:30', spring):%d %H:%M %Z}" == "29 03:30 CEST"


@pytest.mark.parametrize(
    ("asked_utc", "moment"),
    [("24T20:00", "25 02:30 CEST"), ("25T00:29", "25 02:30 CEST"), ("25T00:31", "25 02:30 CET")],
)
def test_an_hour_that_comes_twice_is_the_one_that_still_comes(asked_utc: str, moment: str) -> None:
    autumn = datetime.fromisoformat(f"2026-10-{asked_utc}+00:00").timestamp()
    assert f"{until('until 2:30', autumn):%d %H:%M %Z}" == moment


def test_a_day_with_a_change_of_clocks_ends_when_its_clocks_say_so() -> None:
    autumn = datetime(2026, 10, 25, 0, 0, tzinfo=BERLIN).timestamp()
    assert until("until 24:00", autumn).timestamp() - autumn == 25 * 3_600


@pytest.mark.parametrize(
    "typed",
    [
        "", "soon", "h", "-6h", "6x", "until", "until then", "until 25:00", "until 18:60", "until 13pm",
        "until 0am", "until friday friday", "until t", "until 2026-13-01", "until 31.11.", "until 24:30",
        "until end of", "until end of term", "until 9:00-17:00", "until friday saturday", "until 18:00 19:00",
        "until 18:00 Europe/Atlantis", "until 18:00 UTC+15", "1h 1h", "30m 1h", "1,500 min", "6h main",
        "1h90", "hour", "and", "a", "p6h", "may", "until may", "until `rm`", "until 9999-99-99", "x" * 5_000,
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_by_name_with_forms_that_are_understood(typed: str) -> None:
    with pytest.raises(NoSuchTime, match="is not a time that I understand") as caught:
        end_times.parse(typed, NOW, BERLIN)
    assert "`rm`" not in caught.value.sentence
    assert typed[:20].replace("`", "'") in caught.value.sentence
    assert all(form in caught.value.hint for form in end_times.FORMS)


def test_the_forms_in_the_advice_are_understood() -> None:
    for form in end_times.FORMS:
        end_times.read(form)


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("90", ["90 min", "90 h"]),
        ("1,5", ["1,5 min", "1,5 h"]),
        ("6", ["6 min", "6 h", "until 06:00", "until 18:00"]),
        ("18:00", ["18 h", "until 18:00"]),
        ("1:30", ["1 h 30 min", "until 01:30"]),
        ("18:00 h", ["18 h", "until 18:00"]),
        ("until 6", ["until 06:00", "until 18:00"]),
        ("until friday at 12", ["until friday 12:00", "until friday 24:00"]),
        ("12/1", ["until 1 december", "until 12 january"]),
        ("until 1/3/2027", ["until 2027-01-03", "until 2027-03-01"]),
        ("until 10.12", ["until 10 december", "until 10:12"]),
        ("until 5pm CST", ["until 17:00 America/Chicago", "until 17:00 Asia/Shanghai"]),
        ("until next friday", ["until 2026-11-27", "until 2026-12-04"]),
        (
            "until 2027-07-01 9am CET",
            ["until 2027-07-01 09:00 Europe/Berlin", "until 2027-07-01 09:00 UTC+01:00"],
        ),
    ],
)
def test_what_may_mean_two_times_is_refused_with_a_text_for_each(typed: str, advice: list[str]) -> None:
    with pytest.raises(NoSuchTime) as caught:
        end_times.parse(typed, NOW, BERLIN)
    assert re.findall("`([^`]+)`", f"{caught.value.sentence} {caught.value.hint}") == advice
    ends = {end_times.parse(each, NOW, BERLIN).from_(NOW) for each in advice}
    assert len(ends) == len(advice)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("until 2026-11-23", "“until 2026-11-23” is in the past."),
        ("until today 9:00", "“until today 9:00” is in the past."),
        ("until 0001-01-01", "“until 0001-01-01” is in the past."),
        ("until 23.11.", "“until 23.11.” is in the past, or more than half a year away."),
        ("until 2099-01-01", "“until 2099-01-01” is more than a year away."),
        ("until 9999-12-31", "“until 9999-12-31” is more than a year away."),
        ("until monday 1 december", "“until monday 1 december” is not a day in the next twelve months."),
        ("until 29.2.", "“until 29.2.” is not a day in the next twelve months."),
    ],
)
def test_a_moment_that_cannot_be_meant_is_refused_with_the_reason(typed: str, said: str) -> None:
    with pytest.raises(NoSuchTime) as caught:
        end_times.parse(typed, NOW, BERLIN)
    assert caught.value.sentence == said


def test_only_a_moment_without_a_zone_depends_on_where_somebody_is() -> None:
    assert end_times.needs_zone("noon tomorrow")
    assert not any(
        map(end_times.needs_zone, ("6h", "until 18:00 CET", "until 2026-12-01T09:00Z", "until 6", "x"))
    )


def test_every_abbreviation_of_a_zone_is_used_where_the_table_says() -> None:
    for word, (name, offset) in zones.SEASONAL.items():
        moments_of_year = [datetime(2026, month, 10, tzinfo=zones.find(name)) for month in (1, 7)]
        told = {moment.tzname(): f"{moment:%z}" for moment in moments_of_year}
        assert told[word.upper()] == offset.removeprefix("UTC").replace(":", "")
    for names in zones.SHARED.values():
        assert all(zones.find(name) for name in names)


@given(st.integers(0, 400 * 86_400))
def test_every_duration_that_is_printed_reads_back(seconds: int) -> None:
    printed = durations.duration(seconds)
    found = end_times.read(printed)
    assert isinstance(found, float)
    assert durations.duration(found) == printed
    assert 0 <= seconds - found < 86_400


@given(st.integers(0, 4_000_000_000))
def test_every_moment_that_is_printed_reads_back(at: int) -> None:
    printed = re.sub(r".*\|(.*)>", r"\1", mrkdwn.date(at))
    assert end_times.parse(f"until {printed}", at - 3_600, BERLIN).until == at - at % 60


@given(
    st.builds(
        Moment,
        weekday=st.none() | st.integers(0, 6),
        month=st.none() | st.integers(1, 12),
        clock=st.none() | st.integers(0, 86_400),
        zone=st.sampled_from([None, "UTC", "UTC+02:00", "UTC-09:30", "America/Port-au-Prince", "CET"]),
    ),
    st.none() | st.integers(1, 28),
    st.none() | st.integers(2000, 2099),
    st.sampled_from([None, 0, 1, 2]),
)
def test_the_words_of_a_moment_mean_that_moment_alone(
    part: Moment, day: int | None, year: int | None, ahead: int | None
) -> None:
    is_dated = day is not None and part.month is not None
    month, year = (part.month, year) if is_dated else (None, None)
    moment = replace(part, day=day, month=month, year=year, ahead=ahead)
    assume(moment.has_day or moment.clock is not None)
    assert list(end_times.meanings(str(moment)).values()) == [moment]


@given(
    st.text(alphabet="0123456789:. aduntilfrmohyps-", max_size=20).map(lambda rest: f"until {rest}"),
    st.floats(0, 4e9),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Kiritimati"]),
)
def test_a_moment_lies_ahead_or_is_refused(typed: str, now: float, zone: str) -> None:
    with contextlib.suppress(RequestError):
        found = end_times.parse(typed, now, ZoneInfo(zone))
        assert found.until is not None
        assert now < found.until <= now + 367 * 86_400


@given(st.text(max_size=40))
def test_nothing_that_is_typed_breaks_it(typed: str) -> None:
    with contextlib.suppress(RequestError):
        assert end_times.parse(typed, NOW, BERLIN).from_(NOW) >= NOW


@pytest.mark.parametrize(("seconds", "allowed"), [(299, False), (300, True), (7200, True), (7201, False)])
def test_a_binder_lives_neither_too_short_nor_too_long(seconds: float, *, allowed: bool) -> None:
    if allowed:
        end_times.check(seconds, 7200)
        return
    with pytest.raises(RequestError, match="between 5 min and 2 h"):
        end_times.check(seconds, 7200)


@pytest.mark.parametrize(
    ("hour", "minute", "tonight"), [(9, 0, "22:00"), (21, 59, "22:00"), (22, 0, "23:59"), (23, 59, "23:59")]
)
def test_tonight_is_this_evening_then_the_end_of_the_day(hour: int, minute: int, tonight: str) -> None:
    now = TUESDAY.replace(hour=hour, minute=minute)
    found = datetime.fromtimestamp(end_times.tonight(now.timestamp(), BERLIN), BERLIN)
    assert f"{found:%d %H:%M}" == f"24 {tonight}"
