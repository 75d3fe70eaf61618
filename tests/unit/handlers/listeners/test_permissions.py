"""Every way in keeps to the table of permissions, and nobody sees what was launched in private by others."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from typing import Any

import pytest

import handlers
from bot.policy.people import Standing
from handlers import ids
from handlers.listeners.buttons import BUTTONS
from handlers.listeners.class_buttons import CLASS_BUTTONS
from handlers.messages import share_fields
from handlers.messages.approval_text import REASON
from handlers.messages.buttons import Offers, more_buttons
from handlers.messages.candidates import Candidate
from handlers.requests.subcommands import BY_NAME, SUBCOMMANDS, Subcommand
from handlers.rules import RULES, Action, Role, State, is_possible, state_of
from handlers.slack.profiles import Membership
from storage import shares
from storage.models import Binder
from storage.vocabulary import Ending, Status, Target, WaitsFor
from tests.unit.handlers.conftest import TOKEN, Post, binder
from tests.unit.handlers.listeners.conftest import ADMIN_BUTTONS, REPO, Desk, bolt
from tests.unit.handlers.test_manifest import Recorder
from workspace.hands import plain
from workspace.state import Json, SlackError

ABOUT_ONE = [each for each in SUBCOMMANDS if "[name]" in each.usage]
ACTORS = {Role.OWNER: "ada", Role.ADMIN: "grace"} | dict.fromkeys(
    set(Role) - {Role.OWNER, Role.ADMIN, Role.DECIDER}, "linus"
)
PRIVATE = {Role.OUTSIDER, Role.SHARED, Role.MANAGER}
"""The roles for whom the binder is private: who are shared with see it all the same."""
NOBODY = {Role.GUEST, Role.OUTSIDER}
"""The roles for whom a binder is not there."""
NOBODYS = "zzzzzzzz"


@pytest.fixture
def desk(post: Post) -> Desk:
    admin = post.workspace.state.person("grace").id
    app = bolt(post, lambda: None, can_shelve=True, admins=admin, max_binders_per_person=9999)
    return Desk(post, app, [])


def with_guest(post: Post) -> Desk:
    """A desk at which Linus is a guest."""
    state = post.workspace.state
    admin, linus = state.person("grace").id, state.person("linus").id

    def membership_of(_team_id: str, user: str, _workspaces: frozenset[str]) -> Membership:
        return Membership(Standing.GUEST if user == linus else Standing.MEMBER)

    app = bolt(
        post,
        lambda: None,
        can_shelve=True,
        admins=admin,
        max_binders_per_person=9999,
        membership_of=membership_of,
    )
    return Desk(post, app, [], guests=frozenset({linus}))


def words_of(desk: Desk, subcommand: Subcommand) -> str:
    """What is typed for a subcommand; where it needs a person, that is Grace."""
    return f"{subcommand.name} {subcommand.usage}".replace("@user", f"<@{desk.grace}>")


def by_command(desk: Desk, user: str) -> Iterator[tuple[Action, Callable[[str], str]]]:
    who = desk.post.workspace.state.person(user).id
    for each in ABOUT_ONE:
        words = words_of(desk, each)
        assert each.action is not None
        yield each.action, lambda name, words=words: desk.command(words.replace("[name]", name), user=who)  # type: ignore[misc] # bound early


def by_mention(desk: Desk, user: str) -> Iterator[tuple[Action, Callable[[str], str]]]:
    who = desk.post.workspace.state.person(user).id

    def ask(words: str) -> str:
        return desk.told(user, lambda: desk.mention(words, user=who))

    for each in ABOUT_ONE:
        words = words_of(desk, each)
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


def by_choice(desk: Desk, user: str) -> Iterator[tuple[Action, Callable[[str], str]]]:
    """The button of one of several binders, with a value that nobody was shown."""
    who = desk.post.workspace.state.person(user).id

    def press(words: str, binder_id: str) -> str:
        value = Candidate(words.replace("[name]", "demo"), binder_id).as_value()
        return desk.told(user, lambda: desk.click(f"{ids.CANDIDATE_PREFIX}0", value, user=who))

    for each in ABOUT_ONE:
        assert each.action is not None
        yield each.action, partial(press, words_of(desk, each))


def by_share_form(desk: Desk, user: str) -> Iterator[tuple[Action, Callable[[str], str]]]:
    """The button that opens it, and the form sent with the id of a binder that it was not opened for."""
    who = desk.post.workspace.state.person(user).id

    def press(binder_id: str) -> str:
        person = desk.person(user)
        first = person.look()
        before = len(first.ephemerals())
        desk.click(ids.SHARE, binder_id, user=who)
        seen = person.wait_for(
            lambda seen: seen if seen.modal or seen.ephemerals()[before:] else None, since=first.version
        )
        if seen.modal:
            person.close()
            return "opened"
        return "\n".join(plain(each) for each in seen.ephemerals()[before:])

    def send(binder_id: str) -> str:
        answer = desk.send_share_form(binder_id, users=[desk.grace], user=who)
        return str(answer.get("errors", {}).get(share_fields.USERS, "done"))

    def type_name(name: str) -> str:
        person = desk.person(user)
        answer = desk.command(f"share {name}", user=who)
        if answer:
            return answer
        seen = person.wait_for(lambda seen: seen if seen.modal or seen.ephemerals() else None)
        if seen.modal:
            person.close()
            return "opened"
        return "\n".join(plain(each) for each in seen.ephemerals())

    yield Action.SHARE, press
    yield Action.SHARE, send
    yield Action.SHARE, type_name


def by_denial(desk: Desk, user: str) -> Iterator[tuple[Action, Callable[[str], str]]]:
    """*Deny*, and its form sent with the id of a binder that it was not opened for."""
    who = desk.post.workspace.state.person(user).id

    def press(binder_id: str) -> str:
        person = desk.person(user)
        before = len(person.look().ephemerals())
        desk.click(ids.DENY, binder_id, user=who)
        seen = person.wait_for(lambda seen: seen if seen.modal or seen.ephemerals()[before:] else None)
        if seen.modal:
            person.close()
            return "opened"
        return "\n".join(plain(each) for each in seen.ephemerals()[before:])

    def send(binder_id: str) -> str:
        answer = desk.send_denial(binder_id, who)
        return str(answer.get("errors", {}).get(REASON, "done"))

    yield Action.DENY, press
    yield Action.DENY, send


def by_home(desk: Desk, user: str) -> Iterator[tuple[Action, Callable[[str], str]]]:
    """The buttons of a home tab, where the answer comes as a direct message."""
    who = desk.post.workspace.state.person(user).id

    def press(action_id: str, binder_id: str) -> str:
        person = desk.person(user)
        first = person.look()
        before = len(first.messages("dm"))
        desk.dispatch(desk.home_click_body(action_id, binder_id, who))
        shown = person.wait_for(lambda seen: seen.messages("dm")[before:], since=first.version)
        return plain(shown[-1])

    for action_id in (ids.OPEN, ids.LOG, ids.STOP):
        yield BUTTONS[action_id].action, partial(press, action_id)


def by_menu(desk: Desk, user: str) -> Iterator[tuple[Action, Callable[[str], str]]]:
    """The menu of a message: its values can be forged, as those of buttons."""
    who = desk.post.workspace.state.person(user).id

    def choose(action_id: str, binder_id: str) -> str:
        return desk.told(user, lambda: desk.choose(f"{action_id}:{binder_id}", who))

    for action_id in (ids.LOG, ids.STOP):
        yield BUTTONS[action_id].action, partial(choose, action_id)


def by_more(desk: Desk, user: str) -> Iterator[tuple[Action, Callable[[str], str]]]:
    """The modal of *More…*, and the buttons in it, where the answer takes its place."""
    who = desk.post.workspace.state.person(user).id

    def look(binder_id: str) -> str:
        person = desk.person(user)
        before = len(person.look().ephemerals())
        desk.choose(f"{ids.MORE}:{binder_id}", who)
        seen = person.wait_for(lambda seen: seen if seen.modal or seen.ephemerals()[before:] else None)
        if seen.modal:
            person.close()
            return "opened"
        return plain(seen.ephemerals()[-1])

    yield Action.SEE, look


def again(desk: Desk, action_id: str, who: str, binder_id: str) -> str:
    before = count_of(desk)
    user = desk.post.workspace.state.person(who).name
    desk.click(action_id, binder_id, user=who)
    if binder_id == NOBODYS or not may_retry(desk, who, binder_id):
        return desk.answers(user, lambda shown: "can't find" in shown).splitlines()[-1]
    desk.wait(lambda: count_of(desk) == before + 1)
    return "launched"


def count_of(desk: Desk) -> int:
    """How many binders there are."""
    with desk.post.store.read() as session:
        return session.query(Binder).count()


def may_retry(desk: Desk, who: str, binder_id: str) -> bool:
    with desk.post.store.read() as session:
        row = session.get_one(Binder, binder_id)
        is_shared = bool(shares.rights(session, who, binder_id))
    is_here = row.team_id == desk.post.team
    is_there = not row.is_private and desk.is_member(who)
    return is_here and (is_there or is_shared or who in {row.owner, desk.grace})


STATES: dict[State, dict[str, Any]] = {
    State.ASKED: {"status": Status.REQUESTED, "ready_at": None, "waits_for": WaitsFor.APPROVAL},
    State.STARTING: {"status": Status.BUILDING, "ready_at": None},
    State.READY: {},
    State.SHELVED: {"status": Status.SHELVED, "target": Target.SHELVED},
    State.FAILED: {
        "status": Status.BUILDING,
        "target": Target.GONE,
        "ending": Ending.FAILED,
        "kept_until": 9e9,
    },
    State.ENDING: {"status": Status.DELETING, "target": Target.GONE, "ending": Ending.STOPPED},
    State.GONE: {"status": Status.GONE, "target": Target.GONE, "ending": Ending.STOPPED},
}


@pytest.mark.parametrize("role", sorted(ACTORS))
@pytest.mark.parametrize(
    "way",
    [by_command, by_mention, by_button, by_choice, by_share_form, by_denial, by_home, by_menu, by_more],
)
def test_every_way_in_keeps_to_the_table(
    desk: Desk, way: Callable[[Desk, str], Iterator[tuple[Action, Callable[[str], str]]]], role: Role
) -> None:
    if role == Role.GUEST:
        desk = with_guest(desk.post)
    cells = list(product(way(desk, ACTORS[role]), State))
    rows = desk.has_all([in_state(state, role, number, desk) for number, (_, state) in enumerate(cells)])
    if role in {Role.SHARED, Role.MANAGER}:
        desk.share_all(rows, "linus", manages=role == Role.MANAGER)
    of_nobodys: dict[Callable[[str], str], str] = {}
    """What is said of a binder that there is not, which has no state: it is asked once of each action."""
    wrong = {}
    for ((action, ask), state), row in zip(cells, rows, strict=True):
        forget_messages(desk)
        said = ask(row.id)
        if role in NOBODY:
            if ask not in of_nobodys:
                of_nobodys[ask] = ask(NOBODYS)
            is_right = said.replace(row.id, NOBODYS) == of_nobodys[ask]
        else:
            is_right = said_as_the_table_says(said, role, action, state)
        if not is_right:
            wrong[action, state] = said
    assert wrong == {}


def test_who_runs_the_bot_only_decides_about_launches_of_another_workspace(post: Post) -> None:
    admin = post.workspace.state.person("grace").id
    app = bolt(post, lambda: None, can_shelve=True, admins=admin, home_workspace=post.team)
    desk = Desk(post, app, [])
    asked = in_state(State.ASKED, Role.MEMBER, 0, desk) | {"team_id": "T0OTHER"}
    [row] = desk.has_all([asked])
    for _, ask in [*by_command(desk, "grace"), *by_mention(desk, "grace")]:
        assert "can't find" in ask(row.id)
    for action, ask in by_choice(desk, "grace"):
        assert f"or an admin can {action}." in ask(row.id)
    assert "or an admin can" in desk.told("grace", lambda: desk.click(ids.STOP, row.id, user=admin))
    said = desk.told("grace", lambda: desk.click(ids.APPROVE, row.id, user=admin))
    assert "can't find" not in said
    assert "an admin can" not in said


def test_an_admin_elsewhere_is_nobody_here(post: Post) -> None:
    admin = post.workspace.state.person("grace").id
    for named, is_admin in ((admin, False), (f"{post.team}/{admin}", True)):
        desk = Desk(post, bolt(post, lambda: None, admins=named, home_workspace="T0HOME"), [])
        said = desk.command("admin list", user=admin)
        assert ("Only the admins" not in said) == is_admin
        assert "Only the admins" in desk.command("admin drain", user=admin), "that is for all workspaces"


def in_state(state: State, role: Role, number: int, desk: Desk) -> dict[str, Any]:
    """What a binder is in that state that somebody of that role may ask for."""
    its_own = {"id": f"binder{number}", "name": f"binder{number}", "log": "x"}
    known = {"is_private": role in PRIVATE, "created_at": desk.post.clock[0] - 3600}
    return its_own | known | STATES[state]


def forget_messages(desk: Desk) -> None:
    """Empty the channel: to look at hundreds of old answers again and again takes long."""

    async def clear() -> None:
        desk.post.workspace.state.messages[desk.post.channel("general")].clear()

    desk.post.workspace.run(clear())


def said_as_the_table_says(said: str, role: Role, action: Action, state: State) -> bool:
    rule = RULES[action]
    if role not in rule.roles:
        return f"{'Only' if rule.is_for_admins else 'or'} an admin can {action}." in said
    if state not in rule.states:
        return rule.otherwise in said
    refusals = ["can't find", "or an admin can", *[rule.otherwise for _ in [1] if rule.otherwise]]
    return not any(refusal in said for refusal in refusals)


def test_every_action_has_its_rule_and_can_be_asked_for() -> None:
    asked = {each.action for each in SUBCOMMANDS} | set(ACTION_OF.values())
    assert set(RULES) == set(Action) == asked - {None}
    assert not any(NOBODY & rule.roles for rule in RULES.values())
    assert all({Role.OWNER, Role.ADMIN} <= rule.roles or rule.is_for_admins for rule in RULES.values())
    assert all(bool(rule.otherwise) == (rule.states != set(State)) for rule in RULES.values())
    assert BY_NAME["open"].action == Action.OPEN


def test_every_pair_of_status_and_target_is_in_a_state() -> None:
    seen = {state_of(Binder(status=status, target=target)) for status in Status for target in Target}
    assert seen == set(State) - {State.FAILED, State.ASKED}
    for state, changes in STATES.items():
        assert state_of(binder(**changes)) == state


ABOUT_NO_BINDER = {
    ("action", ids.FORM),
    ("action", ids.HOME_MINE),
    ("action", ids.HOME_PAGE.pattern),
    ("action", ids.LAUNCH_THIS),
    ("action", ids.LINK.pattern),
    ("action", ids.REFS),
    ("action", ids.REPOSITORY),
    ("command", ids.COMMAND),
    ("event", "app_home_opened"),
    ("event", "app_mention"),
    ("event", "app_uninstalled"),
    ("event", "link_shared"),
    ("event", "tokens_revoked"),
    ("options", ids.GROUPS),
    ("options", ids.REFS),
    ("shortcut", ids.LAUNCH_ANYWHERE),
    ("event", "message"),
    ("shortcut", ids.LAUNCH_MESSAGE),
    ("view", ids.LAUNCH_FORM),
}
"""Ways in that name no binder: they launch one, show a person's own, or lead to the subcommands."""


