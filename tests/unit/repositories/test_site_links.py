"""Launch links of the site: made, read again, and refused where they are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SpecError
from bot.repositories.launch_text import parse_launch
from bot.repositories.site_links import expanded, is_of_mybinder, launch_text, link_to
from bot.repositories.spec import Provider, RepoSpec

HOST = "https://binder.example.org"


@pytest.mark.parametrize(
    ("spec", "link"),
    [
        (RepoSpec(Provider.GITHUB, "https://github.com/o/r"), f"{HOST}/launch?repo=https://github.com/o/r"),
        (
            RepoSpec(Provider.GITHUB, "https://github.com/o/r", "main", "a b.ipynb", "lab"),
            f"{HOST}/launch?repo=https://github.com/o/r&ref=main&path=a+b.ipynb&open=lab",
        ),
        (RepoSpec(Provider.ZENODO, "10.5281/zenodo.3242074"), f"{HOST}/launch?repo=10.5281/zenodo.3242074"),
    ],
)
def test_a_link_leads_back_to_what_it_was_made_of(spec: RepoSpec, link: str) -> None:
    assert link_to(HOST, spec) == link
    text = launch_text(HOST, link)
    assert text is not None
    assert parse_launch(text).spec == spec


WORDS = st.text(max_size=30).filter(str.isprintable)


@given(ref=WORDS, path=WORDS)
def test_whatever_a_link_holds_it_is_read_or_refused(ref: str, path: str) -> None:
    link = link_to(HOST, RepoSpec(Provider.GITHUB, "https://github.com/o/r", ref or None, path or None))
    text = launch_text(HOST, link)
    if text is None:
        return
    try:
        read = parse_launch(text)
    except SpecError:
        return
    assert read.spec.url == "https://github.com/o/r"
    assert (read.size, read.name, read.duration) == (None, None, None)


@pytest.mark.parametrize(
    "url",
    [
        "https://binder.example.org.evil.example/launch?repo=o/r",
        "https://evil.example/launch?repo=o/r",
        "http://binder.example.org/launch?repo=o/r",
        f"{HOST}/other?repo=o/r",
        f"{HOST}/launch",
        f"{HOST}/launch?ref=main",
        f"{HOST}/launch?repo=o/r+--size+large",
        f"{HOST}/launch?repo=--size",
        f"{HOST}/launch?repo=o/r&ref=%22%27+x",
        f"{HOST}/launch?repo=o/r&path=" + "x" * 3_000,
        f"{HOST}/launch?repo=o/r&" + "&".join(f"a{n}=1" for n in range(50)),
        "https://[/launch?repo=o/r",
        "",
    ],
)
def test_another_link_is_no_launch_link(url: str) -> None:
    assert launch_text(HOST, url) is None


def test_without_a_host_no_link_is_one() -> None:
    assert launch_text("", "https://binder.example.org/launch?repo=o/r") is None
    assert launch_text("", "/launch?repo=o/r") is None


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (f"<{HOST}/launch?repo=o/r&amp;ref=dev>", "o/r --ref 'dev'"),
        (f"<{HOST}/launch?repo=o/r|the course> --for 2h", "o/r --for 2h"),
        (f"{HOST}/launch?repo=o/r --size large", "o/r --size large"),
        ("o/r dev", "o/r dev"),
        ("<https://github.com/o/r|r>", "<https://github.com/o/r|r>"),
    ],
)
def test_a_link_is_replaced_where_it_was_pasted(typed: str, text: str) -> None:
    assert expanded(HOST, typed).replace('"', "'") == text


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("https://mybinder.org/v2/gh/o/r/main", True),
        ("https://mybinder.org.evil.example/v2/gh/o/r/main", False),
        ("https://notmybinder.org/v2/gh/o/r/main", False),
        ("https://[", False),
    ],
)
def test_links_of_mybinder_are_told_apart(url: str, answer: bool) -> None:  # noqa: FBT001
    assert is_of_mybinder(url) is answer
