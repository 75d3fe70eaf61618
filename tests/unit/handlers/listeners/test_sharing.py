"""Sharing: who gets access, who is told, and what the owner hears of it."""

from typing import Any

import pytest

from handlers import ids
from handlers.slack.audiences import Audiences
from handlers.slack.calls import SlackCalls, default_rate_limits
from handlers.slack.clients import OneWorkspace
from storage import shares
from storage.models import Binder, OutboxMessage
from storage.vocabulary import MessageKind, Status, Target
from tests.unit.handlers.conftest import TOKEN
from tests.unit.handlers.listeners.conftest import Desk, bolt, modal
from workspace.hands import Person
from workspace.hands import plain as plain_with_stars
from workspace.options import ALL_SCOPES


@pytest.fixture
def audiences(desk: Desk) -> Audiences:
    calls = SlackCalls(default_rate_limits(lambda: desk.post.clock[0]))
    return Audiences(desk.post.store, OneWorkspace(desk.post.client), calls)


def plain(message: dict[str, Any]) -> str:
    return plain_with_stars(message).replace("*", "")


def linus(desk: Desk) -> str:
    return desk.post.workspace.state.person("linus").id


def private(desk: Desk, **changes: Any) -> Binder:
    """Ada's binder, launched in a private channel, with its thread."""
    row = desk.has(**{"name": "demo", "is_private": True, "channel": desk.post.channel("secret")} | changes)
    desk.post.workspace.state.channel_for(desk.post.ada, "secret").members.add(
        desk.post.workspace.state.bot.id
    )
    desk.post.drain()
    return row


def links_of(desk: Desk, user: str) -> str:
    return str(desk.dispatch(desk.command_body("open demo", user=user)))


def told(desk: Desk, handle: str) -> list[str]:
    """What a person reads in their direct message with the bot."""
    with Person(desk.post.workspace.url, handle) as person:
        return [plain(each) for each in person.look().messages("dm")]


def in_thread(desk: Desk) -> str:
    return "\n".join(plain(each) for each in desk.post.messages("secret"))


def test_who_is_shared_with_gets_links_and_sees_it_and_a_stranger_does_not(desk: Desk) -> None:
    private(desk)
    said = desk.command(f"share demo <@{desk.grace}|grace>")
    assert f"demo* is shared with @{desk.grace}." in said
    assert f"token={TOKEN}" in links_of(desk, desk.grace)
    assert "shared with you" in desk.command("list", user=desk.grace)
    assert "demo" in desk.command("status", user=desk.grace)
    assert "Only they or an admin can tear it down." in desk.command("stop demo", user=desk.grace)
    for typed in ("open demo", "status demo", "logs demo", "stop demo", "list", "share demo <@U1>"):
        assert "can't find" in (said := desk.command(typed, user=linus(desk))) or "No binder" in said
    assert TOKEN not in links_of(desk, linus(desk))


def test_they_are_told_once_by_a_direct_message_with_a_button(desk: Desk) -> None:
    private(desk)
    for _ in range(2):
        desk.command(f"share demo <@{desk.grace}>")
    desk.post.drain()
    [message] = told(desk, "grace")
    assert f"@{desk.post.ada} shared demo with you. You can open it." in message
    assert "[Open]" in message
    assert TOKEN not in message
    assert told(desk, "linus") == []


def test_nobody_is_told_of_a_share_that_was_taken_back_before(desk: Desk) -> None:
    private(desk)
    desk.command(f"share demo <@{desk.grace}>")
    desk.command(f"unshare demo <@{desk.grace}>")
    desk.post.drain()
    assert told(desk, "grace") == []


def test_a_manager_extends_saves_and_stops_and_the_owner_reads_of_it(desk: Desk) -> None:
    private(desk)
    desk.command(f"share demo <@{desk.grace}> --manage")
    assert "stays until" in desk.command("extend demo 1h", user=desk.grace)
    assert "I am collecting" in desk.command("save demo", user=desk.grace)
    assert "is being torn down" in desk.command("stop demo", user=desk.grace)
    desk.post.wait(60)
    thread = in_thread(desk)
    assert f"@{desk.post.ada} @{desk.grace} extended demo." in thread
    assert f"@{desk.grace} is saving the changed files of demo." in thread


