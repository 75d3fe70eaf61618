"""What people put around a command."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text import as_typed, plain_spaces
from handlers.requests.command_text import command_words
from handlers.requests.names import bare_name
from handlers.requests.subcommands import BY_NAME, SYNONYMS, correction

KNOWN = {*BY_NAME, *SYNONYMS}
LAUNCH = ("launch", "owner/repo")


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("launch\u00a0owner/repo", LAUNCH),
        ("\u00a0launch \u00a0 owner/repo\u00a0", LAUNCH),
        ("launch\towner/repo", LAUNCH),
        ("launch\nowner/repo\n", LAUNCH),
        ("launch\u2003owner/repo", LAUNCH),
        ("\ufefflaunch\u200b owner/repo", LAUNCH),
        ("launch owner/repo\u00a0main\nnb/a.ipynb", ("launch", "owner/repo main nb/a.ipynb")),
        (", list", ("list", "")),
        (": status", ("status", "")),
        (" - status nfc", ("status", "nfc")),
        ("… list", ("list", "")),
        ("launch: owner/repo", LAUNCH),
        ("Launch, owner/repo", LAUNCH),
        ("launch,owner/repo", LAUNCH),
        ("launch:https://github.com/o/r", ("launch", "https://github.com/o/r")),
        ("**launch owner/repo**", LAUNCH),
        ("@binder launch owner/repo", LAUNCH),
        ("list.", ("list", "")),
        ("status?", ("status", "")),
        ("?", ("?", "")),
        ("“launch owner/repo”", LAUNCH),
        ('"launch owner/repo"', LAUNCH),
        ("\u2018launch owner/repo\u2019", LAUNCH),
        ("«launch owner/repo»", LAUNCH),
        ("`launch owner/repo`", LAUNCH),
        ("```launch owner/repo```", LAUNCH),
        ("*launch owner/repo*", LAUNCH),
        ("_launch owner/repo_", LAUNCH),
        ("(launch owner/repo)", LAUNCH),
        ("“launch owner/repo”.", LAUNCH),
        ("*`launch owner/repo`*", LAUNCH),
        ("`launch` owner/repo", LAUNCH),
        ("*launch*: owner/repo", LAUNCH),
        ('launch owner/repo "a b"', ("launch", 'owner/repo "a b"')),
        ('"launch" owner/repo "a b"', ("launch", 'owner/repo "a b"')),
        ("• launch owner/repo", LAUNCH),
        ("&gt; launch owner/repo", LAUNCH),
        ("1. launch owner/repo", LAUNCH),
        ("/binder launch owner/repo", LAUNCH),
        ("binder: launch owner/repo", LAUNCH),
        ("please launch owner/repo", LAUNCH),
        ("Hi, could you launch owner/repo, please?", LAUNCH),
        ("launch owner/repo thanks!", LAUNCH),
        ("launch owner/repo :pray:", LAUNCH),
        ("please frobnicate it", ("please", "frobnicate it")),
        ("stop my-repo <http://notes.md|notes.md>", ("stop", "my-repo notes.md")),
        ("", ("", "")),
        (" , ", ("", "")),
    ],
)
def test_what_stands_around_a_command_is_taken_off(typed: str, understood: tuple[str, str]) -> None:
    assert command_words(typed, KNOWN) == understood


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("demo,", "demo"),
        ("“Demo”", "demo"),
        ("`my-repo.ai`.", "my-repo.ai"),
        ("(demo)", "demo"),
        ("the binder demo", "demo"),
        ("of demo", "demo"),
        ("binder", "binder"),
        ("my demo", "demo"),
        ("nfc 2", "nfc 2"),
        ("???", "???"),
        ("", ""),
    ],
)
def test_what_stands_around_a_name_is_taken_off(typed: str, name: str) -> None:
    assert bare_name(typed) == name


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("lunch\u00a0<https://github.com/o/r> main", "launch https://github.com/o/r main"),
        ("“lunch owner/repo”", "launch owner/repo"),
        ("`rm nfc`", "stop nfc"),
        ("extnd nfc, 2h", "extend nfc, 2h"),
        ("“owner/repo”", "launch owner/repo"),
        ("https://github.com/o/r", "launch https://github.com/o/r"),
        ("doi:10.5281/zenodo.3242074", "launch doi:10.5281/zenodo.3242074"),
        ("\u00a0<https://github.com/o/r>", "launch https://github.com/o/r"),
        ("owner/repo <http://README.md|README.md>", "launch owner/repo README.md"),
    ],
)
def test_advice_keeps_all_that_was_typed_and_nothing_around_it(typed: str, advice: str) -> None:
    assert correction(typed) == advice


@given(st.sampled_from(sorted(BY_NAME)), st.text(max_size=60))
def test_a_subcommand_is_found_whatever_stands_behind_it(word: str, rest: str) -> None:
    found, _ = command_words(f"{word} {rest}", KNOWN)
    assert found == word


@given(st.text(max_size=200))
def test_white_space_is_plain_and_nothing_else_is_lost(text: str) -> None:
    plain = plain_spaces(text)
    assert not any(char.isspace() and char != " " for char in plain)
    assert [char for char in plain if char != " "] == [
        char for char in text if not char.isspace() and char not in "\u00ad\u200b\u2060\ufeff"
    ]
    assert as_typed(as_typed(text)) == as_typed(text) or "<" in text


@pytest.mark.timeout(20)
@pytest.mark.parametrize("filler", ["!", "please ", ", ", "hi ", "`", "- ", "<http://a.md|"])
def test_a_long_text_takes_no_longer_than_its_length(filler: str) -> None:
    command_words("list " + filler * 20_000 + "x", KNOWN)
    command_words(filler * 20_000 + "x", KNOWN)