def test_every_way_in_that_the_app_listens_to_is_walked_here() -> None:
    """A new button, form, shortcut or event fails here, until it is held against the table above."""
    recorder = Recorder()
    handlers.register(recorder, handlers.Context(None, None, (), lambda: None))  # type: ignore[arg-type] # not used yet
    listened = {(kind, each) for kind, all_of in recorder.heard.items() for each in all_of}
    by_others = {("action", ids.SHARE), ("view", ids.SHARE_FORM), ("action", ids.CANDIDATE.pattern)}
    by_others |= {("action", ids.DENY), ("view", ids.DENY_FORM)}
    in_menu = {("action", ids.MENU)}
    of_classes = {("action", each) for each in CLASS_BUTTONS}  # held against their own table elsewhere
    of_binders = {("action", each) for each in BUTTONS}
    of_admins = {("action", each) for each in ADMIN_BUTTONS}  # likewise
    assert listened == ABOUT_NO_BINDER | by_others | in_menu | of_classes | of_binders | of_admins
    in_walks = {each.name for each in ABOUT_ONE}
    of_none = {"launch", "list", "class", "admin", "help"}
    ones_own = {"connect", "disconnect"}  # walked in test_connections.py
    assert {each.name for each in SUBCOMMANDS} - in_walks == of_none | ones_own


