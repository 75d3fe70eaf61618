"""A time among other words: the longest run of words that is one."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import SpecError
from bot.repositories.launch_text import parse_launch
from bot.times import end_times, phrases
from bot.times.end_times import NoSuchTime

WORDS = (
    *(
        "6h",
        "6",
        "h",
        "hours",
        "1,5h",
        "an",
        "half",
        "hour",
        "and",
        "30m",
        "until",
        "18:00",
        "6pm",
        "friday",
        "next",
    ),
    *(
        "1.12.",
        "12/1",
        "2026-12-01",
        "2026-12-01T09:00Z",
        "noon",
        "tomorrow",
        "tonight",
        "at",
        "CET",
        "Europe/Berlin",
    ),
    *("nfc", "main", "v2", "1.0", "soon", "end", "of", "day", "term", "25:00", "13pm", "-6h", "x/y"),
)
texts = st.lists(st.sampled_from(WORDS), max_size=6)


@pytest.mark.parametrize(
    ("typed", "name", "span"),
    [
        ("2h", "", "2h"),
        ("demo 2h", "demo", "2h"),
        ("2h demo", "demo", "2h"),
        ("demo, 2h", "demo", "2h"),
        ("2h, demo", "demo", "2h"),
        ("demo,2h", "demo", "2h"),
        ("demo\u00a02h", "demo", "2h"),
        ("demo 1,5h", "demo", "1,5h"),
        ("2h 20m", "", "2h 20m"),
        ("demo 2h 20m", "demo", "2h 20m"),
        ("demo 2 h", "demo", "2 h"),
        ("demo by 2 hours", "demo", "by 2 hours"),
        ("demo for another half an hour", "demo", "for another half an hour"),
        ("for 1 hour and 5 min", "", "for 1 hour and 5 min"),
        ("until 18:00", "", "until 18:00"),
        ("demo until friday 18:00", "demo", "until friday 18:00"),
        ("until friday 18:00 demo", "demo", "until friday 18:00"),
        ("demo 6pm friday", "demo", "6pm friday"),
        ("demo tonight", "demo", "tonight"),
        ("2048-game 90m", "2048-game", "90m"),
        ("sun 2h", "sun", "2h"),
        ("demo --for 2h", "demo", "for 2h"),
        ("--until 18:00 demo", "demo", "until 18:00"),
        ("demo +2h", "demo", "+2h"),
        ("demo 90", "demo", "90"),
        ("demo soon", "demo", "soon"),
        ("demo until end of term", "demo", "until end of term"),
        ("demo 6h and more", "demo", "6h and more"),
        ("until friday 13pm", "", "until friday 13pm"),
        ("until forever", "", "until forever"),
        ("demo", "demo", ""),
        ("", "", ""),
    ],
)
def test_extend_takes_a_name_and_a_time_in_either_order(typed: str, name: str, span: str) -> None:
    assert phrases.split(typed) == (name, span)


@given(st.text(max_size=60) | texts.map(" ".join))
def test_whatever_follows_extend_is_split_and_no_word_is_lost(typed: str) -> None:
    name, span = phrases.split(typed)
    assert sorted(f"{name} {span}".split()) == sorted(end_times.COMMA.sub(" ", typed).split())


@given(texts)
def test_the_longest_run_of_words_that_is_a_time_is_taken(words: list[str]) -> None:
    count = phrases.leading(words)
    assert not count or end_times.meanings(" ".join(words[:count]))
    assert not any(end_times.meanings(" ".join(words[:more])) for more in range(count + 1, len(words) + 1))


@given(texts.filter(bool))
def test_no_text_is_one_time_to_a_launch_and_another_to_extend(words: list[str]) -> None:
    typed = " ".join(words)
    try:
        meant = end_times.read(typed)
    except NoSuchTime:
        meant = None
    name, span = phrases.split(typed)
    if meant is not None:
        assert (name, span) == ("", typed)
    with contextlib.suppress(SpecError):
        request = parse_launch(f"o/r --for {typed}")
        assert request.duration is not None
        end_times.read(request.duration)
        assert meant is None or request.duration == typed


@example(words=["6h", "12/1"], option="days")
@example(words=["6h", "1.12."], option="days")
@example(words=["6h", "term", "6"], option="days")
@example(words=["6h", "nfc", "2026-12-01T09:00Z"], option="days")
@given(words=texts.filter(bool), option=st.sampled_from(sorted(phrases.OPTIONS)))
def test_no_word_of_a_time_becomes_a_ref_or_a_path(words: list[str], option: str) -> None:
    with contextlib.suppress(SpecError):
        spec = parse_launch(f"o/r --{option} {' '.join(words)}").spec
        assert {spec.ref, spec.path} <= {
            None,
            "nfc",
            "main",
            "v2",
            "1.0",
            "soon",
            "term",
            "x/y",
            "2026-12-01",
        }


def test_an_option_completes_the_word_that_follows_it() -> None:
    assert phrases.take_option("hours", ["1,5", "main"]) == ("1,5 hours", 1)
    assert phrases.take_option("hours", ["6h", "main"]) == ("6h", 1)
    assert phrases.take_option("until", ["18:00", "tomorrow", "main"]) == ("until 18:00 tomorrow", 2)
    assert phrases.take_option("until", ["until", "18:00"]) == ("until 18:00", 2)
