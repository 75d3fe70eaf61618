"""How questions are asked, and asked again. It knows no question, and speaks only to a `Terminal`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import indent
from typing import Protocol

from bot.admin.init.settings_file import require_writable
from bot.errors import BinderBotError, CloudUnreachable, ConfigError, ServiceUnreachable
from bot.provisioning.choices import Choice

SKIP, NOTHING = "skip", "-"
_SHOWN_CHOICES = 40
_LEAST_MASKED = 12
"""A shorter secret shows nothing of itself."""

Known = Mapping[str, str]
"""What was answered so far, and what the file has: by the variable's name."""


class Terminal(Protocol):
    """Where a person reads and types."""

    @property
    def has_person(self) -> bool:
        """Whether somebody can answer."""

    def say(self, text: str) -> None:
        """Show a text and end the line."""

    def ask(self, prompt: str) -> str:
        """Read a line; raises EOFError where there is none."""

    def ask_secret(self, prompt: str) -> str:
        """Read a line without showing it; raises EOFError where there is none."""


def masked(secret: str) -> str:
    """A secret by its end, as `…abcd`."""
    return f"…{secret[-4:]}" if len(secret) >= _LEAST_MASKED else "…"


@dataclass(frozen=True, slots=True)
class Question:
    """One question, in the table of all.

    Attributes:
        name: The variable that the answer is written to; in small letters if it is not written.
        text: What is asked, with what the person should know.
        default: The answer if the person only presses Enter, and nothing is known.
        is_due: Whether it is asked, by what is known.
        is_left_out: Whether the file loses the setting where it is not asked.
        optional: Whether the answer may be empty.
        secret: Whether it is typed without being shown.
        shown: How an existing answer is shown.
        choices: What there is to choose from; raises as `tried` does.
        read: Turns what was typed into the answer.
        tried: Tries the answer, which is among what is known; returns what it found, as a sentence, or
            nothing. Raises BinderBotError if the answer is wrong.
    """

    name: str
    text: str
    default: Callable[[Known], str] = lambda _known: ""
    is_due: Callable[[Known], bool] = lambda _known: True
    is_left_out: bool = False
    optional: bool = False
    secret: bool = False
    shown: Callable[[str], str] = lambda value: value
    choices: Callable[[Known], Sequence[Choice]] = lambda _known: ()
    read: Callable[[str, Sequence[Choice]], str] = lambda typed, _choices: typed
    tried: Callable[[Known], str] = lambda _known: ""


@dataclass(frozen=True, slots=True)
class Section:
    """Questions that belong together.

    Attributes:
        title: The heading.
        questions: In the order in which they are asked.
        said: What the person should do or know after the answers; nothing by default.
        tried: Tries the answers together; as `Question.tried`.
    """

    title: str
    questions: tuple[Question, ...] = field(default=())
    said: Callable[[Known], str] = lambda _known: ""
    tried: Callable[[Known], str] = lambda _known: ""


def ask_all(
    terminal: Terminal, sections: Sequence[Section], existing: Known, environment: Known
) -> dict[str, str]:
    """Ask all questions that are due.

    Args:
        terminal: Where a person answers.
        sections: The table.
        existing: What the settings file has.
        environment: Answers that are proposed where the file has none.

    Returns:
        What the file had, and the answers. What is left out is empty.
    """
    known = dict(existing)
    for section in sections:
        _leave_out(terminal, section, known)
        if any(each.is_due(known) for each in section.questions):
            terminal.say(f"\n== {section.title} ==")
            _ask_section(terminal, section, known, environment)
    return known


def _leave_out(terminal: Terminal, section: Section, known: dict[str, str]) -> None:
    for each in section.questions:
        if each.is_left_out and not each.is_due(known):
            if known.get(each.name):
                terminal.say(f"\n{each.name} is not used any more. It is left out of the file.")
            known[each.name] = ""


def _ask_section(terminal: Terminal, section: Section, known: dict[str, str], environment: Known) -> None:
    while True:
        for question in section.questions:
            if question.is_due(known):
                proposed = (
                    known.get(question.name) or environment.get(question.name) or question.default(known)
                )
                known[question.name] = _answer(terminal, question, known, proposed)
        _say(terminal, section.said(known))
        try:
            _say(terminal, section.tried(known))
        except BinderBotError as error:
            _say(terminal, f"{error.sentence} {error.hint}".strip())
            if confirm(terminal, "Answer these questions again?", default=False):
                continue
        return


def confirm(terminal: Terminal, text: str, *, default: bool) -> bool:
    """Ask for yes or no."""
    while True:
        typed = terminal.ask(f"\n{text} [{'yes' if default else 'no'}] ").strip().lower()
        if not typed:
            return default
        if typed in {"y", "yes", "n", "no"}:
            return typed[0] == "y"
        terminal.say("Type yes or no.")


def _answer(terminal: Terminal, question: Question, known: Known, proposed: str) -> str:
    """Ask one question until its answer is right, or its service is down and the person skips the trial."""
    terminal.say(f"\n{question.text}")
    choices = question.choices(known)
    _say(terminal, _listed(choices))
    answer, is_down = proposed, False
    while True:
        try:
            typed = _typed(terminal, question, proposed)
            if typed == SKIP and is_down:
                terminal.say("  Not tried. `binder-bot check` tries it later.")
                return proposed
            answer = _read(question, typed, choices, proposed)
            if answer != known.get(question.name):
                require_writable(answer)
            _say(terminal, question.tried({**known, question.name: answer}))
        except (ServiceUnreachable, CloudUnreachable) as error:
            proposed, is_down = answer, True
            _say(terminal, f"{error.sentence} Enter tries it again, `{SKIP}` goes on without a trial.")
        except BinderBotError as error:
            is_down = False
            _say(terminal, f"{error.sentence} {error.hint}".strip())
        else:
            return answer


def _typed(terminal: Terminal, question: Question, proposed: str) -> str:
    read = terminal.ask_secret if question.secret else terminal.ask
    offer = f" [{question.shown(proposed)}]" if proposed else ""
    return read(f"{question.name.upper()}{offer}: ").strip()


def _read(question: Question, typed: str, choices: Sequence[Choice], proposed: str) -> str:
    value = "" if typed == NOTHING else question.read(typed, choices) if typed else proposed
    if not value and not question.optional:
        raise ConfigError("This cannot be left empty.")
    return value


def _listed(choices: Sequence[Choice]) -> str:
    lines = [f"  {number:>2}  {each.name}  {each.detail}".rstrip() for number, each in enumerate(choices, 1)]
    left = len(lines) - _SHOWN_CHOICES
    return "\n".join(lines[:_SHOWN_CHOICES] + ([f"      and {left} more"] if left > 0 else []))


def _say(terminal: Terminal, text: str) -> None:
    if text:
        terminal.say(indent(text, "  "))
