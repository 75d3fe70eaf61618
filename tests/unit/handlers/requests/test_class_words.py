"""What people type after `class`."""

import pytest

from bot.errors import RequestError
from handlers.requests.class_words import ClassRequest, parse_class
from storage.share_models import ShareKind
from storage.shares import Subject

GROUP, LAB = Subject(ShareKind.GROUP, "S123"), Subject(ShareKind.CHANNEL, "C123")


def told(request: ClassRequest) -> tuple[object, ...]:
    launch = request.launch
    return launch.spec.url, request.seats, request.subjects, request.at, launch.duration, launch.size


REPO = "https://github.com/o/r"
UNDERSTOOD = {
    "o/r --for 3h --size s --seats 30": (REPO, 30, (), None, "3h", "s"),
    "o/r --seats=5": (REPO, 5, (), None, None, None),
    "--seats 5 o/r": (REPO, 5, (), None, None, None),
    "o/r \u2014seats 30 \u2014at 9:55 \u2014for 2 hours": (REPO, 30, (), "until 9:55", "2 hours", None),
    "o/r <!subteam^S123|@team> --at 9:55 --for 3h": (REPO, None, (GROUP,), "until 9:55", "3h", None),
    "o/r for <#C123|lab> --seats 40": (REPO, 40, (LAB,), None, None, None),
    "o/r <#C123|lab> <!subteam^S123>": (REPO, None, (LAB, GROUP), None, None, None),
    "o/r --at tomorrow 9:55 --until 12:00": (REPO, None, (), "until tomorrow 9:55", "until 12:00", None),
    "o/r --at friday 10:00 <#C123|lab>": (REPO, None, (LAB,), "until friday 10:00", None, None),
}


@pytest.mark.parametrize("typed", UNDERSTOOD)
def test_a_class_is_understood(typed: str) -> None:
    assert told(parse_class(typed)) == UNDERSTOOD[typed]


def test_the_ref_and_the_path_may_stand_behind_a_time() -> None:
    spec = parse_class("o/r --at 9:55 main nb/a.ipynb --seats 3").launch.spec
    assert (spec.ref, spec.path) == ("main", "nb/a.ipynb")


REFUSED = {
    "o/r --seats many": "“many” is not a number of seats.",
    "o/r --seats 0": "“0” is not a number of seats.",
    "o/r --seats": "“” is not a number of seats.",
    "o/r --seats 99999": "“99999” is not a number of seats.",
    "o/r --at --seats 3": "When does it begin?",
    "o/r --at soon --seats 3": "“until soon” is not a time that I understand.",
    "o/r --at tomorrow --seats 3": "At what time does it begin tomorrow?",
    "o/r --at 9 --seats 3": "“until 9” can mean",
    "o/r @team": "Slack does not know “@team”.",
    "--seats 3": "No repository was named.",
    "o/r --rebuild --seats 3": "A class takes no --rebuild.",
}


@pytest.mark.parametrize("typed", REFUSED)
def test_what_is_not_understood_is_refused(typed: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse_class(typed)
    assert refused.value.sentence.startswith(REFUSED[typed]), refused.value.sentence
