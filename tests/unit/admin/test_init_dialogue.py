"""How `binder-bot init` asks: defaults, wrong answers, services that are down, secrets."""

from collections.abc import Callable, Mapping

import pytest

from bot.admin.init.dialogue import Question, Section, ask_all, confirm, masked
from bot.errors import BinderBotError, ConfigError, ServiceUnreachable
from bot.provisioning.choices import Choice
from tests.fakes.terminal import FakeTerminal

Script = list[tuple[str, str]]
SECRET = "xoxb-a-secret-that-ends-in-wxyz"


def answered(question: Question, script: Script, existing: Mapping[str, str] | None = None) -> str:
    terminal = FakeTerminal(script)
    found = ask_all(terminal, [Section("A title", (question,))], existing or {}, {"B": "environment"})
    assert not terminal.left, "everything was asked"
    return found[question.name]


def failing(*errors: BinderBotError) -> Callable[[Mapping[str, str]], str]:
    """Fail as often as there are errors, then succeed."""
    left = list(errors)

    def tried(known: Mapping[str, str]) -> str:
        if left:
            raise left.pop(0)
        return f"Tried {known['A']}."

    return tried


WRONG, DOWN = ConfigError("That is wrong."), ServiceUnreachable("It does not answer.")


@pytest.mark.parametrize(
    ("question", "existing", "script", "answer"),
    [
        (Question("A", "?"), {}, [("A:", " typed ")], "typed"),
        (Question("A", "?", default=lambda _: "usual"), {}, [("A [usual]:", "")], "usual"),
        (Question("A", "?", default=lambda _: "usual"), {"A": "mine"}, [("A [mine]:", "")], "mine"),
        (Question("B", "?", default=lambda _: "usual"), {}, [("B [environment]:", "")], "environment"),
        (Question("B", "?"), {"B": "mine"}, [("B [mine]:", "")], "mine"),
        (Question("A", "?", optional=True), {}, [("A:", "")], ""),
        (Question("A", "?", optional=True), {"A": "mine"}, [("A [mine]:", "-")], ""),
        (Question("A", "?"), {}, [("A:", ""), ("A:", "-"), ("A:", "x")], "x"),
        (Question("A", "?"), {}, [("A:", "it's"), ("A:", "a${B}"), ("A:", "its")], "its"),
        (Question("A", "?"), {"A": "it's"}, [("A [it's]:", "")], "it's"),
        (Question("A", "?", read=lambda typed, _: typed.upper()), {}, [("A:", "x")], "X"),
        # What is wrong is never the next default.
        (
            Question("A", "?", tried=failing(WRONG)),
            {"A": "mine"},
            [("A [mine]:", "x"), ("A [mine]:", "")],
            "mine",
        ),
        (Question("A", "?", tried=failing(WRONG)), {}, [("A:", "skip"), ("A:", "skip")], "skip"),
        # What was not tried is.
        (Question("A", "?", tried=failing(DOWN)), {}, [("A:", "x"), ("A [x]:", "")], "x"),
        (
            Question("A", "?", tried=failing(DOWN, DOWN)),
            {},
            [("A:", "x"), ("A [x]:", "y"), ("A [y]:", "")],
            "y",
        ),
        (Question("A", "?", tried=failing(DOWN, DOWN)), {}, [("A:", "x"), ("A [x]:", "skip")], "x"),
    ],
)
def test_an_answer_is_typed_or_taken(
    question: Question, existing: Mapping[str, str], script: Script, answer: str
) -> None:
    assert answered(question, script, existing) == answer


def test_what_is_wrong_or_found_is_said_in_a_sentence() -> None:
    terminal = FakeTerminal([("A:", "x"), ("A:", "x"), ("A [x]:", "")])
    question = Question("A", "Which?", tried=failing(ConfigError("That is wrong.", hint="Do this."), DOWN))
    ask_all(terminal, [Section("A title", (question,))], {}, {})
    told = [each.strip() for each in terminal.said if not each.startswith("A")]
    assert told == [
        "== A title ==",
        "Which?",
        "That is wrong. Do this.",
        "It does not answer. Enter tries it again, `skip` goes on without a trial.",
        "Tried x.",
    ]