def test_the_owner_is_not_told_of_what_they_do_themselves(desk: Desk) -> None:
    private(desk)
    desk.command("extend demo 1h")
    with desk.post.store.read() as session:
        assert session.query(OutboxMessage).filter_by(kind=MessageKind.ACTED).count() == 0


def test_to_unshare_says_who_keeps_their_links(desk: Desk) -> None:
    private(desk)
    desk.command(f"share demo <@{desk.grace}> <@{linus(desk)}>")
    links_of(desk, desk.grace)
    said = desk.command(f"unshare demo <@{desk.grace}>")
    assert f"@{desk.grace} opened it before, so their links work until it ends." in said
    assert TOKEN not in links_of(desk, desk.grace)
    assert (
        "They never opened it" in desk.command(f"unshare demo <@{linus(desk)}>") or "opened it before" in said
    )


def test_who_never_opened_it_has_no_links(desk: Desk) -> None:
    private(desk)
    desk.command(f"share demo <@{desk.grace}>")
    assert "They never opened it, so they have no links to it." in desk.command(
        f"unshare demo <@{desk.grace}>"
    )
    assert "is not shared with them" in desk.command(f"unshare demo <@{desk.grace}>")


def test_a_channel_is_told_and_its_members_get_access_once_slack_named_them(
    desk: Desk, audiences: Audiences
) -> None:
    private(desk)
    lab = desk.post.channel("lab")
    desk.post.workspace.state.channels[lab].members.discard(desk.grace)
    assert "within minutes" in desk.command(f"share demo <#{lab}|lab>")
    assert TOKEN not in links_of(desk, linus(desk))
    audiences.refresh()
    assert TOKEN in links_of(desk, linus(desk))
    assert TOKEN not in links_of(desk, desk.grace)
    desk.post.drain()
    assert "shared demo with this channel. Everybody in it can open it." in plain(
        desk.post.messages("lab")[-1]
    )


def test_who_leaves_the_channel_loses_access_when_slack_is_asked_next(
    desk: Desk, audiences: Audiences
) -> None:
    private(desk)
    lab = desk.post.channel("lab")
    desk.command(f"share demo <#{lab}|lab>")
    audiences.refresh()
    desk.post.workspace.state.channels[lab].members.discard(linus(desk))
    audiences.refresh()
    assert TOKEN in links_of(desk, linus(desk))
    desk.post.clock[0] += 301
    audiences.refresh()
    assert TOKEN not in links_of(desk, linus(desk))


def test_the_members_of_a_group_get_access_and_are_told_each(desk: Desk, audiences: Audiences) -> None:
    private(desk)
    [group] = desk.post.workspace.state.groups.values()
    desk.command(f"share demo <!subteam^{group.id}|@analysts>")
    audiences.refresh()
    assert TOKEN in links_of(desk, linus(desk))
    desk.post.drain()
    for handle in ("grace", "linus"):
        [message] = told(desk, handle)
        assert "shared demo with you" in message


@pytest.mark.parametrize("scopes", [ALL_SCOPES - {"groups:read"}])
def test_a_channel_into_which_the_bot_may_not_look_gives_nobody_access_and_that_is_said(
    desk: Desk, audiences: Audiences
) -> None:
    private(desk, channel=desk.post.channel("general"))
    secret = desk.post.channel("secret")
    desk.command(f"share demo <#{secret}|secret>")
    audiences.refresh()
    assert TOKEN not in links_of(desk, desk.grace)
    desk.post.wait(60)
    thread = "\n".join(plain(each) for each in desk.post.messages("general"))
    assert "I cannot see who is in one of the channels" in thread


@pytest.mark.parametrize("kind", ["ratelimited", "drop_before", "http_500"])
def test_when_slack_does_not_answer_members_keep_their_access_and_it_is_asked_again(
    desk: Desk, audiences: Audiences, kind: Any
) -> None:
    private(desk)
    desk.command(f"share demo <#{desk.post.channel('lab')}|lab>")
    audiences.refresh()
    desk.post.clock[0] += 301
    desk.post.workspace.fail_next("conversations.members", kind)
    audiences.refresh()
    assert TOKEN in links_of(desk, linus(desk))
    with desk.post.store.write() as session:
        assert len(shares.claim_audiences(session, older_than=300)) == 1


def test_a_mention_shares_with_those_whom_it_names(desk: Desk) -> None:
    private(desk, thread_channel=None)
    said = desk.told("ada", lambda: desk.mention(f"share demo with <@{desk.grace}>"))
    assert f"demo* is shared with @{desk.grace}" in said
    assert TOKEN in links_of(desk, desk.grace)


