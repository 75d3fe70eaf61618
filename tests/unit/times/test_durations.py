"""Durations in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.times.durations import about, read

WORDS = [
    (0, "1 s"),
    (0.4, "1 s"),
    (3.4, "3 s"),
    (9.4, "9 s"),
    (9.6, "10 s"),
    (12, "10 s"),
    (41, "40 s"),
    (57, "55 s"),
    (58, "1 min"),
    (80, "1 min 30 s"),
    (104, "2 min"),
    (362, "6 min"),
    (3_569, "59 min"),
    (3_580, "1 h"),
    (5_000, "1 h 20 min"),
    (90_000, "1 d 1 h"),
]


@pytest.mark.parametrize(("seconds", "words"), WORDS)
def test_a_time_is_rounded_as_people_say_it(seconds: float, words: str) -> None:
    assert about(seconds) == words


@given(st.floats(1, 80_000))
def test_a_rounded_time_is_near_the_true_one(seconds: float) -> None:
    said = read(about(seconds))
    assert said is not None
    assert abs(said - seconds) <= max(0.5, 0.25 * seconds)
