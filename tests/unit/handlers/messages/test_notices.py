"""Notices: what they say, how they are posted once and edited, and what keeping does to them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk import WebClient

from bot.binders import deadlines
from bot.binders import digest as digests
from bot.binders.deadlines import WarningPolicy
from bot.config import load
from bot.config.limits import Limits
from bot.errors import ConfigError, RequestError
from bot.provisioning.instances import Size
from bot.repositories.launch_text import parse_launch
from handlers import messages
from handlers.messages import digest, notices
from handlers.messages.blocks import problems
from handlers.messages.notices import NoticeOptions
from handlers.outbox.delivery import Delivery
from handlers.requests import launches, operations
from handlers.requests.context import Context
from handlers.requests.lookup import by_name
from handlers.requests.permissions import NotAllowed, NotPossible
from handlers.requests.requester import Requester
from handlers.slack.calls import SlackCalls, default_rate_limits
from handlers.slack.clients import OneWorkspace
from handlers.slack.profiles import Profiles
from handlers.slack.user_timezones import UserTimezone
from storage import binders, outbox
from storage import digest as stored_digest
from storage import notices as stored
from storage.engine import Store
from storage.models import Binder, Notice
from storage.vocabulary import Activity, Ending, MessageKind, OutboxState, Outcome, Reason, Status, Target
from tests.fakes.settings import GivenSettings
from tests.unit.handlers.conftest import NOW, Post, binder
from workspace.hands import plain

TOKENS: dict[str, Any] = {"slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1"}
SIZES = (Size("small", "1 CPU"), Size("large", "8 CPUs", price_per_hour=2.0))
HOUR = 3600.0
POLICY = WarningPolicy(leads=(7200, 900), idle_leads=(900,), warning=600)
BERLIN = ZoneInfo("Europe/Berlin")


def given_notice(reason: Reason = Reason.LIFETIME, **changes: Any) -> Notice:
    values: dict[str, Any] = {"id": 1, "binder_id": "abcd2345", "deadline": NOW + HOUR, "lead_seconds": 900}
    return Notice(reason=reason, **(values | changes))


def shown(
    row: Binder, given: Notice | None = None, options: NoticeOptions | None = None
) -> tuple[str, list[dict[str, Any]]]:
    message = notices.notice(row, given or given_notice(), NOW, options or NoticeOptions(POLICY))
    assert problems(message.blocks) == []
    assert len(message.text) <= 4_000
    return str([message.text, message.blocks]), list(message.blocks)


def buttons(blocks: list[dict[str, Any]]) -> list[str]:
    return [each["text"]["text"] for each in elements(blocks) if each["type"] == "button"]


def in_menu(blocks: list[dict[str, Any]]) -> list[str]:
    menus = [each["options"] for each in elements(blocks) if each["type"] == "overflow"]
    return [option["text"]["text"] for options in menus for option in options]


def elements(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for block in blocks if block["type"] == "actions" for each in block["elements"]]


# --- words -----------------------------------------------------------------------------------------------


def test_a_notice_says_who_what_when_why_and_what_is_lost() -> None:
    row = binder(
        changed_files=3,
        price_per_hour=2.0,
        used_at=NOW - 100,
        activity=Activity.IDLE,
        ready_at=NOW - 5 * HOUR,
    )
    text, blocks = shown(row, options=NoticeOptions(POLICY, unit="SU"))
    for part in (
        "<@U1>",
        "*demo*",
        f"<!date^{int(NOW + HOUR)}^",
        "Its lifetime is over then",
        "3 changed files",
    ):
        assert part in text
    assert f"Nobody has used it since <!date^{int(NOW - 100)}^" in text
    assert "It has cost 10.00 SU so far (2.00 SU an hour)." in text
    assert buttons(blocks) == ["Keep 2 h", "Keep until tonight", "Save my work", "Tear down now"]
    assert in_menu(blocks) == ["Share", "Show log", "Launch link", "Launch again"]


def test_nothing_is_said_of_cost_where_nothing_is_charged() -> None:
    assert "cost" not in shown(binder())[0]


@pytest.mark.parametrize(
    ("reason", "part", "can_be_kept"),
    [
        (Reason.IDLE, "Nobody has used it since", True),
        (Reason.LIFETIME, "Its lifetime is over then", True),
        (Reason.MAXIMUM, "the longest lifetime that this site allows", False),
        (Reason.BUDGET, "the cost limit of 50.00 SU", False),
    ],
)
def test_each_reason_has_its_words_and_only_what_can_be_kept_offers_that(
    reason: Reason, part: str, *, can_be_kept: bool
) -> None:
    row = binder(budget=50.0, used_at=NOW - 7200)
    text, blocks = shown(row, given_notice(reason), NoticeOptions(POLICY, unit="SU"))
    assert part in text
    assert ("Keep 2 h" in buttons(blocks)) is can_be_kept


@pytest.mark.parametrize(
    ("activity", "words"),
    [
        (Activity.BUSY, "A kernel in it is busy"),
        (Activity.TAB, "has it open in a browser tab"),
        (Activity.UNKNOWN, ""),
    ],
)
def test_what_goes_on_in_it_is_called_what_it_is(activity: Activity, words: str) -> None:
    text, _ = shown(binder(activity=activity))
    assert words in text
    assert "Nobody has used" not in text


def test_an_idle_binder_is_shelved_where_the_cloud_can() -> None:
    can = NoticeOptions(POLICY, can_shelve=True)
    assert "Shelve" in buttons(shown(binder(), options=can)[1])
    away = NoticeOptions(POLICY, can_shelve=True, shelves_idle=True)
    text, _ = shown(binder(used_at=NOW), given_notice(Reason.IDLE), away)
    assert "will be shelved" in text
    assert "Its files will be kept" in text
    assert "will end" in shown(binder(), given_notice(Reason.LIFETIME), away)[0]


def test_a_shelved_binder_offers_to_resume_it() -> None:
    row = binder(status=Status.SHELVED, target=Target.SHELVED)
    text, blocks = shown(row, options=NoticeOptions(POLICY, can_shelve=True))
    assert buttons(blocks) == ["Resume", "Tear down now"]
    assert "Nobody has used" not in text


def test_after_downtime_the_notice_names_the_real_end() -> None:
    text, _ = shown(binder(), given_notice(deadline=NOW - 86_400))
    assert f"<!date^{int(NOW + 600)}^" in text


@pytest.mark.parametrize(
    ("row", "given", "part"),
    [
        (binder(), given_notice(outcome=Outcome.KEPT, outcome_by="U2"), "<@U2> extended it"),
        (
            binder(activity=Activity.TAB),
            given_notice(Reason.IDLE, outcome=Outcome.WITHDRAWN),
            "is in use again",
        ),
        (
            binder(activity=Activity.UNKNOWN),
            given_notice(Reason.IDLE, outcome=Outcome.WITHDRAWN),
            "nobody knows whether it is idle",
        ),
        (binder(), given_notice(outcome=Outcome.WITHDRAWN), "will no longer end"),
        (
            binder(status=Status.SHELVED, target=Target.SHELVED),
            given_notice(outcome=Outcome.OVER),
            "was shelved",
        ),
        (
            binder(target=Target.GONE, ending=Ending.EXPIRED, ended_for=Reason.IDLE, ended_at=NOW),
            given_notice(outcome=Outcome.OVER),
            "Nobody used it",
        ),
        (
            binder(target=Target.GONE, ending=Ending.STOPPED, ended_by="U3", ended_at=NOW),
            given_notice(),
            "Torn down by <@U3>",
        ),
    ],
)
def test_what_became_of_a_notice_has_no_buttons_and_mentions_no_owner(
    row: Binder, given: Notice, part: str
) -> None:
    text, blocks = shown(row, given)
    assert part in text
    assert buttons(blocks) == []
    assert "<@U1>" not in text


@given(
    name=st.text(max_size=90),
    unit=st.text(max_size=30),
    by=st.text(max_size=20),
    outcome=st.none() | st.sampled_from(Outcome),
    reason=st.sampled_from(Reason),
)
def test_whatever_it_is_called_slack_takes_the_notice(
    name: str, unit: str, by: str, outcome: Outcome | None, reason: Reason
) -> None:
    row = binder(name=name or "x", price_per_hour=1.0, budget=3.0, changed_files=1, used_at=NOW)
    shown(
        row,
        given_notice(reason, outcome=outcome, outcome_by=by),
        NoticeOptions(POLICY, unit, can_shelve=True),
    )


# --- delivery --------------------------------------------------------------------------------------------


@pytest.fixture
def row(post: Post) -> Binder:
    """A ready binder whose card is there, and whose end is near."""
    post.delivery._options = NoticeOptions(POLICY)
    row = post.launch(ends_at=post.clock[0] + 600)
    post.change(row.id, status=Status.READY, ready_at=post.clock[0])
    post.drain()
    return post.row(row.id)


def warn(post: Post, row: Binder, reason: Reason = Reason.LIFETIME, deadline: float | None = None) -> Notice:
    with post.store.write() as session:
        found = deadlines.due_notice(row, [], post.clock[0], POLICY)
        assert found or deadline
        stored.warn(session, row.id, reason, deadline or float(found.deadline if found else 0), 900)
    return notice_of(post, row)


def notice_of(post: Post, row: Binder) -> Notice:
    with post.store.read() as session:
        return stored.of(session, [row.id])[row.id][-1]


def settle(post: Post, row: Binder, outcome: Outcome, by: str | None = None) -> None:
    with post.store.write() as session:
        stored.settle(session, row.id, outcome, by)


def replies(post: Post) -> list[dict[str, Any]]:
    return [each for each in post.messages() if each.get("thread_ts", each["ts"]) != each["ts"]]


def test_a_notice_is_posted_in_the_thread_and_counts_as_told_from_then_on(post: Post, row: Binder) -> None:
    assert warn(post, row).told_at is None
    post.wait(2)
    [reply] = replies(post)
    assert reply["thread_ts"] == row.thread_ts
    assert "Its lifetime is over then" in plain(reply)
    assert notice_of(post, row).told_at == post.clock[0]
    post.delivery.nudge()
    post.wait(10)
    assert len(replies(post)) == 1


def test_what_became_of_it_is_an_edit(post: Post, row: Binder) -> None:
    told = warn(post, row)
    post.wait(2)
    [before] = replies(post)
    first = notice_of(post, row).told_at
    settle(post, row, Outcome.KEPT, post.ada)
    post.wait(2)
    [after] = replies(post)
    assert after["ts"] == before["ts"]
    assert "extended it" in plain(after)
    assert notice_of(post, row).told_at == first
    assert post.owed(f"notice:{told.id}").state == OutboxState.DONE


def test_a_notice_that_somebody_deleted_is_not_posted_again(post: Post, row: Binder) -> None:
    told = warn(post, row)
    post.wait(2)
    [reply] = replies(post)
    post.client.chat_delete(channel=row.thread_channel or "", ts=reply["ts"])
    settle(post, row, Outcome.OVER)
    post.wait(2)
    assert replies(post) == []
    assert post.owed(f"notice:{told.id}").state == OutboxState.DONE


@pytest.mark.parametrize("outcome", [Outcome.KEPT, Outcome.WITHDRAWN])
def test_what_is_settled_before_it_was_said_is_never_said(post: Post, row: Binder, outcome: Outcome) -> None:
    warn(post, row)
    settle(post, row, outcome)
    post.wait(2)
    assert replies(post) == []
    assert notice_of(post, row).told_at is None


def test_after_the_end_no_notice_is_posted_but_an_open_one_says_it(post: Post, row: Binder) -> None:
    warn(post, row)
    post.wait(2)
    warn(post, row, Reason.IDLE, NOW)
    with post.store.write() as session:
        binders.end(session, row.id, ending=Ending.STOPPED, by=post.ada)
        stored.settle(session, row.id, Outcome.OVER)
    post.wait(2)
    [reply] = replies(post)
    assert "Torn down by" in plain(reply)


def test_a_notice_whose_answer_was_lost_is_found_and_edited(post: Post, row: Binder) -> None:
    told = warn(post, row)
    post.wait(2)
    with post.store.write() as session:  # as if the process had died before it noted the answer
        message = session.get_one(type(post.owed(f"notice:{told.id}")), post.owed(f"notice:{told.id}").id)
        message.state, message.sent_ts = OutboxState.SENDING, None
    settle(post, row, Outcome.OVER)
    post.change(row.id, target=Target.GONE, ending=Ending.LOST, ended_at=post.clock[0])
    post.restart()
    post.wait(90)
    [reply] = replies(post)
    assert "ended" in plain(reply)


def test_what_slack_refuses_for_good_counts_as_told(post: Post, row: Binder) -> None:
    told = warn(post, row)
    calls = post.workspace.api.call

    def refuse(method: str, token: str, given: dict[str, Any]) -> dict[str, Any]:
        if method == "chat.postMessage":
            return {"ok": False, "error": "msg_blocks_too_long"}
        return calls(method, token, given)

    post.workspace.api.call = refuse  # type: ignore[method-assign]
    post.wait(2)
    assert post.owed(f"notice:{told.id}").state == OutboxState.DEAD
    assert notice_of(post, row).told_at == post.clock[0]


def test_from_the_notice_to_the_end_with_a_day_of_downtime_between(post: Post, row: Binder) -> None:
    post.clock[0] += 86_400
    assert deadlines.may_end(row, [], post.clock[0], POLICY) is None
    warn(post, row)
    post.wait(2)
    told = [notice_of(post, row)]
    assert deadlines.may_end(row, told, post.clock[0] + 599, POLICY) is None
    assert deadlines.may_end(row, told, post.clock[0] + 600, POLICY) is not None


# --- keeping ---------------------------------------------------------------------------------------------


class Keeping:
    """A ready binder, and those who want to keep it."""

    def __init__(self, store: Store, clock: list[float], **settings: Any) -> None:
        self.store, self.clock = store, clock
        self.zone = UserTimezone(UTC)
        self.context = Context(
            store,
            GivenSettings(**(TOKENS | {"admins": "U9"} | settings)),
            SIZES,
            lambda: None,
            zone_of=lambda *_person: self.zone,
        )

    def launch(self, text: str = "o/r", user: str = "U1") -> messages.Message | None:
        return launches.launch(self.context, self.requester(user, text), parse_launch(text))

    def has(self, **changes: Any) -> str:
        now = self.clock[0]
        values = {
            "ends_at": now + HOUR,
            "status_since": now,
            "ready_at": now,
            "used_at": now,
            "created_at": now,
        }
        row = binder(**(values | changes))
        with self.store.write() as session:
            return binders.add(session, row, wanted_name="demo").binder.id

    def requester(self, user: str = "U1", key: str = "k") -> Requester:
        return Requester(user=user, team_id="T1", channel="C1", key=key)

    def do(self, deed: Callable[..., messages.Message], *rest: Any, user: str = "U1") -> str:
        requester = self.requester(user)
        return deed(self.context, requester, by_name(self.context, requester, "demo", "keep"), *rest).text

    def row(self) -> Binder:
        with self.store.read() as session:
            [row] = session.query(Binder).all()
        return row

    def notices(self) -> list[Notice]:
        with self.store.read() as session:
            return stored.of(session, [self.row().id]).get(self.row().id, [])


@pytest.fixture
def keeping(store: Store, clock: list[float]) -> Keeping:
    clock[0] = datetime(2026, 11, 24, 12, 0, tzinfo=UTC).timestamp()
    return Keeping(store, clock)


def test_keep_moves_the_end_edits_its_notices_and_gives_none_at_once(keeping: Keeping) -> None:
    binder_id = keeping.has()
    now, policy = keeping.clock[0], keeping.context.settings.policy
    with keeping.store.write() as session:
        stored.warn(session, binder_id, Reason.LIFETIME, now + HOUR, 7200)
    said = keeping.do(operations.keep_for_hours)
    row = keeping.row()
    assert (row.ends_at, row.awake_until) == (now + 2 * HOUR, now + 2 * HOUR)
    assert f"<!date^{int(now + 2 * HOUR)}^" in said
    first, *rest = keeping.notices()
    assert (first.outcome, first.outcome_by) == (Outcome.KEPT, "U1")
    assert deadlines.due_notice(row, [first, *rest], now + 60, policy) is None
    assert deadlines.due_notice(row, [first, *rest], now + 1.8 * HOUR, policy) is not None
    with keeping.store.read() as session:
        assert outbox.is_owed(session, f"notice:{first.id}")


def test_the_maximum_holds_it_back_and_that_is_said(keeping: Keeping) -> None:
    now = keeping.clock[0]
    binder_id = keeping.has(maximum_at=now + 1.5 * HOUR)
    with keeping.store.write() as session:
        stored.warn(session, binder_id, Reason.MAXIMUM, now + 1.5 * HOUR, 7200)
    said = keeping.do(operations.extend, "5h")
    assert keeping.row().ends_at == now + 1.5 * HOUR
    assert "the longest lifetime that this site allows" in said
    assert next(each.outcome for each in keeping.notices() if each.reason == Reason.MAXIMUM) is None


def test_the_budget_holds_it_back(keeping: Keeping) -> None:
    now = keeping.clock[0]
    keeping.has(budget=4.0, price_per_hour=2.0)
    assert "the cost limit" in keeping.do(operations.extend, "5h")
    assert keeping.row().ends_at == now + 2 * HOUR


def test_extending_adds_to_the_end_and_until_names_it(keeping: Keeping) -> None:
    now = keeping.clock[0]
    keeping.has(idle_seconds=1800)
    said = keeping.do(operations.extend, "2h")
    assert (keeping.row().ends_at, keeping.row().awake_until) == (now + 3 * HOUR, now + 2 * HOUR)
    assert "even if nobody uses it" in said
    keeping.do(operations.extend, "until 18:00")
    assert keeping.row().ends_at == now + 6 * HOUR
    with pytest.raises(RequestError, match="For how long"):
        keeping.do(operations.extend, "")


def test_until_is_read_where_the_person_is_and_a_guess_is_said(keeping: Keeping) -> None:
    now = keeping.clock[0]
    keeping.has()
    keeping.zone = UserTimezone(BERLIN)
    assert "time zone" not in keeping.do(operations.extend, "until 18:00")
    assert keeping.row().ends_at == now + 5 * HOUR
    keeping.zone = UserTimezone(UTC, is_known=False)
    assert "Slack did not tell me your time zone" in keeping.do(operations.extend, "until 18:00")
    assert "Slack did not tell me" in keeping.do(operations.keep_until_tonight)
    assert keeping.row().ends_at == now + 10 * HOUR
    assert "Slack did not tell me" not in keeping.do(operations.extend, "2h")


def test_only_the_owner_and_admins_keep_it(keeping: Keeping) -> None:
    keeping.has()
    before = keeping.row().ends_at
    for deed in (operations.keep_for_hours, operations.keep_until_tonight):
        with pytest.raises(NotAllowed):
            keeping.do(deed, user="U2")
    with pytest.raises(NotAllowed):
        keeping.do(operations.extend, "2h", user="U2")
    assert keeping.row().ends_at == before
    keeping.do(operations.keep_for_hours, user="U9")
    assert keeping.row().ends_at > before


def test_what_ends_already_cannot_be_kept(keeping: Keeping) -> None:
    binder_id = keeping.has()
    with keeping.store.write() as session:
        binders.end(session, binder_id, ending=Ending.STOPPED, by="U1")
    with pytest.raises(NotPossible, match="demo is being torn down; it cannot be extended now"):
        keeping.do(operations.keep_for_hours)


# --- launch ----------------------------------------------------------------------------------------------


def test_a_launch_gets_the_limits_of_its_size(store: Store, clock: list[float]) -> None:
    limits = "large=idle:0+lifetime:3+maximum:8+cost:50,small=idle:1"
    keeping = Keeping(store, clock, size_limits=limits, max_cost_per_binder=9)
    now = clock[0]
    keeping.launch("o/r --size large")
    row = keeping.row()
    assert (row.ends_at, row.maximum_at) == (now + 3 * HOUR, now + 8 * HOUR)
    assert (row.idle_seconds, row.budget, row.price_per_hour) == (None, 50.0, 2.0)
    with pytest.raises(RequestError, match="between 5 min and 8 h"):
        keeping.launch("o/x --size large --for 9h")


def test_for_may_be_longer_than_the_lifetime_but_not_than_the_maximum(keeping: Keeping) -> None:
    now = keeping.clock[0]
    keeping.launch("o/r --for 3d")
    row = keeping.row()
    assert (row.ends_at, row.maximum_at) == (now + 72 * HOUR, now + 168 * HOUR)
    assert (row.idle_seconds, row.budget, row.price_per_hour) == (4 * 3600, None, 0.0)


def test_until_in_a_launch_is_read_where_the_person_is(keeping: Keeping) -> None:
    keeping.zone = UserTimezone(BERLIN)
    assert keeping.launch("o/r --for until 18:00") is None
    assert keeping.row().ends_at == keeping.clock[0] + 5 * HOUR


def test_a_launch_says_by_which_zone_it_was_read_for_want_of_a_better_one(keeping: Keeping) -> None:
    keeping.zone = UserTimezone(UTC, is_known=False)
    said = keeping.launch("o/r --for until 18:00")
    assert said is not None
    assert "Slack did not tell me your time zone" in said.text
    assert f"<!date^{int(keeping.clock[0] + 6 * HOUR)}^" in said.text


# --- time zones ------------------------------------------------------------------------------------------


def test_slack_is_asked_once_an_hour_for_the_zone_of_a_person(post: Post) -> None:
    now = [0.0]
    profiles = Profiles(OneWorkspace(post.client), UTC, clock=lambda: now[0])
    asked: list[str] = []
    calls = post.workspace.api.call

    def counted(method: str, token: str, given: dict[str, Any]) -> dict[str, Any]:
        asked.append(method)
        return calls(method, token, given)

    post.workspace.api.call = counted  # type: ignore[method-assign]
    for _ in range(3):
        assert profiles.zone_of(post.team, post.ada) == UserTimezone(ZoneInfo("Europe/London"))
    assert asked == ["users.info"]
    now[0] += 3600
    profiles.zone_of(post.team, post.ada)
    assert len(asked) == 2


def test_only_what_is_a_person_s_own_zone_and_has_a_name_is_written_down() -> None:
    own = [
        UserTimezone(BERLIN),
        UserTimezone(timezone(timedelta(hours=1))),
        UserTimezone(BERLIN, is_known=False),
    ]
    assert [each.name for each in own] == ["Europe/Berlin", None, None]


def test_a_binder_s_row_knows_its_owner_s_zone_once_its_card_is_posted(post: Post) -> None:
    calls = SlackCalls(default_rate_limits())
    clients = OneWorkspace(post.client)
    post.delivery = Delivery(post.store, clients, calls, zone_of=Profiles(clients, UTC).zone_of)
    row = post.launch()
    post.drain()
    assert post.row(row.id).owner_zone == "Europe/London"
    assert post.row(row.id).thread_ts


def test_where_slack_does_not_tell_the_site_s_zone_is_taken(post: Post) -> None:
    profiles = Profiles(OneWorkspace(post.client), BERLIN)
    assert profiles.zone_of("T1", "U0NOBODY") == UserTimezone(BERLIN, is_known=False)
    unreachable = WebClient("xoxb-1", base_url="http://127.0.0.1:9/api/")  # nobody listens there
    alone = Profiles(OneWorkspace(unreachable), BERLIN)
    assert alone.zone_of("T1", post.ada) == UserTimezone(BERLIN, is_known=False)


# --- settings --------------------------------------------------------------------------------------------


def test_notices_are_a_matter_of_settings() -> None:
    policy = load(**TOKENS).policy
    assert policy == WarningPolicy((7200, 900), (900,), 600.0, None)
    quiet = load(
        **TOKENS,
        notice_minutes="",
        idle_notice_minutes="5",
        quiet_hours="22:00-07:00",
        timezone="Europe/Berlin",
    ).policy
    assert (quiet.leads, quiet.idle_leads, quiet.warning) == ((), (300,), 200.0)
    assert quiet.quiet is not None
    assert quiet.quiet.zone == BERLIN


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("notice_minutes", "soon"),
        ("notice_minutes", "0"),
        ("quiet_hours", "22:00"),
        ("quiet_hours", "22:00-22:00"),
        ("quiet_hours", "24:00-07:00"),
        ("timezone", "Mars/Olympus"),
        ("timezone", ""),
        ("size_limits", "large=naps:3"),
        ("size_limits", "large=lifetime:0"),
        ("size_limits", "large=lifetime:nan"),
        ("size_limits", "large"),
        ("digest", "someday 09:00"),
        ("digest", "monday"),
        ("max_hours", 1.0),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(setting: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=setting.upper()):
        load(**TOKENS, **{setting: value})


def test_limits_of_a_size_never_contradict_each_other() -> None:
    settings = load(**TOKENS, size_limits="a=lifetime:400,b=maximum:2")
    assert settings.limits_of("a") == Limits(4.0, 400.0, 400.0)
    assert settings.limits_of("b").lifetime == 2 * HOUR
    assert settings.limits_of("c") == Limits(4.0, 24.0, 168.0)


# --- the digest ------------------------------------------------------------------------------------------

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("hours", "week"),
    [(-0.1, None), (0, "2026-W48"), (11.9, "2026-W48"), (12.1, None), (7 * 24, "2026-W49")],
)
def test_the_digest_is_due_once_a_week(hours: float, week: str | None) -> None:
    now = MONDAY.timestamp() + hours * HOUR
    assert digests.due(now, (0, MONDAY.time()), BERLIN) == week


def test_each_channel_gets_its_digest_once(post: Post, row: Binder) -> None:
    post.launch("lab", request_key="lab", id="lab", url="https://git.example.org/o/lab")
    post.launch(post.ada, request_key="home", id="home", url="https://git.example.org/o/home")
    post.wait(5)
    when = datetime.fromtimestamp(int(post.clock[0]), UTC)
    for _ in range(3):
        with post.store.write() as session:
            assert digests.owe(session, post.clock[0], (when.weekday(), when.time()), UTC) == 2
        post.wait(5)
    told = [each for each in post.messages() if "in this channel" in plain(each)]
    assert len(told) == 1
    assert "*demo*" in str(told)
    assert len([each for each in post.messages("lab") if "in this channel" in plain(each)]) == 1


def test_a_channel_without_binders_gets_no_digest(post: Post, row: Binder) -> None:
    with post.store.write() as session:
        assert stored_digest.owe(session, "2026-W48") == 1
        binders.end(session, row.id, ending=Ending.STOPPED, by=post.ada)
    post.wait(5)
    assert not any("in this channel" in plain(each) for each in post.messages())
    with post.store.write() as session:
        assert stored_digest.owe(session, "2026-W49") == 0


@given(st.lists(st.text(min_size=1, max_size=70), min_size=1, max_size=30))
def test_slack_takes_every_digest(names: list[str]) -> None:
    living = [binder(name=name, price_per_hour=1.0, budget=3.0) for name in names]
    message = digest.digest(living, NOW, NoticeOptions(unit="SU"))
    assert problems(message.blocks) == []
    assert len(message.text) <= 4_000


def test_a_digest_is_a_kind_that_needs_no_binder(post: Post, row: Binder) -> None:
    with post.store.write() as session:
        stored_digest.owe(session, "2026-W48")
    channel = post.channel("general")
    owed = post.owed(f"digest:{row.team_id}:{channel}:2026-W48")
    assert (owed.kind, owed.binder_id) == (MessageKind.DIGEST, None)