def test_other_commands_ignore_who_else_is_mentioned(desk: Desk) -> None:
    desk.has(name="demo")
    assert "demo" in desk.told("ada", lambda: desk.mention(f"status demo <@{desk.grace}>"))


def test_the_form_shows_who_has_access_and_changes_it(desk: Desk) -> None:
    row = private(desk)
    desk.command(f"share demo <@{desk.grace}>")
    desk.click(ids.SHARE, row.id)
    view = modal(desk)
    assert view["private_metadata"] == row.id
    assert desk.grace in str(view["blocks"])
    assert desk.send_share_form(row.id, users=[], managers=[linus(desk)], channels=[]) == {}
    with desk.post.store.read() as session:
        assert [(each.subject, each.manages) for each in shares.of(session, row.id)] == [(linus(desk), True)]


def test_the_form_leaves_the_rights_of_groups_and_channels_alone(desk: Desk) -> None:
    row = private(desk)
    [group] = desk.post.workspace.state.groups
    lab = desk.post.channel("lab")
    desk.command(f"share demo <!subteam^{group}> <#{lab}|lab> --manage")
    for groups in ([group], []):
        desk.send_share_form(row.id, users=[desk.grace], managers=[], channels=[lab], groups=groups)
        with desk.post.store.read() as session:
            found = {each.subject: each.manages for each in shares.of(session, row.id)}
        assert found == {desk.grace: False} | dict.fromkeys([lab, *groups], True)


def test_a_binder_is_shared_with_a_limited_number(desk: Desk) -> None:
    private(desk)
    many = " ".join(f"<@U{number:09}>" for number in range(101))
    assert "cannot be shared with more than 100" in desk.command(f"share demo {many}")
    assert "shared with nobody" in desk.command(f"share demo <@{desk.post.ada}>")


def test_without_a_name_somebody_who_has_none_means_the_one_that_is_shared_with_them(desk: Desk) -> None:
    private(desk)
    desk.command(f"share demo <@{desk.grace}>")
    assert TOKEN in str(desk.dispatch(desk.command_body("open", user=desk.grace)))
    desk.has(id="own12345", name="own", owner=desk.grace, status=Status.BUILDING, ready_at=None)
    assert "own is starting its server" in desk.command("open", user=desk.grace)


def test_who_manages_may_not_share_it_on(desk: Desk) -> None:
    row = private(desk)
    desk.share(row, "grace", manages=True)
    assert "Only they or an admin can share it." in desk.command(
        f"share demo <@{linus(desk)}>", user=desk.grace
    )
    assert row.target == Target.READY


def test_people_of_another_workspace_get_nothing_by_a_share(desk: Desk) -> None:
    row = desk.has(team_id="T-other", is_private=True)
    desk.share(row, "grace")
    assert "can't find" in desk.command(f"open {row.id}", user=desk.grace)
    desk.app = bolt(desk.post, lambda: None)
    assert "No binder" in desk.command("list", user=desk.grace)


def test_the_status_shows_the_buttons_that_its_reader_may_press(desk: Desk) -> None:
    row = private(desk)
    desk.share(row, "grace")
    assert "[Open]  [… Show log, Launch link, Launch again]" in desk.command("status demo", user=desk.grace)
    desk.share(row, "grace", manages=True)
    managed = "[Open]  [Tear down]  [… Keep 2 h, Save my work, Show log, Launch link, More…]"
    assert managed in desk.command("status demo", user=desk.grace)
    owned = "[Open]  [Tear down]  [… Share, Keep 2 h, Save my work, Show log, More…]"
    assert owned in desk.command("status demo")


def test_share_without_people_opens_the_form(desk: Desk) -> None:
    row = private(desk)
    assert desk.command("share demo") == ""
    assert modal(desk)["private_metadata"] == row.id


def test_the_owner_reads_that_an_admin_shared_it(desk: Desk) -> None:
    private(desk)
    desk.app = bolt(desk.post, lambda: None, admins=desk.grace)
    assert "is shared with" in desk.command(f"share demo <@{linus(desk)}>", user=desk.grace)
    desk.post.wait(60)
    assert f"@{desk.post.ada} @{desk.grace} changed who can open demo." in in_thread(desk)
