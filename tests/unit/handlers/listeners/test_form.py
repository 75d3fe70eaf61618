"""The form: everything that a command can, and the other way round; and what it says while it is open."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from slack_bolt import App

import handlers
from bot.access.rights import Reader
from bot.errors import RefNotFound, RepositoryNotFound
from bot.lookups import Lookups
from bot.repositories.launch_text import OPTIONS, parse_repo
from bot.repositories.preview import Preview
from bot.repositories.spec import RepoSpec
from handlers import ids
from handlers.messages import forms, share_fields
from handlers.messages.forms import OTHER_OPTIONS, TYPED_OPTIONS, FormFacts, Origin, launch_form, ref_options
from handlers.requests import slow_facts
from handlers.requests.slow_facts import SlowFacts
from storage import shares
from tests.unit.handlers.listeners.conftest import REPO, SIZES, Desk, context_of, modal
from workspace.hands import Person, plain


def test_the_fields_of_the_form_are_the_options_of_the_command() -> None:
    stands_for = [*TYPED_OPTIONS.values(), *OTHER_OPTIONS.values()]
    assert set(stands_for) == {f"--{each}" for each in OPTIONS} | {"--share", "--manage"}
    fields = {each["block_id"] for each in launch_form(FormFacts(SIZES), Origin("C1"))["blocks"][:-1]}
    assert fields == {forms.REPOSITORY, *TYPED_OPTIONS, *OTHER_OPTIONS}


@pytest.mark.parametrize(
    "pasted",
    [
        '"/binder launch owner/repo dev"',
        "`/binder launch owner/repo dev`",
        "```/binder launch owner/repo dev```",
        "“launch owner/repo dev”",
        "> /binder launch owner/repo dev",
        "please /binder launch owner/repo dev",
    ],
)
def test_a_quoted_command_can_be_pasted(desk: Desk, pasted: str) -> None:
    assert desk.submit(repo=pasted) == {}
    assert [(row.url, row.ref) for row in desk.all()] == [(REPO, "dev")]


def shared_with(desk: Desk) -> dict[str, bool]:
    [row] = desk.all()
    with desk.post.store.read() as session:
        return {each.subject: each.manages for each in shares.of(session, row.id)}


@pytest.mark.parametrize(
    ("option", "manages"),
    [
        ("--share {people}", False),
        ("--share {people} --manage", True),
        ("--manage --share {people} --size large", True),
        ("—share {people}", False),
        ("--share={people} dev", False),
        ("--share-with {people}", False),
    ],
)
def test_a_launch_is_shared_with_whom_its_command_names(
    desk: Desk,
    option: str,
    manages: bool,  # noqa: FBT001
) -> None:
    people = f"<@{desk.grace}|grace> <#C123|lab>, <!subteam^S123|@analysts>"
    assert desk.command(f"launch {REPO} {option.format(people=people)}") == ""
    assert shared_with(desk) == dict.fromkeys([desk.grace, "C123", "S123"], manages)


def test_a_mention_shares_what_it_launches(desk: Desk) -> None:
    desk.mention(f"launch <{REPO}> --share <@{desk.grace}>")
    desk.wait(lambda: len(desk.all()) == 1)
    assert shared_with(desk) == {desk.grace: False}
    desk.mention(f"launch <{REPO}> dev <@{desk.grace}>")  # she is only told
    desk.wait(lambda: len(desk.all()) == 2)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--share", "With whom?"),
        ("--share @grace", "Slack does not know “@grace”."),
        ("--share dev", "With whom?"),
    ],
)
def test_a_launch_that_is_shared_with_nobody_says_so(desk: Desk, typed: str, said: str) -> None:
    assert said in desk.command(f"launch {REPO} {typed}")
    assert desk.all() == []


def test_who_is_shared_with_at_the_launch_is_told_once(desk: Desk) -> None:
    body = desk.command_body(f"launch {REPO} --share <@{desk.grace}>")
    for _ in range(2):
        desk.dispatch(dict(body))
    desk.post.drain()
    with Person(desk.post.workspace.url, "grace") as grace:
        assert ["shared *repo* with you" in plain(each) for each in grace.look().messages("dm")] == [True]


# --- while it is open ------------------------------------------------------------------------------------


def at_once(work: Callable[..., Any], *args: Any) -> "Future[Any]":
    done: Future[Any] = Future()
    done.set_result(work(*args))
    return done


def with_facts(desk: Desk, find: Callable[[RepoSpec], Preview | None]) -> App:
    """An app that finds things out at once."""
    slow = SlowFacts(
        at_once,
        Lookups(lambda asked: find(asked[0]), at_once, fresh_seconds=60),
        Lookups(lambda _: {"small": 0, "large": 2}, at_once, fresh_seconds=60),
        Lookups(lambda _: {"S123": "analysts"}, at_once, fresh_seconds=60),
    )
    app = App(client=desk.post.client)
    handlers.register(app, replace(context_of(desk.post, cost_unit="SU"), slow=slow))
    return app


MISSING = RepositoryNotFound("There is no such repository.", hint="Is it private?")
NO_REF = RefNotFound("It has no branch “dev”.", hint="There is “main”.")


def found(spec: RepoSpec) -> Preview | None:
    if spec.url.endswith("silent"):
        return None
    if spec.url.endswith("missing"):
        return Preview(MISSING)
    return Preview(NO_REF if spec.ref == "dev" else None, ("main", "v1.0", "v2.0"), "main")


@pytest.fixture
def open_form(desk: Desk) -> Desk:
    desk.app = with_facts(desk, found)
    desk.command("launch")
    modal(desk)
    return desk


def change(desk: Desk, **values: str) -> dict[str, Any]:
    """Type into the form, and see it once it was looked at."""
    view = modal(desk)
    state = {name: {"x": {"value": each}} for name, each in values.items()}
    body = desk.click_body(ids.REPOSITORY, None)
    body |= {"view": {**view, "state": {"values": state}}, "container": {"type": "view"}}
    desk.dispatch(body)
    desk.wait(lambda: modal(desk)["hash"] != view["hash"])
    return modal(desk)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"repo": "owner/repo"}, "This can be launched: 3 branches and tags, default branch `main`."),
        ({"repo": "owner/missing"}, "There is no such repository. Is it private?"),
        ({"repo": "owner/repo", "ref": "dev"}, "It has no branch “dev”. There is “main”."),
        ({"repo": "no repository"}, "“no” is not a repository"),
    ],
)
def test_it_says_what_is_found_while_it_is_open(open_form: Desk, values: dict[str, str], said: str) -> None:
    assert said in plain(change(open_form, **values))


def test_it_says_nothing_where_nothing_is_known(open_form: Desk) -> None:
    shown = change(open_form, repo="owner/silent")
    assert forms.FOUND not in {each["block_id"] for each in shown["blocks"]}


@pytest.mark.parametrize(
    ("values", "field"),
    [({"repo": "owner/missing"}, "repo"), ({"repo": "owner/repo", "ref": "dev"}, "ref")],
)
def test_what_is_known_not_to_work_is_said_at_its_field_when_it_is_sent(
    open_form: Desk, values: dict[str, str], field: str
) -> None:
    assert list(open_form.submit(**values)["errors"]) == [field]
    assert open_form.all() == []


def test_what_nobody_could_look_at_is_launched(open_form: Desk) -> None:
    assert open_form.submit(repo="owner/silent") == {}
    assert len(open_form.all()) == 1


def test_sizes_say_their_price_and_what_is_free(open_form: Desk) -> None:
    sizes = next(each for each in modal(open_form)["blocks"] if each["block_id"] == forms.SIZE)
    said = {each["value"]: each["description"]["text"] for each in sizes["element"]["options"]}
    assert said == {"small": "no room now: a launch waits", "large": "room for 2 more now"}


def suggestions(desk: Desk, action_id: str, typed: str, view: dict[str, Any]) -> list[str]:
    asked = {"type": "block_suggestion", "action_id": action_id, "block_id": "x", "value": typed}
    answer = desk.dispatch(asked | desk.identity(None) | {"view": view})
    return [each["text"]["text"] for each in answer["options"]]


def test_branches_tags_and_groups_are_suggested(open_form: Desk) -> None:
    view = change(open_form, repo="owner/repo")
    assert suggestions(open_form, ids.REFS, "", view) == ["main", "v1.0", "v2.0"]
    assert suggestions(open_form, ids.REFS, "v2", view) == ["v2.0", "v2"]
    assert suggestions(open_form, ids.GROUPS, "@ana", view) == ["@analysts"]
    assert suggestions(open_form, ids.GROUPS, "xyz", view) == []


@pytest.mark.parametrize(
    ("typed", "refs", "options"),
    [
        ("", ["main"], ["main"]),
        ("a1b2c3", ["main"], ["a1b2c3"]),
        ("main", ["main", "maintenance"], ["main", "maintenance"]),
        ("1.0", ["v1.0", "1.0.1"], ["1.0.1", "v1.0", "1.0"]),
        ("x" * 200, ["main"], []),
    ],
)
def test_what_is_typed_can_always_be_chosen_where_slack_takes_it(
    typed: str, refs: list[str], options: list[str]
) -> None:
    assert [each["value"] for each in ref_options(typed, refs)] == options


def test_the_global_shortcut_opens_it_for_a_direct_message(desk: Desk) -> None:
    trigger = desk.post.workspace.state.issue_trigger(desk.post.ada)
    body = {"type": "shortcut", "callback_id": ids.LAUNCH_ANYWHERE, "trigger_id": trigger}
    desk.dispatch(body | desk.identity(None))
    assert "direct messages" in plain(modal(desk))
    assert desk.submit(desk.metadata_of_form(), repo="owner/repo") == {}
    assert [(row.channel, row.is_private) for row in desk.all()] == [(desk.post.ada, True)]


def test_a_form_that_is_sent_shares_with_people_channels_and_groups() -> None:
    chosen: dict[str, Any] = {
        share_fields.USERS: {"chosen": {"selected_users": ["U1", "<!here>"]}},
        share_fields.CHANNELS: {"chosen": {"selected_conversations": ["C1"]}},
        share_fields.GROUPS: {ids.GROUPS: {"selected_options": [{"value": "S1"}]}},
    }
    read = share_fields.read_shares(chosen)
    assert [read[each] for each in chosen] == [["U1"], ["C1"], ["S1"]]


def test_two_forms_wait_for_a_look_and_all_others_are_launched_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slow_facts, "WAIT_SECONDS", 10)  # longer than a busy machine takes for this
    may_go, asked = Event(), (parse_repo("owner/repo"), Reader("T1", "U1"))
    found_later = Preview()

    def slow(_: tuple[RepoSpec, Reader]) -> Preview | None:
        assert may_go.wait(10)
        return found_later

    with ThreadPoolExecutor(4) as pool:
        nothing = SlowFacts.nothing()
        looks = Lookups(slow, pool.submit, fresh_seconds=60)
        facts = SlowFacts(pool.submit, looks, nothing.free, nothing.groups)
        waiting = [pool.submit(facts.preview, *asked) for _ in range(2)]
        while facts._waiting.acquire(blocking=False):  # until both wait
            facts._waiting.release()
        assert facts.preview(*asked) is None
        may_go.set()
        assert [each.result(10) for each in waiting] == [found_later] * 2
    assert facts.preview(*asked) == found_later
