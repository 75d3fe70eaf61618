"""Every way in keeps to the table of what may be done with classes; a private one is seen by nobody else."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from handlers import ids
from handlers.listeners.class_buttons import CLASS_BUTTONS
from handlers.messages import class_text
from handlers.rules import CLASS_RULES, ClassAction, ClassRole, ClassState, class_state
from storage import classes, seats
from storage.class_models import ClassPhase, SchoolClass
from storage.models import Binder
from storage.share_models import ShareKind
from storage.shares import Subject
from storage.vocabulary import Status
from tests.unit.handlers.conftest import NOW, TOKEN, Post, binder
from tests.unit.handlers.listeners.conftest import REPO, Desk, bolt
from tests.unit.handlers.messages.class_cases import a_class

ACTION_OF = {
    ids.CLASS_JOIN: ClassAction.JOIN,
    ids.CLASS_STATUS: ClassAction.SEE,
    ids.CLASS_EXTEND: ClassAction.EXTEND,
    ids.CLASS_END: ClassAction.END,
}
WORDS = {
    "join": ClassAction.JOIN,
    "status": ClassAction.SEE,
    "extend": ClassAction.EXTEND,
    "end": ClassAction.END,
}
ACTORS = {ClassRole.TEACHER: "ada", ClassRole.ADMIN: "grace"} | dict.fromkeys(
    set(ClassRole) - {ClassRole.TEACHER, ClassRole.ADMIN}, "linus"
)
STATES: dict[ClassState, dict[str, Any]] = {
    ClassState.OPEN: {},
    ClassState.CLOSING: {"ended_by": "U1"},
    ClassState.OVER: {"phase": ClassPhase.OVER},
}
NOBODYS = "zzzzzzzz"


@pytest.fixture
def desk(post: Post) -> Desk:
    admin = post.workspace.state.person("grace").id
    return Desk(post, bolt(post, lambda: None, admins=admin, class_for=post.ada), [])


def has_class(desk: Desk, role: ClassRole, **changes: Any) -> SchoolClass:
    """A class of Ada's in which Linus has that role."""
    state = desk.post.workspace.state
    linus = state.person("linus").id
    number = next(desk.numbers)
    values: dict[str, Any] = {
        "id": f"class{number}",
        "name": f"class{number}",
        "request_key": f"class{number}",
        "team_id": state.team_id,
        "teacher": desk.post.ada,
        # Linus asks in #general: a class in another channel that is private is not there for him.
        "channel": desk.post.channel("secret"),
        "is_private": role == ClassRole.OUTSIDER,
        "begins_at": desk.post.clock[0] - 60,
        "ends_at": desk.post.clock[0] + 3600,
        "maximum_at": desk.post.clock[0] + 36_000,
        "created_at": desk.post.clock[0] - 3600,
        "seats": 9,
    }
    named = {ClassRole.MEMBER: desk.grace, ClassRole.OUTSIDER: desk.grace}.get(role, linus)
    with desk.post.store.write() as session:
        new = a_class(**(values | changes))
        return classes.add(session, new, [Subject(ShareKind.USER, named)], ahead=1).found


def by_command(desk: Desk, who: str) -> Iterator[tuple[ClassAction, Callable[[str], str]]]:
    user = desk.post.workspace.state.person(who).id
    for word, action in WORDS.items():
        yield action, lambda name, word=word: desk.command(f"class {word} {name}", user=user)  # type: ignore[misc] # bound early


def by_mention(desk: Desk, who: str) -> Iterator[tuple[ClassAction, Callable[[str], str]]]:
    user = desk.post.workspace.state.person(who).id
    for word, action in WORDS.items():
        yield (
            action,
            lambda name, word=word: desk.told(who, lambda: desk.mention(f"class {word} {name}", user=user)),  # type: ignore[misc] # bound early
        )


def by_button(desk: Desk, who: str) -> Iterator[tuple[ClassAction, Callable[[str], str]]]:
    user = desk.post.workspace.state.person(who).id
    for button, action in ACTION_OF.items():
        yield (
            action,
            lambda value, button=button: desk.told(who, lambda: desk.click(button, value, user=user)),  # type: ignore[misc] # bound early
        )


@pytest.mark.parametrize("role", sorted(ACTORS))
@pytest.mark.parametrize("way", [by_command, by_mention, by_button])
def test_every_way_in_keeps_to_the_table(
    desk: Desk,
    way: Callable[[Desk, str], Iterator[tuple[ClassAction, Callable[[str], str]]]],
    role: ClassRole,
) -> None:
    wrong = {}
    for (action, ask), state in product(way(desk, ACTORS[role]), ClassState):
        found = has_class(desk, role, **STATES[state])
        said = ask(found.id)
        if role == ClassRole.OUTSIDER:
            is_right = said.replace(found.id, NOBODYS) == ask(NOBODYS)
        else:
            is_right = said_as_the_table_says(said, found, role, action)
        if not is_right:
            wrong[action, state] = said
    assert wrong == {}


