"""The buttons and the menu of a binder, in every state and for every role."""

from itertools import product
from typing import Any

import pytest
from slack_sdk.models.blocks import InteractiveElement

from handlers.messages import more
from handlers.messages.buttons import MORE, Offers, choices, chosen, controls, main_buttons
from handlers.messages.forms import Origin
from handlers.rules import Action, Role, State, actions_of, is_possible, state_of
from storage.models import Binder
from storage.vocabulary import Ending, Status, Target
from tests.unit.handlers.conftest import binder, building

ROWS: dict[str, Binder] = {
    "starting": building(),
    "ready": binder(),
    "shelved": binder(status=Status.SHELVED, target=Target.SHELVED),
    "kept": building(target=Target.GONE, ending=Ending.FAILED, kept_until=9e9),
    "failed": building(target=Target.GONE, ending=Ending.FAILED),
    "ending": binder(target=Target.GONE, ending=Ending.STOPPED),
    "gone": binder(target=Target.GONE, status=Status.GONE, ending=Ending.STOPPED),
}
ALL = Offers(can_shelve=True, can_ask=True)


def labels(elements: list[InteractiveElement]) -> str:
    """The buttons, and behind a colon what the menu holds."""
    found: list[str] = []
    for each in [element.to_dict() for element in elements]:
        if each["type"] == "overflow":
            found.append(": " + ", ".join(option["text"]["text"] for option in each["options"]))
        else:
            found.append(each["text"]["text"])
    return " ".join(found)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("starting", "Tear down : Share, Show log, Launch link, Launch again"),
        ("ready", "Open Tear down : Share, Keep 2 h, Save my work, Shelve, More…"),
        ("shelved", "Resume Tear down : Share, Show log, Launch link, Launch again"),
        ("kept", "Try again Ask for help : Show log, Keep for debugging, Remove now, Launch link"),
        ("failed", "Try again Ask for help : Show log, Launch link"),
        ("ending", "Launch again : Show log, Launch link"),
        ("gone", "Launch again : Show log, Launch link"),
    ],
)
def test_all_that_is_possible_is_offered_in_two_buttons_and_a_menu(state: str, shown: str) -> None:
    assert labels(controls(ROWS[state], ALL)) == shown


@pytest.mark.parametrize(("state", "role"), list(product(ROWS, Role)))
def test_each_role_is_offered_what_it_may_do_now_and_nothing_else(state: str, role: Role) -> None:
    row, may = ROWS[state], actions_of(role)
    main = {each.action_id for each in main_buttons(row, ALL, allowed=may)}
    menu = choices(row, ALL, allowed=may)
    assert {each.action for each in menu} <= may
    assert all(is_possible(row, each.action) for each in menu)
    assert len(main) <= 2
    if role == Role.OUTSIDER:
        assert controls(row, ALL, allowed=may) == []


def test_what_the_site_cannot_do_is_not_offered() -> None:
    nothing = Offers(can_shelve=False, can_ask=False)
    assert Action.SHELVE not in {each.action for each in choices(binder(), nothing)}
    assert labels(controls(ROWS["failed"], nothing)) == "Try again : Show log, Launch link"


def test_behind_more_are_all_buttons() -> None:
    row = binder()
    view = more.more_view(row, ALL, actions_of(Role.OWNER), Origin("C1"))
    buttons: list[dict[str, Any]] = view["blocks"][-1]["elements"]
    assert [each["text"]["text"] for each in buttons] == [
        "Open",
        "Tear down",
        "Share",
        "Keep 2 h",
        "Save my work",
        "Shelve",
        "Show log",
        "Launch link",
        "Launch again",
        "Keep until tonight",
    ]
    assert {each["value"] for each in buttons} == {row.id}
    assert state_of(row) == State.READY


def test_a_menu_names_the_button_and_the_binder() -> None:
    options = controls(binder(), ALL)[-1].to_dict()["options"]
    assert [chosen(each["value"])[1] for each in options] == ["abcd2345"] * 5
    assert options[-1]["text"]["text"] == MORE
    assert chosen("forged") == ("forged", "")
