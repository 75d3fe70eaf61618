"""Every way to a launch keeps to who may launch, and to what may be launched."""

import json
from datetime import UTC
from typing import Any

import pytest

from bot.policy.people import Denial, Standing
from handlers import ids
from handlers.messages.candidates import Candidate
from handlers.messages.policy_text import DENIALS
from handlers.slack.clients import OneWorkspace
from handlers.slack.profiles import Membership, Profiles, member
from storage import policies, shares
from storage.class_models import SchoolClass
from tests.unit.handlers.conftest import Post
from tests.unit.handlers.listeners.conftest import REPO, Desk, bolt
from workspace.hands import Person

ADA_MAY_NOT: dict[str, dict[str, Any]] = {
    "guest": {"membership_of": lambda *_: Membership(Standing.GUEST)},
    "stranger": {"membership_of": lambda *_: Membership(Standing.STRANGER, "T9")},
    "unknown": {"membership_of": lambda *_: Membership(Standing.UNKNOWN)},
    "not named": {"launch_for": "U99"},
    "elsewhere": {"launch_for": "T99"},
    "not allowed": {"allowed_repositories": "github.com/others"},
    "banned": {"banned_repositories": "github.com/owner/*"},
}
WORDS = (*DENIALS.values(), "may not be launched here")


def typed(desk: Desk) -> str:
    return desk.command(f"launch {REPO}")


def mentioned(desk: Desk) -> str:
    return desk.told("ada", lambda: desk.mention(f"launch {REPO}"))


def said_directly(desk: Desk) -> str:
    with Person(desk.post.workspace.url, "ada") as person:
        before = len(person.look().messages("dm"))
        event = {"type": "message", "channel_type": "im", "text": f"launch {REPO}", "ts": "1.7"}
        channel = desk.post.workspace.state.im(desk.post.ada, desk.post.workspace.state.bot.id).id
        desk.event(event | {"user": desk.post.ada, "channel": channel})
        return str(person.wait_for(lambda seen: seen.messages("dm")[before:]))


def sent_form(desk: Desk) -> str:
    return json.dumps(desk.submit(repo=REPO))


def launched_again(desk: Desk) -> str:
    row = desk.has(url=REPO)
    return desk.told("ada", lambda: desk.click(ids.RETRY, row.id))


def launched_again_without_conda(desk: Desk) -> str:
    row = desk.has(url=REPO)
    return desk.told("ada", lambda: desk.click(ids.RETRY_WITHOUT_CONDA, row.id))


def pressed_launch_under_a_link(desk: Desk) -> str:
    return desk.told("ada", lambda: desk.click(ids.LAUNCH_THIS, REPO))


def chose_what_was_typed(desk: Desk) -> str:
    value = Candidate(f"launch {REPO}", "").as_value()
    return desk.told("ada", lambda: desk.click(f"{ids.CANDIDATE_PREFIX}0", value))


def started_a_class(desk: Desk) -> str:
    return desk.command(f"class {REPO} --seats 2 --for 1h")


WAYS = [
    typed,
    mentioned,
    said_directly,
    sent_form,
    launched_again,
    launched_again_without_conda,
    pressed_launch_under_a_link,
    chose_what_was_typed,
    started_a_class,
]


@pytest.mark.parametrize("reason", ADA_MAY_NOT)
def test_no_way_leads_around_the_policy(post: Post, reason: str) -> None:
    launched = {}
    for way in WAYS:
        desk = Desk(post, bolt(post, lambda: None, class_for="everybody", **ADA_MAY_NOT[reason]), [])
        before = {each.id for each in desk.all()}
        said = way(desk)
        known = {each.id for each in desk.all() if each.request_key.startswith("has")}
        if {each.id for each in desk.all()} - before - known or not any(each in said for each in WORDS):
            launched[way.__name__] = said
    assert launched == {}
    with post.store.read() as session:
        assert session.query(SchoolClass).count() == 0


def test_the_form_does_not_open_for_who_may_not_launch(post: Post) -> None:
    desk = Desk(post, bolt(post, lambda: None, launch_for="U99", ask_for_permission="#help"), [])
    said = desk.told("ada", lambda: desk.click(ids.FORM, ""))
    assert DENIALS[Denial.NOT_NAMED] in said
    assert "Ask #help." in said


def test_admins_may_always(post: Post) -> None:
    refused = {"membership_of": lambda *_: Membership(Standing.GUEST), "launch_for": "T99"}
    desk = Desk(post, bolt(post, lambda: None, admins=post.ada, **refused), [])
    assert desk.command(f"launch {REPO}") == ""


