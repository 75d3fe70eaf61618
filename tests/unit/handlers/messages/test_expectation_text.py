"""What the card says of how long a launch usually takes, by table; and the stages that it shows."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.binders import stages
from bot.binders.expectations import Basis, Expectation
from handlers import messages
from handlers.messages.expectation_text import expectation
from handlers.messages.progress import STAGES, stage_line, summary
from handlers.messages.status_text import phrase
from storage.vocabulary import Ending, Status, Target
from tests.unit.handlers.conftest import NOW, building
from tests.unit.handlers.messages.conftest import HOSTILE_TEXTS, check, in_text

STAGE_TIMES = {"repository": 1.0, "instance": 30.0, "build": 320.0, "server": 5.0}


def usual(basis: Basis, seconds: float = 362, **more: Any) -> dict[str, Any]:
    return Expectation("/", basis, seconds=seconds, stages=STAGE_TIMES, **more).as_row()


WORDS: list[tuple[str, dict[str, Any], str]] = [
    ("not looked up", {}, ""),
    ("no history", {"expected": usual(Basis.NONE)}, ""),
    ("stored", {"expected": usual(Basis.NONE, how="pulled"), "has_image": True}, "built before"),
    ("stored, but built", {"expected": usual(Basis.NONE), "has_image": True}, ""),
    ("found", {"expected": usual(Basis.BUILD, 41, how="pulled")}, "usually 40 s; built before"),
    ("built anew", {"expected": usual(Basis.BUILD)}, "usually 6 min; built before"),
    ("another version", {"expected": usual(Basis.REPOSITORY)}, "usually 6 min for this repository"),
    (
        "another repository",
        {"expected": usual(Basis.KIND, 722), "kind": "R"},
        "first build of this repository; R repositories usually take 12 min",
    ),
    ("pulled, never seen", {"expected": usual(Basis.KIND, 41, how="pulled"), "kind": "R"}, "usually 40 s"),
    (
        "late for its instance",
        {
            "expected": usual(Basis.BUILD, 41, is_late=True),
            "stages": {"repository": NOW - 185, "instance": NOW - 184},
        },
        "usually 40 s; built before · longer than usual: getting an instance usually takes 30 s",
    ),
    (
        "late for its build",
        {
            "expected": usual(Basis.REPOSITORY, is_late=True),
            "stages": {"repository": NOW - 700, "instance": NOW - 699, "build": NOW - 660},
        },
        "usually 6 min for this repository · longer than usual: the build usually takes 5 min",
    ),
    (
        "late in a stage that is new",
        {
            "expected": usual(Basis.BUILD, 41, is_late=True),
            "stages": {"instance": NOW - 80, "pull": NOW - 79},
        },
        "usually 40 s; built before · longer than usual: fetching the image",
    ),
    (
        "late before any stage",
        {"expected": usual(Basis.BUILD, 41, is_late=True), "stages": {}},
        "usually 40 s; built before · longer than usual",
    ),
    ("no room", {"expected": usual(Basis.BUILD), "waiting_for": "No room."}, ""),
    ("ready", {"expected": usual(Basis.BUILD), "status": Status.READY, "ready_at": NOW}, ""),
    ("ended", {"expected": usual(Basis.BUILD), "target": Target.GONE, "ending": Ending.STOPPED}, ""),
]


@pytest.mark.parametrize(("changes", "words"), [row[1:] for row in WORDS], ids=[row[0] for row in WORDS])
def test_what_is_usual_is_said_in_words(changes: dict[str, Any], words: str) -> None:
    row = building(**changes)
    assert expectation(row, NOW) == words
    card = messages.card(row, NOW)
    check(card)
    shown = "\n".join(in_text(list(card.blocks)))
    assert f"{words[:1].upper()}{words[1:]}" in shown
    assert ("sually" in shown) is ("sually" in words)
    assert card.text.endswith(f" · {words}" if words else card.text)


@given(st.sampled_from(HOSTILE_TEXTS) | st.text(max_size=40), st.sampled_from(Basis), st.booleans())
def test_no_hostile_kind_breaks_out(kind: str, basis: Basis, is_late: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    check(messages.card(building(kind=kind, expected=usual(basis, is_late=is_late)), NOW))


FOUND = {"expected": usual(Basis.BUILD, 41, how="kept")}
SHOWN: list[tuple[str, dict[str, Any], str]] = [
    (
        "before all",
        {"stages": {"repository": NOW - 1}},
        "⏳ Repository checked | ○ Instance | ○ Build | ○ Server",
    ),
    (
        "an image that is there",
        FOUND | {"stages": {"repository": NOW - 1}},
        "⏳ Repository checked | ○ Instance | ○ Server",
    ),
    (
        "fetching",
        {"stages": {"instance": NOW - 9, "fetch": NOW - 3}},
        "✓ Instance | ⏳ Files | ○ Build | ○ Server",
    ),
    ("pulling", {"stages": {"instance": NOW - 9, "pull": NOW - 3}}, "✓ Instance | ⏳ Image | ○ Server"),
    (
        "built although it was pulled",
        {"stages": {"instance": NOW - 9, "pull": NOW - 3, "build": NOW - 1}},
        "✓ Instance | ✓ Image | ⏳ Build | ○ Server",
    ),
    ("no build came", {"stages": {"instance": NOW - 9, "server": NOW - 3}}, "✓ Instance | ⏳ Server"),
    (
        "no room",
        {"stages": {"repository": NOW - 9, "capacity": NOW - 3}, "status": Status.REQUESTED},
        "✓ Repository checked | ⏳ Free capacity | ○ Instance | ○ Build | ○ Server",
    ),
    (
        "failed",
        {"stages": {"instance": NOW - 9, "pull": NOW - 3}, "target": Target.GONE, "ending": Ending.FAILED},
        "✓ Instance | ✗ Image",
    ),
    (
        "ready",
        {"stages": {"instance": NOW - 9, "server": NOW - 3}, "ready_at": NOW, "status": Status.READY},
        "✓ Instance | ✓ Server",
    ),
]


@pytest.mark.parametrize(("changes", "shown"), [row[1:] for row in SHOWN], ids=[row[0] for row in SHOWN])
def test_a_stage_that_will_not_come_is_not_shown(changes: dict[str, Any], shown: str) -> None:
    row = building(**({"line": "", "fraction": None} | changes))
    marks = [re.sub(r" \d.*", "", each.replace("*", "")) for each in stage_line(row, NOW).split(" · ")]
    assert " | ".join(marks) == shown


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("instance", "is being built"),
        ("fetch", "is fetching its files"),
        ("pull", "is fetching its image"),
        ("build", "is being built"),
        ("server", "is starting its server"),
    ],
)
def test_the_title_says_what_goes_on_inside_the_instance(stage: str, words: str) -> None:
    assert phrase(building(stages={stage: NOW - 3})).words == words
    ended = building(stages={stage: NOW - 3}, target=Target.GONE, ending=Ending.STOPPED)
    assert phrase(ended).words == "is being torn down"


def test_a_pull_shows_how_much_is_there() -> None:
    row = building(stages={"instance": NOW - 9, "pull": NOW - 3}, fraction=0.4, line="")
    assert "⏳ *Image 40%, 3 s*" in stage_line(row, NOW)
    assert summary(row, NOW) == "Image 40%, 3 min 5 s so far"


def test_every_stage_has_its_label() -> None:
    assert tuple(STAGES) == stages.STAGES
