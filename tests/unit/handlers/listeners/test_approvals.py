"""Launches above the line: the admins are asked, decide once, and everybody reads what became of it."""

import pytest
from sqlalchemy import update

from bot.binders.admission import Admission, QueueKeeper
from bot.policy.quotas import Quotas
from handlers import ids
from handlers.messages.notices import NoticeOptions
from handlers.outbox.delivery import Delivery
from handlers.slack.calls import SlackCalls, default_rate_limits
from handlers.slack.clients import OneWorkspace
from storage import approvals, audit
from storage.audit import AuditFilter
from storage.models import Binder
from storage.policy_models import Approval, ApprovalState
from storage.vocabulary import Ending, Result, Target, WaitsFor
from tests.unit.handlers.conftest import Post
from tests.unit.handlers.listeners.conftest import REPO, Desk, bolt
from workspace.hands import Person, plain


@pytest.fixture
def desk(post: Post) -> Desk:
    """A desk at which Grace is the admin, and more than four hours need approval."""
    lab, grace = post.channel("lab"), post.workspace.state.person("grace").id
    post.delivery = Delivery(
        post.store,
        OneWorkspace(post.client),
        SlackCalls(default_rate_limits(lambda: post.clock[0])),
        options=NoticeOptions(approval_channel=lab),
    )
    line = {"approval_channel": lab, "approval_above": "hours:4", "lifetime_hours": 2}
    return Desk(post, bolt(post, lambda: None, admins=grace, **line), [])


def ask(desk: Desk, text: str = f"launch {REPO} --for 6h") -> Binder:
    assert desk.command(text) == ""
    return desk.all()[-1]


def delivered(desk: Desk, channel: str) -> list[str]:
    """All that is said in a channel, once everything is delivered."""
    for _ in range(20):
        desk.post.delivery.deliver_due()
        desk.post.clock[0] += 2
    with Person(desk.post.workspace.url, "grace") as person:
        return [plain(each) for each in person.look().messages(channel)]


def recorded(desk: Desk) -> list[tuple[str, Result | None]]:
    with desk.post.store.read() as session:
        return [(each.event, each.result) for each in audit.stream(session, AuditFilter())]


def now_is(desk: Desk, row: Binder) -> Binder:
    with desk.post.store.read() as session:
        return session.get_one(Binder, row.id)


def test_the_admins_are_asked_once_and_the_person_reads_what_they_wait_for(desk: Desk) -> None:
    row = ask(desk)
    assert row.waits_for == WaitsFor.APPROVAL
    said = desk.command("status repo")
    assert "repo is waiting for approval" in said
    assert "The admins are asked, until" in said
    desk.post.clock[0] += 3600
    assert "is already on its way: it is waiting for approval" in desk.command(f"launch {REPO} --for 6h")
    assert len(desk.all()) == 1
    [question] = [each for each in delivered(desk, "lab") if "asks to launch" in each]
    assert "[Approve]" in question
    assert "for 6 h" in question


def test_what_is_below_the_line_begins_and_cannot_be_extended_beyond_it(desk: Desk) -> None:
    row = ask(desk, f"launch {REPO} --for 3h")
    assert row.waits_for is None
    assert row.maximum_at == row.created_at + 4 * 3600


def test_admins_need_no_approval(desk: Desk) -> None:
    assert desk.command(f"launch {REPO} --for 6h", user=desk.grace) == ""
    assert desk.all()[-1].waits_for is None


def test_an_approved_launch_begins_and_the_thread_says_who_approved_it(desk: Desk) -> None:
    row = ask(desk)
    assert "You approved repo." in desk.told("grace", lambda: desk.click(ids.APPROVE, row.id, desk.grace))
    begun = now_is(desk, row)
    assert (begun.waits_for, begun.queue) == (None, {})
    assert begun.maximum_at - begun.ends_at < 1
    said = desk.in_thread(row)
    assert any("approved the launch of *repo*" in each for each in said), said
    [question] = [each for each in delivered(desk, "lab") if "asks to launch" in each]
    assert f"@{desk.grace} approved it." in question
    assert "[Approve]" not in question


def test_a_denied_launch_ends_with_the_reason_for_its_owner(desk: Desk) -> None:
    row = ask(desk)
    assert desk.send_denial(row.id, desk.grace, "use <!channel> m3.small") == {}
    ended = now_is(desk, row)
    assert (ended.target, ended.ending) == (Target.GONE, Ending.FAILED)
    assert ended.failure == "It was not approved: use <!channel> m3.small"
    [question] = [each for each in delivered(desk, "lab") if "asks to launch" in each]
    assert "denied it: use <!channel> m3.small" in question
    said = desk.in_thread(row)
    assert any("denied the launch of *repo*" in each for each in said)
    assert any("It was not approved: use" in each for each in said)


def test_of_two_who_decide_at_once_the_first_counts(desk: Desk) -> None:
    row = ask(desk)
    with desk.post.store.write() as session:
        mine = session.get_one(Binder, row.id)
        assert approvals.approve(session, mine, "U1")
        assert not approvals.deny(session, mine, "U2", "no", "no")
        assert not approvals.approve(session, mine, "U2")
    with desk.post.store.read() as session:
        decided = session.get_one(Approval, row.id)
        assert (decided.state, decided.decided_by) == (ApprovalState.APPROVED, "U1")
    said = desk.told("grace", lambda: desk.click(ids.APPROVE, row.id, desk.grace))
    assert "does not wait for approval" in said
    assert "does not wait for approval" in str(desk.send_denial(row.id, desk.grace))


def test_only_admins_decide(desk: Desk) -> None:
    row = ask(desk)
    linus = desk.post.workspace.state.person("linus").id
    for user in ("ada", "linus"):
        said = desk.told(user, lambda user=user: desk.click(ids.APPROVE, row.id, desk.id_of(user)))  # type: ignore[misc] # bound early
        assert "Only an admin can approve it." in said
    assert "Only an admin can deny it." in str(desk.send_denial(row.id, linus))
    desk.wait(lambda: ("deny", Result.REFUSED) in recorded(desk))
    assert "Only an admin can deny it." in desk.told("linus", lambda: desk.click(ids.DENY, row.id, linus))
    assert now_is(desk, row).waits_for == WaitsFor.APPROVAL


def test_what_nobody_decides_in_time_fails_and_what_is_cancelled_is_asked_no_longer(desk: Desk) -> None:
    late, cancelled = ask(desk), ask(desk, "launch owner/other --for 6h")
    desk.command("stop other")
    with desk.post.store.write() as session:
        session.execute(update(Approval).where(Approval.binder_id == late.id).values(expires_at=1.0))
    QueueKeeper(desk.post.store, Admission(Quotas()), lambda _size: 1).tick()
    assert now_is(desk, late).failure == "No admin approved it in time."
    with desk.post.store.read() as session:
        states = {each.binder_id: each.state for each in session.query(Approval)}
    assert states == {late.id: ApprovalState.EXPIRED, cancelled.id: ApprovalState.WITHDRAWN}
    questions = [each for each in delivered(desk, "lab") if "asks to launch" in each]
    assert ["Nobody decided in time" in questions[0], "It was cancelled." in questions[1]] == [True, True]
