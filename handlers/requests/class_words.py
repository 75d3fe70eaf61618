"""What people type after `class`: a repository, how many seats, for whom, and from when. Pure."""

import re
from dataclasses import dataclass

from bot.errors import RequestError
from bot.repositories.launch_text import parse_launch
from bot.repositories.spec import LaunchRequest
from bot.sentences import Sentence
from bot.text import readable
from bot.times import end_times, phrases
from bot.times.moments import Moment
from handlers.requests.subjects import take_subjects
from storage.shares import Subject

_DASHES = "(?:--|\u2014|\u2013)"
"""With those that phones make of two hyphens."""
_SEATS = re.compile(
    rf"(?:(?<=\s)|^){_DASHES}(?:seats?|people|students)(?:[=\s]+(?P<count>\S+))?", re.IGNORECASE
)
_AT = re.compile(rf"(?:(?<=\s)|^){_DASHES}(?:at|from|begin|start)(?=[=\s]|$)=?", re.IGNORECASE)
_OPTION = re.compile(rf"{_DASHES}\w")
_FILLERS = re.compile(r"(?:(?<=\s)|^)(?:for|with)\s*$", re.IGNORECASE)
"""What stands before a group, as in `class o/r for @team`."""


@dataclass(frozen=True, slots=True)
class ClassRequest:
    """What was typed.

    Attributes:
        launch: What each seat is launched from, and how.
        seats: How many; None where that was not said.
        subjects: For whom.
        at: When it begins, in words that `bot.times.end_times.parse` takes; None for now.
    """

    launch: LaunchRequest
    seats: int | None = None
    subjects: tuple[Subject, ...] = ()
    at: str | None = None


def parse_class(text: str) -> ClassRequest:
    """Read what was typed after `class`.

    Raises:
        RequestError: It cannot be understood; see also `parse_launch`.
    """
    subjects, rest = take_subjects(text)
    seats, rest = _take_seats(rest)
    at, rest = _take_begin(rest)
    launch = parse_launch(_FILLERS.sub("", rest.strip()))
    if launch.rebuild:
        raise RequestError(
            Sentence("A class takes no --rebuild."),
            hint=Sentence("Launch the repository once with `--rebuild` before."),
        )
    return ClassRequest(launch, seats, subjects, at)


def _take_seats(text: str) -> tuple[int | None, str]:
    found = _SEATS.search(text)
    if found is None:
        return None, text
    typed = found["count"] or ""
    if not (typed.isdecimal() and typed.isascii() and len(typed) <= 4 and int(typed) > 0):  # noqa: PLR2004 - digits
        raise RequestError(
            Sentence("“{typed}” is not a number of seats.", typed=readable(typed)),
            hint=Sentence("For example: {example}", example="`--seats 30`"),
        )
    return int(typed), f"{text[: found.start()]} {text[found.end() :]}"


def _take_begin(text: str) -> tuple[str | None, str]:
    """The time after `--at`, up to the next option or as far as the words are a time."""
    found = _AT.search(text)
    if found is None:
        return None, text
    words = text[found.end() :].split()
    told = words[: next((place for place, word in enumerate(words) if _OPTION.match(word)), len(words))]
    if not told:
        raise RequestError(
            Sentence("When does it begin?"), hint=Sentence("For example: {example}", example="`--at 9:55`")
        )
    at, count = phrases.take_option("until", told)
    meaning = end_times.read(at)
    if isinstance(meaning, Moment) and meaning.clock is None:
        day = readable(" ".join(told[:count]))
        example = f"`--at {day} 9:55`"
        raise RequestError(
            Sentence("At what time does it begin {day}?", day=day),
            hint=Sentence("For example: {example}", example=example),
        )
    return at, " ".join([text[: found.start()], *words[count:]])
