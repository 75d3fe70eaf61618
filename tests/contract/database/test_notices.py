"""Notices: each once, told once, settled once, and kept in step with what Slack is owed."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from storage import binders, digest, notices, outbox
from storage.audit_models import Audit
from storage.engine import Store
from storage.models import Notice, OutboxMessage
from storage.vocabulary import Ending, MessageKind, OutboxState, Outcome, Reason
from tests.contract.database.rows import binder_of, claim_messages, done, launch, post_card, together

DEADLINE = 1_800_000_000.25


def warn(store: Store, binder_id: str, reason: Reason = Reason.LIFETIME, **changes: Any) -> bool:
    values = {"deadline": DEADLINE, "lead": 900} | changes
    with store.write() as session:
        return notices.warn(session, binder_id, reason, **values)


def of(store: Store, binder_id: str) -> Sequence[Notice]:
    with store.read() as session:
        return notices.of(session, [binder_id]).get(binder_id, [])


def owed(store: Store) -> Sequence[OutboxMessage]:
    with store.read() as session:
        query = select(OutboxMessage).where(OutboxMessage.kind == MessageKind.NOTICE)
        return session.scalars(query.order_by(OutboxMessage.id)).all()


def settle(store: Store, binder_id: str, outcome: Outcome, **arguments: Any) -> int:
    with store.write() as session:
        return notices.settle(session, binder_id, outcome, **arguments)


def tell(store: Store, notice: Notice) -> float:
    """Note that it was told. Returns when that was, as it is written down."""
    with store.write() as session:
        notices.mark_told(session, notice.id)
    [told] = of(store, notice.binder_id)
    assert told.told_at is not None
    return told.told_at


@pytest.fixture
def binder_id(store: Store) -> str:
    row = launch(store)
    post_card(store, row.id)
    return row.id


def test_a_notice_is_owed_once_however_often_it_is_found_due(store: Store, binder_id: str) -> None:
    assert warn(store, binder_id)
    assert not warn(store, binder_id)
    assert [each.reason for each in of(store, binder_id)] == [Reason.LIFETIME]
    [message] = owed(store)
    assert message.facts == {"notice": of(store, binder_id)[0].id}
    assert message.binder_id == binder_id


@pytest.mark.parametrize(
    "other", [{"reason": Reason.MAXIMUM}, {"deadline": DEADLINE + 0.5}, {"lead": 7200}], ids=str
)
def test_another_reason_deadline_or_lead_is_another_notice(
    store: Store, binder_id: str, other: dict[str, Any]
) -> None:
    assert warn(store, binder_id)
    assert warn(store, binder_id, **other)
    assert len(owed(store)) == 2


def test_of_two_processes_one_gives_the_notice(store: Store, binder_id: str) -> None:
    assert sorted(together(lambda _: warn(store, binder_id), 4)) == [False, False, False, True]
    assert len(owed(store)) == 1


def test_what_is_rolled_back_was_never_due(store: Store, binder_id: str) -> None:
    def warn_and_die() -> None:
        with store.write() as session:
            notices.warn(session, binder_id, Reason.IDLE, DEADLINE, 900)
            raise KeyError

    with pytest.raises(KeyError):
        warn_and_die()
    assert (list(of(store, binder_id)), list(owed(store))) == ([], [])


def test_the_first_telling_counts(store: Store, binder_id: str) -> None:
    warn(store, binder_id)
    [given] = of(store, binder_id)
    assert given.told_at is None
    before = store.now()
    moments = [tell(store, given) for _ in range(2)]
    assert moments[0] == moments[1]
    assert before <= moments[0] <= store.now()


def test_what_became_of_a_notice_is_an_edit_of_its_message(store: Store, binder_id: str) -> None:
    warn(store, binder_id)
    [claimed] = claim_messages(store)
    done(store, claimed, ts="2.0")
    assert settle(store, binder_id, Outcome.KEPT, by="U1") == 1
    [given] = of(store, binder_id)
    assert (given.outcome, given.outcome_by) == (Outcome.KEPT, "U1")
    [message] = owed(store)
    assert (message.state, message.sent_ts, message.version) == (OutboxState.PENDING, "2.0", 2)


def test_what_is_settled_while_it_is_sent_is_edited_after_it(store: Store, binder_id: str) -> None:
    warn(store, binder_id)
    [claimed] = claim_messages(store)
    settle(store, binder_id, Outcome.OVER)
    done(store, claimed, ts="2.0")
    [message] = owed(store)
    assert (message.state, message.sent_ts) == (OutboxState.PENDING, "2.0")


def test_a_notice_is_settled_once(store: Store, binder_id: str) -> None:
    warn(store, binder_id)
    assert settle(store, binder_id, Outcome.WITHDRAWN) == 1
    assert settle(store, binder_id, Outcome.OVER) == 0
    assert of(store, binder_id)[0].outcome == Outcome.WITHDRAWN


def test_what_was_over_before_anybody_was_told_is_owed_anew(store: Store, binder_id: str) -> None:
    warn(store, binder_id)
    settle(store, binder_id, Outcome.OVER)
    [owed_first] = claim_messages(store)
    done(store, owed_first)
    assert warn(store, binder_id)
    assert not warn(store, binder_id)
    [notice] = of(store, binder_id)
    assert notice.outcome is None
    [again] = claim_messages(store)
    assert again.message.key == owed_first.message.key


@pytest.mark.parametrize(("outcome", "is_told"), [(Outcome.OVER, True), (Outcome.KEPT, False)])
def test_what_was_told_or_settled_otherwise_is_not_owed_anew(
    store: Store, binder_id: str, outcome: Outcome, *, is_told: bool
) -> None:
    warn(store, binder_id)
    if is_told:
        tell(store, of(store, binder_id)[0])
    settle(store, binder_id, outcome)
    assert not warn(store, binder_id)
    assert of(store, binder_id)[0].outcome == outcome


def test_others_stay_open(store: Store, binder_id: str) -> None:
    warn(store, binder_id, Reason.IDLE)
    warn(store, binder_id)
    idle, lifetime = of(store, binder_id)
    assert settle(store, binder_id, Outcome.WITHDRAWN, only=[idle.id]) == 1
    assert settle(store, binder_id, Outcome.WITHDRAWN, only=[]) == 0
    assert [each.outcome for each in of(store, binder_id)] == [Outcome.WITHDRAWN, None]
    other = launch(store)
    assert settle(store, other.id, Outcome.OVER, only=[lifetime.id]) == 0


def test_what_is_passed_over_is_never_said_and_no_warning(store: Store, binder_id: str) -> None:
    with store.write() as session:
        notices.pass_over(session, binder_id, Reason.LIFETIME, DEADLINE, 900, by="U1")
    assert not warn(store, binder_id)
    assert settle(store, binder_id, Outcome.OVER) == 0
    assert list(owed(store)) == []
    assert of(store, binder_id)[0].told_at is None


def test_one_query_finds_the_notices_of_many(store: Store, binder_id: str) -> None:
    other, silent = launch(store), launch(store)
    warn(store, binder_id)
    warn(store, binder_id, Reason.IDLE)
    warn(store, other.id)
    with store.read() as session:
        found = notices.of(session, [binder_id, other.id, silent.id])
        assert notices.of(session, []) == {}
    assert {name: len(each) for name, each in found.items()} == {binder_id: 2, other.id: 1}


# --- keeping ---------------------------------------------------------------------------------------------


def keep(store: Store, binder_id: str, ends_at: float, awake_until: float) -> bool:
    with store.write() as session:
        return binders.keep(session, binder_id, ends_at=ends_at, awake_until=awake_until, by="U7")


def test_keeping_moves_the_end_and_tells_the_card_and_the_audit(store: Store, binder_id: str) -> None:
    before = binder_of(store, binder_id)
    later = before.ends_at + 7200
    assert keep(store, binder_id, later, later - 60)
    row = binder_of(store, binder_id)
    assert (row.ends_at, row.awake_until, row.next_at) == (later, later - 60, 0.0)
    assert row.generation == before.generation + 1
    with store.read() as session:
        [entry] = session.scalars(select(Audit).where(Audit.event == "keep")).all()
        assert outbox.is_owed(session, f"card:{binder_id}")
    assert (entry.actor, entry.binder_id) == ("U7", binder_id)


def test_keeping_never_shortens(store: Store, binder_id: str) -> None:
    first = binder_of(store, binder_id).ends_at
    assert keep(store, binder_id, first - 60, 60.0)
    assert keep(store, binder_id, first - 60, 30.0)
    row = binder_of(store, binder_id)
    assert (row.ends_at, row.awake_until) == (first, 60.0)


def test_two_who_keep_it_at_once_get_the_later_end(store: Store, binder_id: str) -> None:
    first = binder_of(store, binder_id).ends_at
    together(lambda index: keep(store, binder_id, first + 60 * index, 0.0), 4)
    assert binder_of(store, binder_id).ends_at == first + 180


def test_what_should_be_gone_cannot_be_kept(store: Store, binder_id: str) -> None:
    with store.write() as session:
        binders.end(session, binder_id, ending=Ending.STOPPED, by="U1")
    assert not keep(store, binder_id, 2e9, 2e9)


# --- the digest ------------------------------------------------------------------------------------------


def test_a_digest_is_owed_once_a_week_to_each_channel_where_something_lives(store: Store) -> None:
    for channel in ("C1", "C1", "C2", "D3", "U4"):
        launch(store, channel=channel)
    ended = launch(store, channel="C5")
    moved = launch(store, channel="U1")
    with store.write() as session:
        binders.end(session, ended.id, ending=Ending.STOPPED, by="U1")
        binders.set_thread(session, moved.id, "C6", "1.0")
        assert [digest.owe(session, "2026-W48") for _ in range(2)] == [3, 3]
    with store.read() as session:
        query = select(OutboxMessage).where(OutboxMessage.kind == MessageKind.DIGEST)
        owed_to = sorted(each.facts["channel"] for each in session.scalars(query))
        assert len(digest.live(session, "T1", "C1")) == 2
        assert [each.id for each in digest.live(session, "T1", "C6")] == [moved.id]
    assert owed_to == ["C1", "C2", "C6"]
