"""What people type when they mean a time, wherever they are."""

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import RequestError
from bot.times import end_times
from handlers.requests import subcommands

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
    assert end_times.needs_zone(typed)
    assert f"{until(typed):%Y-%m-%d %H:%M}" == moment


def test_the_same_words_mean_another_moment_elsewhere() -> None:
    here, there = until("until 18:00"), until("until 18:00", zone=ZoneInfo("America/New_York"))
    assert there - here == timedelta(hours=6)


def test_an_hour_that_is_left_out_or_comes_twice_is_a_moment_all_the_same() -> None:
    spring = datetime(2026, 3, 28, 20, 0, tzinfo=BERLIN).timestamp()
    assert f"{until('until 2:30', spring):%H:%M}" == "03:30"
    autumn = datetime(2026, 10, 24, 20, 0, tzinfo=BERLIN).timestamp()
    assert f"{until('until 2:30', autumn):%d %H:%M}" == "25 02:30"


@pytest.mark.parametrize(
    "typed",
    [
        "", "soon", "h", "6", "-6h", "6x", "until", "until then", "until 25:00", "until 18:60", "until 13pm",
        "until 0am", "until friday friday", "until t", "until 2026-13-01", "until 2026-11-23",
        "until 2099-01-01", "until today 9:00", "until 9999-12-31", "until 0001-01-01", "until `rm`",
    ],
)  # fmt: skip
def test_what_is_no_time_or_is_over_is_refused(typed: str) -> None:
    with pytest.raises(RequestError) as caught:
        end_times.parse(typed, NOW, BERLIN)
    assert "`rm`" not in caught.value.sentence


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


@pytest.mark.parametrize(
    ("typed", "name", "span"),
    [
        ("2h", "", "2h"),
        ("demo 2h", "demo", "2h"),
        ("2h 20m", "", "2h 20m"),
        ("demo 2h 20m", "demo", "2h 20m"),
        ("demo by 2 hours", "demo", "2 hours"),
        ("for 1 hour and 5 min", "", "1 hour and 5 min"),
        ("until 18:00", "", "until 18:00"),
        ("demo until friday 18:00", "demo", "until friday 18:00"),
        ("2048-game 90m", "2048-game", "90m"),
        ("demo", "demo", ""),
        ("", "", ""),
    ],
)
def test_extend_takes_a_name_and_a_time(typed: str, name: str, span: str) -> None:
    assert subcommands.split_extension(typed) == (name, span)


@given(st.text(max_size=60))
def test_whatever_follows_extend_is_split_in_no_time(typed: str) -> None:
    name, span = subcommands.split_extension(typed)
    assert len(name) + len(span) <= len(typed)
