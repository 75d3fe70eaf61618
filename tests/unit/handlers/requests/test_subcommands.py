"""What people type, and how fast Slack may be spoken to."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.requests import names, subcommands
from handlers.requests.repository_links import repository_in
from handlers.slack.rate_limit import RateLimit


@given(st.text(max_size=200))
def test_a_name_can_always_be_typed(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,38}[a-z0-9])?", names.slug(text))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/owner/My_Repo.git", "my-repo"),
        ("https://gitlab.com/a/b/c/", "c"),
        ("10.5281/zenodo.3242074", "zenodo.3242074"),
        ("swh:1:dir:abcdef", "abcdef"),
        ("https://example.org", "example.org"),
        ("???", "binder"),
    ],
)
def test_a_binder_is_named_after_its_repository(url: str, name: str) -> None:
    assert names.name_of_repository(url) == name


@given(st.text(max_size=60))
def test_a_correction_never_breaks_out_of_its_code(text: str) -> None:
    meant = subcommands.correction(text)
    assert meant is None or ("`" not in meant and "\n" not in meant)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("try <https://github.com/o/r|github.com/o/r> and/or not", "https://github.com/o/r"),
        ("see https://doi.org/10.5281/zenodo.3242074.", "https://doi.org/10.5281/zenodo.3242074."),
        ("nothing here, either/or", ""),
        ("", ""),
    ],
)
def test_a_repository_is_found_in_a_message(text: str, found: str) -> None:
    assert repository_in(text) == found


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 3)), max_size=60), st.integers(1, 5))
def test_no_window_ever_holds_more_than_its_rate(steps: list[tuple[str, float]], burst: int) -> None:
    now = [0.0]
    pace = RateLimit(1.0, burst, clock=lambda: now[0])
    went: dict[str, list[float]] = {"a": [], "b": []}
    for number, (scope, pause) in enumerate(steps):
        now[0] += pause
        if pace.wait(scope, number) == 0:
            went[scope].append(now[0])
    for times in went.values():
        for start in times:
            window = [each for each in times if start <= each < start + 10]
            assert len(window) <= burst + 10


def test_a_turn_is_kept_for_who_reserved_it() -> None:
    now = [0.0]
    pace = RateLimit(1.0, 1, clock=lambda: now[0])
    assert pace.wait("c", "first") == 0
    assert pace.wait("c", "second") == 1
    assert pace.wait("c", "third") == 2
    assert pace.wait("c", "second") == 1
    now[0] = 1.0
    assert pace.wait("c", "third") == 1
    assert pace.wait("c", "second") == 0
    now[0] = 2.0
    assert pace.wait("c", "third") == 0


def test_a_hold_stops_everybody_and_gives_turns_anew() -> None:
    now = [0.0]
    pace = RateLimit(1.0, 2, clock=lambda: now[0])
    pace.wait("c", 1)
    pace.hold("c", 30)
    assert pace.left("c") == 0
    assert pace.wait("c", 2) == 30
    assert pace.wait("d", 2) == 0
    now[0] = 30.0
    assert pace.wait("c", 2) == 0
    assert pace.wait("c", 3) == 1


def test_turns_that_nobody_comes_back_for_are_forgotten() -> None:
    now = [0.0]
    pace = RateLimit(1.0, 1, clock=lambda: now[0])
    for number in range(50):
        pace.wait("c", number)
    now[0] = 1_000.0
    pace.wait("c", "new")
    assert pace._reserved["c"] == {}
