"""Tokens that end, and workspaces that remove the bot, over real HTTP to Slack."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from slack_bolt import BoltRequest
from sqlalchemy import select

from handlers.installs.workspaces import EARLY_SECONDS, PAUSE_SECONDS
from handlers.outbox.delivery import Delivery
from handlers.slack.audiences import Audiences
from handlers.slack.calls import Rejected, SlackCalls, TooEarly, WorkspaceLost, default_rate_limits
from handlers.slack.history import messages_since
from storage import binders, draining, installations, shares
from storage.models import Binder, OutboxMessage
from storage.share_models import ShareKind
from storage.shares import Subject
from storage.vocabulary import MessageKind, OutboxState, Target
from tests.fakes.slack_front import ORGANISATION
from tests.fakes.waiting import eventually
from tests.unit.handlers.conftest import binder
from tests.unit.handlers.installs.conftest import HOME, HOURS, OTHER, Site, settings_of


@pytest.fixture
def both(site: Site) -> Site:
    for each in (HOME, OTHER):
        assert site.install(each)[0] == 200
    site.front.asked.clear()
    return site


def token(site: Site, team_id: str = HOME) -> str:
    return str(site.access.clients.of(team_id).token)


def refreshes(site: Site) -> int:
    return sum(method == "oauth.v2.access" for method, _ in site.front.asked)


def owed(site: Site, **wanted: Any) -> list[OutboxMessage]:
    with site.store.read() as session:
        return list(session.scalars(select(OutboxMessage).filter_by(**wanted).order_by(OutboxMessage.id)))


# --- tokens that end -------------------------------------------------------------------------------------


def test_a_token_is_refreshed_long_before_it_ends(both: Site, clock: list[float]) -> None:
    before = token(both)
    both.workspaces.tick()
    assert token(both) == before
    clock[0] += 12 * HOURS - EARLY_SECONDS
    both.workspaces.tick()
    assert token(both) != before
    assert both.access.clients.of(HOME).auth_test()["team_id"] == HOME
    assert refreshes(both) == 2, "one for each workspace"


def test_a_bot_that_was_off_for_a_day_refreshes_when_it_has_to(both: Site, clock: list[float]) -> None:
    clock[0] += 24 * HOURS
    assert both.access.clients.of(OTHER).auth_test()["team_id"] == OTHER


def test_threads_and_replicas_refresh_once_together(both: Site, clock: list[float]) -> None:
    clock[0] += 12 * HOURS - 60
    both.front.before = lambda: time.sleep(0.05)  # Slack takes a moment, in which all others come
    before = token(both)

    def use(_: int) -> str:
        both.workspaces.refresh(HOME)
        return token(both)

    with ThreadPoolExecutor(6) as pool:
        used = set(pool.map(use, range(6)))
    assert refreshes(both) == 1
    assert used <= {before, token(both)}, "the old one stays until the new one is written"


def test_a_slack_that_does_not_answer_is_asked_again_later(both: Site, clock: list[float]) -> None:
    clock[0] += 13 * HOURS
    both.front.down = True
    with pytest.raises(TooEarly):
        both.access.clients.of(HOME)
    both.front.down = False
    with pytest.raises(TooEarly):
        both.access.clients.of(HOME)
    clock[0] += PAUSE_SECONDS
    assert both.access.clients.of(HOME).auth_test()["team_id"] == HOME


def test_a_refused_refresh_means_that_the_workspace_is_lost(both: Site, clock: list[float]) -> None:
    clock[0] += 13 * HOURS
    both.front.refreshes.clear()
    with pytest.raises(WorkspaceLost, match="invalid_refresh_token"):
        both.access.clients.of(OTHER)
    assert both.is_there(HOME)


# --- lost workspaces -------------------------------------------------------------------------------------


def launch(site: Site, team_id: str) -> Binder:
    """A binder whose owner asked for it in the general channel of their workspace."""
    state = site.front.workspaces[team_id].state
    ada = state.person("ada").id
    row = binder(
        id=f"of{team_id.lower()}",
        request_key=team_id,
        team_id=team_id,
        owner=ada,
        channel=state.channel_for(ada, "general").id,
        created_at=site.store.now(),
    )
    with site.store.write() as session:
        return binders.add(session, row, wanted_name="demo").binder


def deliver(site: Site, delivery: Delivery) -> None:
    while delivery.deliver_due() is not None:
        pass


def delivery_of(site: Site) -> Delivery:
    home = site.front.workspaces[HOME].state
    channel = home.channel_for(home.person("ada").id, "general").id
    return Delivery(site.store, site.access.clients, site.calls(), admin_channel=channel)


def posted(site: Site, team_id: str) -> int:
    return sum(len(each) for each in site.front.workspaces[team_id].state.messages.values())


def test_each_binder_is_told_of_in_its_own_workspace(both: Site) -> None:
    rows = [launch(both, each) for each in (HOME, OTHER)]
    before = {each: posted(both, each) for each in (HOME, OTHER)}
    deliver(both, delivery_of(both))
    assert {each: posted(both, each) - count for each, count in before.items()} == {HOME: 1, OTHER: 1}
    with both.store.read() as session:
        assert all(session.get_one(Binder, each.id).thread_ts for each in rows)


def test_a_lost_workspace_waits_without_holding_up_others_and_comes_back(
    both: Site, clock: list[float]
) -> None:
    both.front.remove(OTHER)
    launch(both, OTHER)
    launch(both, HOME)
    delivery = delivery_of(both)
    deliver(both, delivery)
    assert not both.is_there(OTHER)
    assert delivery.refused is None, "the others are well"
    (alert,) = owed(both, kind=MessageKind.ALERT)
    assert alert.state == OutboxState.DONE
    assert "It has 1 running binder" in alert.facts["sentence"]
    asked = len(both.front.asked)
    for _ in range(3):
        clock[0] += 60
        deliver(both, delivery)
    assert len(both.front.asked) == asked, "nobody asks Slack for it again"
    assert both.install(OTHER)[0] == 200
    clock[0] += 60
    deliver(both, delivery)
    assert {each.state for each in owed(both)} == {OutboxState.DONE}


def test_binders_of_a_lost_workspace_end_after_the_grace_and_nothing_more_is_said(
    both: Site, clock: list[float]
) -> None:
    rows = {each: launch(both, each) for each in (HOME, OTHER)}
    both.front.remove(OTHER)
    both.workspaces.doubt(OTHER, "app_uninstalled")
    clock[0] += 23 * HOURS
    both.workspaces.tick()
    targets = {each: target_of(both, row) for each, row in rows.items()}
    assert targets == {HOME: Target.READY, OTHER: Target.READY}
    clock[0] += 1 * HOURS
    both.workspaces.tick()
    targets = {each: target_of(both, row) for each, row in rows.items()}
    assert targets == {HOME: Target.READY, OTHER: Target.GONE}
    deliver(both, delivery_of(both))
    assert {each.state for each in owed(both, binder_id=rows[OTHER].id)} == {OutboxState.DEAD}


def target_of(site: Site, row: Binder) -> Target:
    with site.store.read() as session:
        return session.get_one(Binder, row.id).target


def dispatch(site: Site, event: dict[str, Any], **identity: Any) -> int:
    body = {"type": "event_callback", "event_id": f"Ev{time.monotonic_ns()}", "event": event, **identity}
    return site.app.dispatch(BoltRequest(body=json.dumps(body), mode="socket_mode")).status


@pytest.mark.parametrize(
    ("event", "is_lost"),
    [
        ({"type": "app_uninstalled"}, True),
        ({"type": "tokens_revoked", "tokens": {"bot": ["U0BOT"]}}, True),
        ({"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}}, False),
    ],
)
def test_slacks_own_word_counts_at_once(both: Site, event: dict[str, Any], *, is_lost: bool) -> None:
    both.front.remove(OTHER)
    assert dispatch(both, event, team_id=OTHER) == 200
    eventually(lambda: both.is_there(OTHER) != is_lost, 10)
    assert both.is_there(HOME)


def test_word_of_an_older_end_takes_no_new_installation_away(both: Site) -> None:
    both.front.remove(OTHER)
    assert both.install(OTHER)[0] == 200
    both.workspaces.doubt(OTHER, "app_uninstalled")
    assert both.is_there(OTHER)


def test_other_refusals_lose_no_workspace(both: Site) -> None:
    client = both.access.clients.of(HOME)
    with pytest.raises(Rejected):
        both.calls().call(client.conversations_info, "C", 1, channel="C0NONE")
    assert both.is_there(HOME)


# --- requests --------------------------------------------------------------------------------------------


def command(site: Site, team_id: str, **identity: Any) -> str:
    body = {
        "command": "/binder",
        "text": "help",
        "team_id": team_id,
        "user_id": "U0ANY",
        "channel_id": "C1",
        "channel_name": "general",
        "trigger_id": f"{time.monotonic_ns()}",
        **identity,
    }
    return str(site.app.dispatch(BoltRequest(body=body, mode="socket_mode")).body)


def test_a_request_is_answered_without_a_call_to_slack_for_its_token(both: Site) -> None:
    assert "/binder launch" in command(both, OTHER)
    assert [each for each in both.front.asked if each[0] == "auth.test"] == []


def test_who_asks_where_the_bot_was_never_installed_is_refused(both: Site) -> None:
    assert "/binder launch" not in command(both, "T0NEVER")


def test_an_organisation_speaks_for_its_workspaces_and_for_no_other(site: Site) -> None:
    site.settings = settings_of(site.front, launch_for=f"{HOME} {ORGANISATION}")
    site.restart()
    site.front.members = [OTHER]
    assert site.install(OTHER, of_all=True)[0] == 200
    of_it: dict[str, Any] = {"enterprise_id": ORGANISATION, "is_enterprise_install": "true"}
    assert "/binder launch" in command(site, OTHER, **of_it)
    assert site.access.clients.of(OTHER).auth_test()["ok"]
    assert "/binder launch" not in command(site, "T0FOREIGN", **of_it), "Slack says that it is none of it"
    with site.store.read() as session:
        assert installations.speaking_for(session, "T0FOREIGN") is None


# --- Slack's limits --------------------------------------------------------------------------------------


def test_lost_posts_are_looked_for_once_a_minute_in_each_workspace(both: Site, clock: list[float]) -> None:
    calls = SlackCalls(default_rate_limits(lambda: clock[0]), is_lost=both.access.is_lost)

    def look(team_id: str, caller: int) -> int:
        client, state = both.access.clients.of(team_id), both.front.workspaces[team_id].state
        channel = state.channel_for(state.person("ada").id, "general").id
        client.conversations_join(channel=channel)
        return len(list(messages_since(client, partial(calls.call, caller=caller), channel, None, clock[0])))

    assert look(HOME, 1) <= 15
    with pytest.raises(TooEarly) as early:
        look(HOME, 2)
    assert early.value.seconds == pytest.approx(60, abs=1)
    look(OTHER, 3)
    clock[0] += early.value.seconds
    look(HOME, 2)


# --- who is where ----------------------------------------------------------------------------------------


def test_who_names_a_channel_of_another_workspace_keeps_nobody_from_it(both: Site) -> None:
    state = both.front.workspaces[HOME].state
    lab = state.channel_for(state.person("ada").id, "lab")
    rows = {each: launch(both, each) for each in (OTHER, HOME)}
    with both.store.write() as session:
        for row in rows.values():
            shares.share(session, row.id, [Subject(ShareKind.CHANNEL, lab.id)], manages=False, by=row.owner)
    Audiences(both.store, both.access.clients, both.calls()).refresh()
    grace = state.person("grace").id
    with both.store.read() as session:
        assert [each.id for each in shares.existing(session, HOME, grace)] == [rows[HOME].id]
        assert shares.existing(session, OTHER, both.front.workspaces[OTHER].state.person("grace").id) == []
    assert owed(both, kind=MessageKind.NOTE) == [], "it was told who is in it"


def test_each_owner_is_warned_of_a_drain_in_their_workspace(both: Site) -> None:
    rows = [launch(both, each) for each in (HOME, OTHER)]
    with both.store.write() as session:
        for each in rows:  # the same id in both
            session.get_one(Binder, each.id).owner = "U1"
        assert draining.begin(session, by="U9", team_id=HOME, until=None) == 2
    warned = owed(both, kind=MessageKind.DRAIN)
    assert {each.binder_id: each.facts["by"] for each in warned} == {rows[0].id: "U9", rows[1].id: ""}
