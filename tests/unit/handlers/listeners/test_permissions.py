"""Every way in keeps to the table of permissions, and nobody sees what was launched in private by others."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from handlers import ids
from handlers.listeners.buttons import BUTTONS
from handlers.requests.permissions import PERMISSIONS, Action, Role
from handlers.requests.subcommands import BY_NAME, SUBCOMMANDS
from storage.models import Binder
from tests.unit.handlers.conftest import TOKEN, Post
from tests.unit.handlers.listeners.conftest import REPO, Desk, bolt
from workspace.hands import Person
from workspace.state import Json, SlackError

ABOUT_ONE = [each for each in SUBCOMMANDS if "[name]" in each.usage]
ACTORS = {Role.OWNER: "ada", Role.ADMIN: "grace", Role.MEMBER: "linus", Role.OUTSIDER: "linus"}
NOBODYS = "zzzzzzzz"


@pytest.fixture
def desk(post: Post) -> Desk:
    admin = post.workspace.state.person("grace").id
    app = bolt(post, lambda: None, can_shelve=True, admins=admin, max_binders_per_person=99)
    return Desk(post, app, [])


def by_command(desk: Desk, user: str) -> Iterator[tuple[Action, Callable[[str], str]]]:
    who = desk.post.workspace.state.person(user).id
    for each in ABOUT_ONE:
        words = f"{each.name} {each.usage}"
        assert each.action is not None
        yield each.action, lambda name, words=words: desk.command(words.replace("[name]", name), user=who)  # type: ignore[misc] # bound early


def by_mention(desk: Desk, user: str) -> Iterator[tuple[Action, Callable[[str], str]]]:
    who = desk.post.workspace.state.person(user).id

    def ask(words: str) -> str:
        return desk.told(user, lambda: desk.mention(words, user=who))

    for each in ABOUT_ONE:
        words = f"{each.name} {each.usage}"
        assert each.action is not None
        yield each.action, lambda name, words=words: ask(words.replace("[name]", name))  # type: ignore[misc] # bound early


def by_button(desk: Desk, user: str) -> Iterator[tuple[Action, Callable[[str], str]]]:
    """Buttons take the id; anybody can send one that they never saw."""
    who = desk.post.workspace.state.person(user).id

    def press(action_id: str, binder_id: str) -> str:
        return desk.told(user, lambda: desk.click(action_id, binder_id, user=who))

    for action_id, operation in BUTTONS.items():
        # Who is launched something by that button is told by the new card, not here: two presses tell.
        yield (
            operation.action,
            lambda value, action_id=action_id, operation=operation: (  # type: ignore[misc] # bound early
                again(desk, action_id, who, value)
                if operation.action == Action.LAUNCH_AGAIN
                else press(action_id, value)
            ),
        )


def again(desk: Desk, action_id: str, who: str, binder_id: str) -> str:
    before = len(desk.all())
    user = desk.post.workspace.state.person(who).name
    desk.click(action_id, binder_id, user=who)
    if binder_id == NOBODYS or not may_retry(desk, who, binder_id):
        return desk.answers(user, lambda shown: "can't find" in shown).splitlines()[-1]
    desk.wait(lambda: len(desk.all()) == before + 1)
    return "launched"


def may_retry(desk: Desk, who: str, binder_id: str) -> bool:
    row = next(each for each in desk.all() if each.id == binder_id)
    return not row.is_private or who in {row.owner, desk.grace}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("way", [by_command, by_mention, by_button])
def test_every_way_in_keeps_to_the_table(
    desk: Desk, way: Callable[[Desk, str], Iterator[tuple[Action, Callable[[str], str]]]], role: Role
) -> None:
    wrong = {}
    for number, (action, ask) in enumerate(way(desk, ACTORS[role])):
        row = desk.has(
            id=f"binder{number}",
            name=f"binder{number}",
            is_private=role == Role.OUTSIDER,
            created_at=desk.post.clock[0] - 3600,
            log="x",
        )
        said, said_of_nobodys = ask(row.id), ask(NOBODYS)
        if role == Role.OUTSIDER:
            is_right = said.replace(row.id, NOBODYS) == said_of_nobodys
        elif role in PERMISSIONS[action]:
            is_right = "can't find" not in said and "or an admin can" not in said
        else:
            is_right = f"or an admin can {action}." in said
        if not is_right:
            wrong[action, number] = said
    assert wrong == {}


def test_every_action_has_its_rule_and_can_be_asked_for() -> None:
    asked = {each.action for each in SUBCOMMANDS} | {each.action for each in BUTTONS.values()}
    assert set(PERMISSIONS) == set(Action) == asked - {None}
    assert not any(Role.OUTSIDER in roles for roles in PERMISSIONS.values())
    assert all({Role.OWNER, Role.ADMIN} <= roles for roles in PERMISSIONS.values())
    assert BY_NAME["open"].action == Action.OPEN


# --- private ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    ["list", "status secretive", "status secretiv", "logs xyz", "stop", "open abcd2345", "stop --", ""],
)
def test_a_private_binder_shows_in_no_answer_to_others(desk: Desk, typed: str) -> None:
    linus = desk.post.workspace.state.person("linus").id
    desk.has(name="public", id="public12")
    before = desk.command(typed, user=linus)
    desk.has(name="secretive", is_private=True, log="secret log")
    after = desk.command(typed, user=linus)
    assert after == before
    assert "secretive" not in after.replace(f"“{typed.partition(' ')[2]}”", "")


def test_its_owner_and_admins_see_it(desk: Desk) -> None:
    desk.has(name="secretive", is_private=True)
    for user in (desk.post.ada, desk.grace):
        assert "secretive" in desk.command("list", user=user)
        assert "secretive" in desk.command("status secretiv", user=user)
        assert TOKEN in str(desk.dispatch(desk.command_body("open secretive", user=user)))


def test_what_was_launched_where_nothing_is_known_is_private(desk: Desk) -> None:
    desk.has(name="secretive", is_private=None)
    linus = desk.post.workspace.state.person("linus").id
    assert "secretive" not in desk.command("list", user=linus)
    assert "can't find" in desk.command("status secretive", user=linus)


def test_in_a_private_thread_of_somebody_else_ones_own_binder_is_not_meant(desk: Desk) -> None:
    desk.has(name="theirs", is_private=True, thread_channel=desk.post.channel("general"), thread_ts="77.7")
    linus = desk.post.workspace.state.person("linus").id
    mine = desk.has(id="mine1234", name="mine", owner=linus)
    said = desk.told("linus", lambda: desk.mention("stop", user=linus, thread_ts="77.7"))
    assert "I can't find this binder." in said
    assert desk.all()[-1].target == mine.target


def test_a_private_binders_name_is_not_given_away_by_a_number(desk: Desk) -> None:
    desk.has(name="repo", is_private=True)
    assert desk.command(f"launch {REPO}", user=desk.grace) == ""
    assert sorted(each.name for each in desk.all()) == ["repo", "repo"]
    linus = desk.post.workspace.state.person("linus").id
    for user, owner in ((linus, desk.grace), (desk.grace, desk.grace), (desk.post.ada, desk.post.ada)):
        assert owner in str(desk.dispatch(desk.command_body("status repo", user=user)))


# --- where it was launched -------------------------------------------------------------------------------


def launched(desk: Desk) -> Binder:
    desk.wait(lambda: len(desk.all()) == 1)
    return desk.all()[0]


@pytest.mark.parametrize(("channel", "is_private"), [("general", False), ("lab", False), ("secret", True)])
def test_a_command_tells_whether_its_channel_is_private(desk: Desk, channel: str, is_private: bool) -> None:  # noqa: FBT001
    desk.command(f"launch {REPO}", channel=channel)
    assert launched(desk).is_private is is_private


def test_a_direct_message_is_private(desk: Desk) -> None:
    body = desk.command_body(f"launch {REPO}")
    state = desk.post.workspace.state
    body |= {"channel_id": state.im(desk.post.ada, state.bot.id).id, "channel_name": "directmessage"}
    desk.dispatch(body)
    assert launched(desk).is_private is True


@pytest.mark.parametrize(("channel", "is_private"), [("general", False), ("secret", True)])
def test_a_form_remembers_whether_it_was_opened_in_private(
    desk: Desk,
    channel: str,
    is_private: bool,  # noqa: FBT001
) -> None:
    desk.dispatch(desk.click_body(ids.FORM, None, where=channel))
    metadata = desk.metadata_of_form()
    desk.submit(metadata, repo="owner/repo")
    assert launched(desk).is_private is is_private
    assert json.loads(metadata)["channel"] == desk.post.channel(channel)


def test_a_button_of_the_home_tab_launches_in_private(desk: Desk) -> None:
    old = desk.has()
    body: dict[str, Any] = desk.click_body(ids.RETRY, old.id)
    body |= {"container": {"type": "view", "view_id": "V1"}, "view": {"type": "home"}}
    del body["channel"]
    desk.dispatch(body)
    with Person(desk.post.workspace.url, "ada") as person:
        person.wait_for(lambda seen: seen.home)  # which is shown anew when the launch is written
    assert [each.is_private for each in desk.all() if each.id != old.id] == [True]


@pytest.mark.parametrize(("channel", "is_private"), [("general", False), ("lab", False), ("secret", True)])
def test_a_mention_does_not_tell_so_slack_is_asked_with_the_card(
    desk: Desk,
    channel: str,
    is_private: bool,  # noqa: FBT001
) -> None:
    desk.mention(f"launch {REPO}", channel=channel)
    assert launched(desk).is_private is None
    desk.post.drain()
    assert launched(desk).is_private is is_private


def test_where_slack_does_not_answer_it_is_asked_again_with_the_next_edit(desk: Desk) -> None:
    desk.mention(f"launch {REPO}")
    row = launched(desk)
    desk.post.workspace.fail_next("conversations.info", "drop_before")
    desk.post.drain()
    assert launched(desk).is_private is None
    desk.command("extend 1h")
    desk.post.wait(60)
    assert desk.post.row(row.id).is_private is False


@pytest.mark.parametrize(
    "code", ["accesslimited", "access_denied", "org_login_required", "team_added_to_org"]
)
def test_a_refusal_that_passes_is_no_answer_and_slack_is_asked_again(desk: Desk, code: str) -> None:
    desk.mention(f"launch {REPO}")
    row = launched(desk)
    with refusing(desk, code):
        desk.post.drain()
    assert launched(desk).is_private is None
    assert desk.post.row(row.id).thread_ts
    desk.command("extend 1h")
    desk.post.wait(60)
    assert desk.post.row(row.id).is_private is False


@pytest.mark.parametrize("code", ["channel_not_found", "missing_scope"])
def test_a_channel_that_the_bot_may_not_look_at_is_private_and_asked_about_once(
    desk: Desk, code: str
) -> None:
    desk.mention(f"launch {REPO}")
    row = launched(desk)
    with refusing(desk, code):
        desk.post.drain()
    desk.command("extend 1h")
    desk.post.wait(60)
    assert desk.post.row(row.id).is_private is True


@contextmanager
def refusing(desk: Desk, code: str) -> Iterator[None]:
    """Let Slack refuse to tell about channels, for this reason."""
    api = desk.post.workspace.api
    call = api.call

    def refused(method: str, token: str, given: Json) -> Json:
        if method == "conversations.info":
            raise SlackError(code)
        return call(method, token, given)

    api.call = refused  # type: ignore[method-assign]
    try:
        yield
    finally:
        api.call = call  # type: ignore[method-assign]