def test_who_may_is_launched_for(post: Post) -> None:
    desk = Desk(post, bolt(post, lambda: None, launch_for=post.ada, allowed_repositories=REPO), [])
    assert desk.command(f"launch {REPO}") == ""
    assert len(desk.all()) == 1


def test_slack_tells_who_is_a_guest_and_who_is_of_another_organisation(post: Post) -> None:
    state = post.workspace.state
    profiles = Profiles(OneWorkspace(post.client), UTC)
    desk = Desk(post, bolt(post, lambda: None, profiles=profiles), [])
    grace, linus = desk.grace, state.person("linus").id
    state.set_membership("grace", is_guest=True)
    state.set_membership("linus", home="T0ELSEWHERE")
    for user in (grace, linus):
        assert "Guests and people of other organisations" in desk.command(f"launch {REPO}", user)
    assert desk.command(f"launch {REPO}") == ""
    workspaces = frozenset({state.team_id})
    assert profiles.membership_of(post.team, linus, workspaces) == Membership(
        Standing.STRANGER, "T0ELSEWHERE"
    )
    assert profiles.membership_of(post.team, grace, workspaces) == Membership(Standing.GUEST)
    assert profiles.membership_of(post.team, "U0NEW", workspaces) == Membership(Standing.UNKNOWN)


def test_a_stranger_stays_one_whatever_workspace_a_payload_names(post: Post) -> None:
    state = post.workspace.state
    state.set_membership("linus", home="T0ELSEWHERE")
    desk = Desk(post, bolt(post, lambda: None, profiles=Profiles(OneWorkspace(post.client), UTC)), [])
    linus = state.person("linus").id
    body = desk.click_body(ids.LAUNCH_THIS, REPO, linus)
    body["team"] = {"id": "T0ELSEWHERE"}
    assert "other organisations" in desk.told("linus", lambda: desk.dispatch(body))
    assert desk.all() == []


def test_a_guest_opens_what_is_shared_with_them_but_launches_nothing(post: Post) -> None:
    linus = post.workspace.state.person("linus").id

    def membership_of(team_id: str, user: str, workspaces: frozenset[str]) -> Membership:
        return Membership(Standing.GUEST) if user == linus else member(team_id, user, workspaces)

    desk = Desk(post, bolt(post, lambda: None, membership_of=membership_of), [])
    row = desk.has(is_private=False)
    assert "can't find" in desk.command("status demo", linus)
    desk.share(row, "linus")
    assert "can't find" not in desk.command("status demo", linus)
    assert "Guests" in desk.told("linus", lambda: desk.click(ids.RETRY, row.id, linus))


def test_a_group_that_is_named_lets_its_members_launch_once_slack_has_told_them(post: Post) -> None:
    desk = Desk(post, bolt(post, lambda: None, launch_for="S1"), [])
    with post.store.write() as session:
        shares.name_groups(session, {"S1"})
    assert DENIALS[Denial.UNKNOWN] in desk.command(f"launch {REPO}")
    with post.store.write() as session:
        shares.claim_audiences(session, older_than=1, limit=9)
        shares.set_members(session, "S1", {post.ada})
    assert desk.command(f"launch {REPO}") == ""
    assert "aren't allowed" in desk.command(f"launch {REPO}", desk.grace)


def test_what_an_admin_bans_is_refused_from_then_on_with_the_reason(post: Post) -> None:
    desk = Desk(post, bolt(post, lambda: None), [])
    with post.store.write() as session:
        policies.ban(session, "github.com/owner", post.ada, "it mines coins")
    said = desk.command(f"launch {REPO}")
    assert "may not be launched here: it mines coins" in said
    assert "Ask the people who run this bot." in said
    with post.store.write() as session:
        policies.allow(session, "github.com/owner/repo", post.ada)
    assert desk.command(f"launch {REPO}") == ""


def test_a_guest_gets_a_seat_only_where_they_were_named(post: Post) -> None:
    linus = post.workspace.state.person("linus").id

    def membership_of(team_id: str, user: str, workspaces: frozenset[str]) -> Membership:
        return Membership(Standing.GUEST) if user == linus else member(team_id, user, workspaces)

    desk = Desk(post, bolt(post, lambda: None, membership_of=membership_of, class_for="everybody"), [])
    assert desk.command(f"class {REPO} --seats 2 --for 1h --name open") == ""
    assert desk.command(f"class {REPO} <@{linus}> --for 1h --name named") == ""
    assert "can't find a class" in desk.command("class join open", linus)
    assert "can't find a class" not in desk.command("class join named", linus)