def said_as_the_table_says(said: str, found: SchoolClass, role: ClassRole, action: ClassAction) -> bool:
    roles, states = CLASS_RULES[action]
    refusal, impossible = class_text.refused(found, action)[0], class_text.not_possible(found, action)
    if role not in roles:
        return refusal in said
    if class_state(found) not in states:
        return impossible in said
    return not any(each in said for each in (refusal, impossible, "can't find"))


def test_the_table_and_the_ways_in_are_complete() -> None:
    assert set(ACTION_OF) == set(CLASS_BUTTONS)
    assert set(CLASS_RULES) == set(ClassAction) == {*ACTION_OF.values(), ClassAction.INSPECT}
    assert not any(ClassRole.OUTSIDER in roles for roles, _ in CLASS_RULES.values())
    for state, changes in STATES.items():
        assert class_state(a_class(**changes)) == state


@pytest.mark.parametrize("typed", ["class", "class list", "class status", "class status secretiv", "list"])
def test_a_private_class_shows_in_no_answer_to_others(desk: Desk, typed: str) -> None:
    linus = desk.post.workspace.state.person("linus").id
    before = desk.command(typed, user=linus)
    has_class(desk, ClassRole.OUTSIDER, name="secretive")
    assert desk.command(typed, user=linus) == before


def test_a_private_classs_name_is_not_given_away_by_a_number(desk: Desk) -> None:
    has_class(desk, ClassRole.OUTSIDER, name="repo")
    desk.app = bolt(desk.post, lambda: None, class_for="everybody")
    linus = desk.post.workspace.state.person("linus").id
    assert desk.command(f"class {REPO} --seats 2 --for 1h", user=linus) == ""
    with desk.post.store.read() as session:
        assert [each.name for each in session.query(SchoolClass)] == ["repo", "repo"]


def test_only_those_whom_the_site_allows_start_a_class(desk: Desk) -> None:
    linus = desk.post.workspace.state.person("linus").id
    typed = f"class {REPO} --seats 2 --for 1h"
    assert "aren't allowed to start a class" in desk.command(typed, user=linus)
    assert desk.command(f"{typed} --name one") == ""
    assert desk.command(f"{typed} --name two", user=desk.grace) == ""


def test_the_teacher_sees_each_seat_but_gets_no_links_unless_they_are_shared(desk: Desk) -> None:
    linus = desk.post.workspace.state.person("linus").id
    found = has_class(desk, ClassRole.STUDENT)
    row = has_seat(desk, found, linus)
    said = str(desk.dispatch(desk.command_body(f"class status {found.name}")))
    assert linus in said
    assert TOKEN not in said
    assert "can't find" in desk.command(f"open {row.name}")
    desk.share(row, "ada")
    assert TOKEN in str(desk.dispatch(desk.command_body(f"open {row.name}")))


def test_the_cost_is_told_to_the_teacher_alone(desk: Desk) -> None:
    linus = desk.post.workspace.state.person("linus").id
    found = has_class(desk, ClassRole.STUDENT, price_per_hour=3.0)
    has_seat(desk, found, linus, price_per_hour=3.0, ready_at=desk.post.clock[0] - 3600)
    assert "So far it has cost 3.00" in desk.command(f"class status {found.name}")
    assert "cost" not in desk.command(f"class status {found.name}", user=linus)


def test_where_several_classes_are_meant_a_button_for_each_does_what_was_typed(desk: Desk) -> None:
    for name in ("first", "second"):
        has_class(desk, ClassRole.STUDENT, name=name)
    answer = desk.dispatch(desk.command_body("class end"))
    assert "Which class do you mean?" in answer["text"]
    buttons = next(each["elements"] for each in answer["blocks"] if each["type"] == "actions")
    chosen = next(each for each in buttons if each["text"]["text"] == "second")
    said = desk.told("ada", lambda: desk.click(chosen["action_id"], chosen["value"], desk.post.ada))
    assert "*second* ends" in said
    with desk.post.store.read() as session:
        ended = {each.name for each in session.query(SchoolClass) if each.ended_by == desk.post.ada}
    assert ended == {"second"}


def test_a_class_that_a_person_may_end_is_meant_before_one_that_they_only_see(desk: Desk) -> None:
    linus = desk.post.workspace.state.person("linus").id
    has_class(desk, ClassRole.STUDENT, name="theirs")
    has_class(desk, ClassRole.STUDENT, name="own", teacher=linus)
    assert "own ends" in desk.command("class end", user=linus)


def has_seat(desk: Desk, found: SchoolClass, user: str, **changes: Any) -> Binder:
    """A ready seat of somebody."""
    with desk.post.store.write() as session:
        seat = seats.to_launch(session, found.id, limit=1)[0]
        seat.user = user
        values = {"team_id": found.team_id, "owner": user, "channel": user, "class_id": found.id}
        row = binder(is_private=True, status=Status.READY, created_at=NOW, **(values | changes))
        seats.launch(session, seat, row, name=found.name)
        return row
