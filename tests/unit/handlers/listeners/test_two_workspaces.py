"""No way in leads from one workspace to what belongs to another one, also where people's ids are the same."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from handlers.rules import Action, ClassRole, Role, State
from storage.models import Binder, OutboxMessage
from tests.unit.handlers.conftest import Post
from tests.unit.handlers.listeners import test_class_permissions as of_classes
from tests.unit.handlers.listeners.conftest import Desk, bolt
from tests.unit.handlers.listeners.test_permissions import (
    NOBODYS,
    by_button,
    by_choice,
    by_command,
    by_denial,
    by_home,
    by_mention,
    by_menu,
    by_more,
    by_share_form,
    forget_messages,
    in_state,
)

Way = Callable[[Desk, str], Iterator[tuple[Action, Callable[[str], str]]]]
ELSEWHERE = "T0ELSEWHERE"
SAME_IDS = ("ada", "linus", "grace")
"""The owner's id there, that of somebody with whom it is shared, and an admin of the workspace here."""


@pytest.fixture
def desk(post: Post) -> Desk:
    """A desk in a workspace that is not that of the people who run the bot; Grace is its admin."""
    admin = f"{post.team}/{post.workspace.state.person('grace').id}"
    app = bolt(post, lambda: None, can_shelve=True, admins=admin, home_workspace="T0HOME")
    return Desk(post, app, [])


def elsewhere(desk: Desk, *states: State) -> list[Binder]:
    """Binders of another workspace, public there: Ada's id owns them, and Linus' manages them."""
    rows = [
        in_state(state, Role.MEMBER, number, desk) | {"team_id": ELSEWHERE}
        for number, state in enumerate(states)
    ]
    found = desk.has_all(rows)
    desk.share_all(found, "linus", manages=True)
    return found


def as_they_are(desk: Desk) -> list[dict[str, Any]]:
    """All that a person could change of the binders, and what is said of them."""
    with desk.post.store.read() as session:
        said = session.query(OutboxMessage).filter(OutboxMessage.binder_id.is_not(None)).count()
        rows = session.query(Binder).filter_by(team_id=ELSEWHERE).order_by(Binder.id)
        columns = [each.key for each in Binder.__mapper__.column_attrs]
        values = [{name: getattr(row, name) for name in columns} for row in rows]
        return [*values, {"said": said}]


@pytest.mark.parametrize("user", SAME_IDS)
@pytest.mark.parametrize(
    "way",
    [by_command, by_mention, by_button, by_choice, by_share_form, by_denial, by_home, by_menu, by_more],
)
def test_what_belongs_to_another_workspace_is_not_there(desk: Desk, way: Way, user: str) -> None:
    rows = elsewhere(desk, State.READY, State.ASKED)
    before = as_they_are(desk)
    wrong = {}
    for action, ask in way(desk, user):
        forget_messages(desk)
        of_nobodys = ask(NOBODYS)
        for row in rows:
            forget_messages(desk)
            said = ask(row.id)
            if said.replace(row.id, NOBODYS) != of_nobodys:
                wrong[action, row.id] = said
    assert wrong == {}
    assert as_they_are(desk) == before


@pytest.mark.parametrize("user", SAME_IDS)
@pytest.mark.parametrize("way", [of_classes.by_command, of_classes.by_mention, of_classes.by_button])
def test_a_class_of_another_workspace_is_not_there(
    desk: Desk, way: Callable[[Desk, str], Iterator[tuple[Any, Callable[[str], str]]]], user: str
) -> None:
    found = of_classes.has_class(desk, ClassRole.STUDENT, team_id=ELSEWHERE)
    wrong = {}
    for action, ask in way(desk, user):
        said = ask(found.id)
        if said.replace(found.id, NOBODYS) != ask(NOBODYS):
            wrong[action] = said
    assert wrong == {}


@pytest.mark.parametrize("user", SAME_IDS)
def test_no_list_shows_what_belongs_to_another_workspace(desk: Desk, user: str) -> None:
    [row] = elsewhere(desk, State.READY)
    who = desk.id_of(user)
    for words in ("list", "status", "class", "admin list", "admin costs", "admin audit", "stop", "open"):
        said = desk.command(words, user=who)
        assert row.name not in said, words
        assert row.url not in said, words


@pytest.mark.parametrize("user", SAME_IDS)
def test_a_thread_of_another_workspace_means_no_binder(desk: Desk, user: str) -> None:
    [row] = elsewhere(desk, State.READY)
    with desk.post.store.write() as session:
        there = session.get_one(Binder, row.id)
        there.thread_channel, there.thread_ts = desk.post.channel("general"), "5.5"
    before = as_they_are(desk)
    said = desk.told(user, lambda: desk.mention("stop", user=desk.id_of(user), thread_ts="5.5"))
    assert row.name not in said
    assert as_they_are(desk) == before


def test_a_name_of_another_workspace_is_free_here(desk: Desk) -> None:
    [row] = elsewhere(desk, State.READY)
    desk.command(f"launch https://github.com/owner/other --name {row.name}")
    own = [each for each in desk.all() if each.team_id == desk.post.team]
    assert [each.name for each in own] == [row.name]