def test_a_secret_is_typed_unseen_and_shown_by_its_end() -> None:
    terminal = FakeTerminal([("A […wxyz]:", "")])
    question = Question("A", "?", secret=True, shown=masked)
    ask_all(terminal, [Section("A title", (question,))], {"A": SECRET}, {})
    assert terminal.hidden == ["A"]
    assert SECRET not in terminal.screen


@pytest.mark.parametrize(("secret", "shown"), [(SECRET, "…wxyz"), ("hunter2", "…"), ("", "…")])
def test_little_of_a_secret_is_shown(secret: str, shown: str) -> None:
    assert masked(secret) == shown


def test_choices_are_listed_with_numbers_once() -> None:
    choices = [Choice("small", "2 CPUs"), Choice("large")]
    terminal = FakeTerminal([("A:", ""), ("A:", "small")])
    ask_all(terminal, [Section("A title", (Question("A", "?", choices=lambda _: choices),))], {}, {})
    assert terminal.screen.count("1  small  2 CPUs\n     2  large") == 1


def test_many_choices_are_counted() -> None:
    choices = [Choice(f"image-{number}") for number in range(43)]
    terminal = FakeTerminal([("A:", "x")])
    ask_all(terminal, [Section("A title", (Question("A", "?", choices=lambda _: choices),))], {}, {})
    assert "image-39\n        and 3 more" in terminal.screen


def test_what_is_not_due_is_not_asked_and_not_lost() -> None:
    questions = (Question("A", "?"), Question("B", "?", is_due=lambda known: known["A"] == "yes"))
    for typed in ("yes", "no"):
        terminal = FakeTerminal([("A:", typed), *([("B [mine]:", "")] if typed == "yes" else [])])
        found = ask_all(terminal, [Section("A title", questions)], {"B": "mine", "C": "other"}, {})
        assert found == {"A": typed, "B": "mine", "C": "other"}


def test_what_the_file_loses_is_said_and_a_section_without_questions_is_not() -> None:
    left_out = Question("B", "?", is_due=lambda _: False, is_left_out=True)
    terminal = FakeTerminal()
    section = Section("A title", (left_out,), tried=failing(WRONG))
    assert ask_all(terminal, [section], {"B": "mine", "C": "other"}, {}) == {"B": "", "C": "other"}
    assert terminal.screen.strip() == "B is not used any more. It is left out of the file."


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ([("A:", "x"), ("Answer", "")], "x"),
        ([("A:", "x"), ("Answer", "yes"), ("A [x]:", "y")], "y"),
    ],
)
def test_a_section_that_fails_as_a_whole_can_be_answered_again(script: Script, answer: str) -> None:
    left = [WRONG]

    def tried(_: Mapping[str, str]) -> str:
        if left:
            raise left.pop()
        return "All is well."

    terminal = FakeTerminal(script)
    found = ask_all(terminal, [Section("A title", (Question("A", "?"),), tried=tried)], {}, {})
    assert found == {"A": answer}
    assert "That is wrong." in terminal.screen
    assert ("All is well." in terminal.screen) == (answer == "y")


@pytest.mark.parametrize(
    ("typed", "default", "meant"),
    [
        ([""], True, True),
        ([""], False, False),
        (["Y"], False, True),
        (["no"], True, False),
        (["nö", "yes"], False, True),
    ],
)
def test_yes_or_no(typed: list[str], default: bool, meant: bool) -> None:  # noqa: FBT001 - rows of a table
    terminal = FakeTerminal([("Sure?", each) for each in typed])
    assert confirm(terminal, "Sure?", default=default) is meant