ACTION_OF = {ids.SHARE: Action.SHARE, ids.DENY: Action.DENY} | {
    each: operation.action for each, operation in BUTTONS.items()
}


@pytest.mark.parametrize("changes", STATES.values(), ids=STATES)
def test_the_buttons_of_a_card_are_those_that_are_possible(changes: dict[str, Any]) -> None:
    row = binder(**changes)
    offers = Offers(can_shelve=True, can_ask=True)
    shown = more_buttons(row, offers, allowed=set(Action))
    offered = {ACTION_OF[each.action_id] for each in shown if each.action_id}
    possible = {each for each in Action if is_possible(row, each)}
    if state_of(row) != State.READY:  # it would change nothing
        possible -= {Action.EXTEND}
    if row.ending != Ending.FAILED:
        possible -= {Action.ASK_FOR_HELP}
    assert offered == possible - {Action.SEE, Action.APPROVE, Action.DENY}  # the admins decide elsewhere


def test_the_site_may_let_everybody_read_logs(desk: Desk) -> None:
    linus = desk.post.workspace.state.person("linus").id
    desk.has(id="public12", name="public", log="what pip said")
    desk.has(name="secretive", is_private=True, log="secret log")
    assert "what pip said" not in desk.command("logs public", user=linus)
    desk.app = bolt(desk.post, lambda: None, logs_for="everybody")
    assert "what pip said" in desk.command("logs public", user=linus)
    assert "secret log" not in desk.command("logs secretive", user=linus)
    desk.has(id="byright2", name="by-right", log="what is in the repository", needs_right=True)
    assert "what is in the repository" not in desk.command("logs by-right", user=linus)


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
    desk.wait(lambda: len(desk.all()) == 2)
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
