"""The same words by a command, by a mention and in the form, as Slack hands each of them on."""

from collections.abc import Callable

import pytest

from storage.vocabulary import Target
from tests.unit.handlers.listeners.conftest import REPO, Desk
from workspace.typed import escape


def by_command(desk: Desk, typed: str) -> str:
    return desk.command(escape(typed, desk.post.workspace.state, labels=True))


def by_mention(desk: Desk, typed: str) -> str:
    text = escape(typed, desk.post.workspace.state, labels=False)
    return desk.told("ada", lambda: desk.mention(text))


def launch_by_mention(desk: Desk, typed: str) -> str:
    desk.mention(escape(typed, desk.post.workspace.state, labels=False))
    desk.wait(lambda: len(desk.all()) == 1)
    return ""


def launch_by_form(desk: Desk, typed: str) -> str:
    return str(desk.submit(repo=typed.removeprefix("launch").strip()) or "")


@pytest.mark.parametrize("way", [by_command, launch_by_mention, launch_by_form])
@pytest.mark.parametrize(
    ("typed", "ref", "path"),
    [
        ("launch\u00a0https://github.com/owner/repo", None, None),
        (f"launch\n{REPO}\u00a0main\ta.ipynb", "main", "a.ipynb"),
        ("launch owner/repo main README.md", "main", "README.md"),
        ("launch owner/repo main.py", "main.py", None),
        ("launch owner/repo --open index.md", None, "index.md"),
        ("launch owner/repo --path docs.md/a", None, "docs.md/a"),
        ("launch github.com/owner/repo v1.0 run.sh", "v1.0", "run.sh"),
        ("launch owner/repo --path 'a b/My Notes.md'", None, "a b/My Notes.md"),
    ],
)
def test_a_launch_is_understood_as_it_was_typed(
    desk: Desk, way: Callable[[Desk, str], str], typed: str, ref: str | None, path: str | None
) -> None:
    assert way(desk, typed) == ""
    (row,) = desk.all()
    assert (row.url, row.ref, row.path) == (REPO, ref, path)


@pytest.mark.parametrize("way", [by_command, by_mention])
@pytest.mark.parametrize(
    "typed",
    [
        "status\u00a0demo.md",
        "\tstatus\u00a0\u00a0demo.md\n",
        ", status demo.md",
        ": status demo.md",
        "“status demo.md”",
        "*status demo.md*",
        "status “demo.md”",
        "status demo.md, please!",
        "/binder status: demo.md",
        "hello, can you status the binder demo.md?",
    ],
)
def test_a_binder_is_found_whatever_stands_around_its_name(
    desk: Desk, way: Callable[[Desk, str], str], typed: str
) -> None:
    desk.has(name="demo.md")
    desk.has(id="other234", name="other")
    assert "*demo.md* is ready" in way(desk, typed)


@pytest.mark.parametrize("way", [by_command, by_mention])
def test_a_list_is_shown_whatever_stands_around_the_word(desk: Desk, way: Callable[[Desk, str], str]) -> None:
    for typed in (", list", ":list", "\u00a0list", "list, please", "(list)"):
        assert "No binder is running." in way(desk, typed)


@pytest.mark.parametrize("way", [by_command, by_mention])
def test_nothing_is_lost_of_a_name_with_a_comma_and_a_time(
    desk: Desk, way: Callable[[Desk, str], str]
) -> None:
    row = desk.has(name="nfc")
    assert "stays until" in way(desk, "extend nfc, 2h")
    assert desk.all()[0].ends_at >= row.ends_at + 7200


@pytest.mark.parametrize("way", [by_command, by_mention])
@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("extend nfx, 2h", "/binder extend nfc-long-name 2h"),
        ("extend nfc-lomg until friday 18:00", "/binder extend nfc-long-name until friday 18:00"),
        ("extend nfc-long-name", "/binder extend nfc-long-name 2h"),
    ],
)
def test_advice_can_be_followed(desk: Desk, way: Callable[[Desk, str], str], typed: str, advice: str) -> None:
    desk.has(name="nfc-long-name", ends_at=desk.post.clock[0] + 3600)
    assert advice in way(desk, typed)
    assert "stays until" in way(desk, advice)


def test_a_name_of_nothing_but_marks_does_not_mean_the_only_binder(desk: Desk) -> None:
    desk.has(name="demo")
    assert "I can't find a binder called “--”." in desk.command("stop --")
    assert desk.all()[0].target == Target.READY


def test_whom_else_a_mention_names_does_not_matter(desk: Desk) -> None:
    desk.has(name="demo")
    assert "*demo* is ready" in by_mention(desk, "status demo @grace")
