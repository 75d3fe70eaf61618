"""What Slack is owed: in order, once, and never lost."""

from typing import Any

import pytest
from sqlalchemy import select, text, update

from storage import binders, outbox
from storage.engine import Store
from storage.errors import LostLease
from storage.models import Binder, MessageKind, OutboxMessage, OutboxState
from storage.outbox import Owed
from tests.contract.database.rows import (
    claim_messages,
    done,
    launch,
    let_pass,
    message_of,
    post_card,
    together,
)


def say(store: Store, key: str, binder_id: str | None, kind: MessageKind = MessageKind.READY) -> None:
    with store.write() as session:
        outbox.say(session, kind, key, binder_id, sentence=f"This is {key}.")


def touch(store: Store, binder_id: str, *, urgent: bool = True) -> None:
    with store.write() as session:
        outbox.touch_card(session, binder_id, urgent=urgent)


def postpone(store: Store, owed: Owed, seconds: float, *, unsure: bool = False, error: str = "") -> None:
    with store.write() as session:
        outbox.postpone(session, owed.message, seconds, unsure=unsure, error=error)


def give_up(store: Store, owed: Owed, error: str = "is_archived") -> None:
    with store.write() as session:
        outbox.give_up(session, owed.message, error)


def keys(owed: list[Owed]) -> list[str]:
    return [each.message.key for each in owed]


def posted(store: Store) -> Binder:
    """A binder whose card is in Slack, and nothing is owed."""
    binder = launch(store)
    post_card(store, binder.id)
    return binder


def card_of(store: Store, binder: Binder) -> OutboxMessage:
    with store.read() as session:
        return session.scalars(select(OutboxMessage).where(OutboxMessage.key == f"card:{binder.id}")).one()


# Order ---------------------------------------------------------------------------------------------------


def test_the_card_comes_first_then_replies_one_by_one(store: Store) -> None:
    binder = launch(store)
    for key in ("one", "two"):
        say(store, key, binder.id)
    [card] = claim_messages(store)
    assert card.message.kind == MessageKind.CARD
    assert claim_messages(store) == []
    with store.write() as session:
        binders.set_thread(session, binder.id, "C1", "1.0")
        outbox.done(session, card.message, ts="1.0")
    for key in ("one", "two"):
        [owed] = claim_messages(store)
        assert owed.message.key == key
        assert owed.message.facts == {"sentence": f"This is {key}."}
        assert owed.binder is not None
        assert owed.binder.thread_ts == "1.0"
        assert claim_messages(store) == []
        done(store, owed)
    assert claim_messages(store) == []


def test_a_reply_that_is_put_off_holds_up_those_behind_it(store: Store) -> None:
    binder = posted(store)
    say(store, "one", binder.id)
    say(store, "two", binder.id)
    [one] = claim_messages(store)
    postpone(store, one, 30)
    assert claim_messages(store) == []
    let_pass(store, 31)
    assert keys(claim_messages(store)) == ["one"]


def test_the_links_wait_for_the_card_but_not_for_a_reply(store: Store) -> None:
    binder = launch(store)
    say(store, "ready", binder.id)
    say(store, "links", binder.id, MessageKind.LINKS)
    [card] = claim_messages(store)
    assert claim_messages(store) == []
    with store.write() as session:
        binders.set_thread(session, binder.id, "C1", "1.0")
        outbox.done(session, card.message, ts="1.0")
    assert keys(claim_messages(store)) == ["ready", "links"]


def test_a_reply_waits_for_the_links_before_it(store: Store) -> None:
    binder = posted(store)
    say(store, "links", binder.id, MessageKind.LINKS)
    say(store, "gone", binder.id, MessageKind.GONE)
    assert keys(claim_messages(store)) == ["links"]
    assert claim_messages(store) == []


def test_a_reply_that_is_given_up_holds_up_nobody(store: Store) -> None:
    binder = posted(store)
    say(store, "one", binder.id)
    say(store, "two", binder.id)
    [one] = claim_messages(store)
    give_up(store, one, "msg_too_long")
    assert keys(claim_messages(store)) == ["two"]
    row = message_of(store, one.message.id)
    assert (row.state, row.error) == (OutboxState.DEAD, "msg_too_long")


def test_a_card_that_is_there_holds_up_no_reply(store: Store) -> None:
    binder = posted(store)
    touch(store, binder.id)
    say(store, "one", binder.id)
    assert keys(claim_messages(store)) == [f"card:{binder.id}", "one"]


def test_a_card_that_cannot_be_posted_holds_up_nobody_for_ever(store: Store) -> None:
    binder = launch(store)
    say(store, "one", binder.id)
    [card] = claim_messages(store)
    give_up(store, card)
    assert keys(claim_messages(store)) == ["one"]


def test_a_thread_waits_for_its_own_card_only(store: Store) -> None:
    there = posted(store)
    touch(store, there.id)
    say(store, "reply", there.id)
    waiting = launch(store)
    say(store, "too early", waiting.id)
    assert keys(claim_messages(store)) == [f"card:{there.id}", "reply", f"card:{waiting.id}"]


def test_threads_do_not_wait_for_each_other(store: Store) -> None:
    first, second = posted(store), posted(store)
    for binder in (first, second):
        say(store, f"one {binder.id}", binder.id)
        say(store, f"two {binder.id}", binder.id)
    assert keys(claim_messages(store)) == [f"one {first.id}", f"one {second.id}"]


def test_what_is_urgent_goes_before_what_is_not(store: Store) -> None:
    first, second = posted(store), posted(store)
    touch(store, first.id, urgent=False)
    touch(store, second.id)
    assert keys(claim_messages(store, limit=1)) == [f"card:{second.id}"]
    assert keys(claim_messages(store, limit=1)) == [f"card:{first.id}"]


def test_alerts_need_no_binder(store: Store) -> None:
    say(store, "quiet cloud", None, MessageKind.ALERT)
    say(store, "full disk", None, MessageKind.ALERT)
    owed = claim_messages(store)
    assert keys(owed) == ["quiet cloud", "full disk"]
    assert [each.binder for each in owed] == [None, None]


def test_the_same_thing_is_said_once(store: Store) -> None:
    def repeat(_: int) -> None:
        say(store, "alert", None, MessageKind.ALERT)

    together(repeat)
    [owed] = claim_messages(store)
    done(store, owed)
    repeat(0)
    assert claim_messages(store) == []


# Cards ---------------------------------------------------------------------------------------------------


def test_many_changes_of_a_card_are_one_edit(store: Store) -> None:
    binder = posted(store)
    together(lambda _: touch(store, binder.id))
    [owed] = claim_messages(store)
    done(store, owed)
    assert claim_messages(store) == []


def test_a_change_while_the_card_is_being_sent_is_owed_again(store: Store) -> None:
    binder = posted(store)
    touch(store, binder.id)
    [shown] = claim_messages(store)
    touch(store, binder.id)
    assert claim_messages(store) == []
    done(store, shown)
    [again] = claim_messages(store)
    assert again.message.version == shown.message.version + 1
    assert not again.message.unsure
    done(store, again)
    assert claim_messages(store) == []


def test_a_change_while_the_card_is_being_given_up_is_owed_as_new(store: Store) -> None:
    binder = posted(store)
    touch(store, binder.id)
    [tried] = claim_messages(store)
    postpone(store, tried, 0, error="internal_error")
    [tried] = claim_messages(store)
    touch(store, binder.id)
    give_up(store, tried, "invalid_blocks")
    [again] = claim_messages(store)
    assert again.message.attempts == 0
    give_up(store, again)
    assert claim_messages(store) == []


def test_a_card_that_was_given_up_is_tried_anew_when_it_changes(store: Store) -> None:
    binder = posted(store)
    touch(store, binder.id)
    [tried] = claim_messages(store)
    postpone(store, tried, 0, error="internal_error")
    [tried] = claim_messages(store)
    give_up(store, tried)
    touch(store, binder.id)
    [again] = claim_messages(store)
    assert again.message.attempts == 0


@pytest.mark.parametrize(
    ("touches", "expected"),
    [([False, False], False), ([False, True], True), ([True, False], True)],
    ids=["heartbeats", "overtaken by a stage", "a stage stays urgent"],
)
def test_a_card_is_as_urgent_as_its_most_urgent_change(
    store: Store, touches: list[bool], *, expected: bool
) -> None:
    binder = posted(store)
    for urgent in touches:
        touch(store, binder.id, urgent=urgent)
    [owed] = claim_messages(store)
    assert owed.message.urgent is expected


def test_a_heartbeat_after_a_delivered_stage_is_no_more_than_that(store: Store) -> None:
    binder = posted(store)
    touch(store, binder.id)
    [stage] = claim_messages(store)
    done(store, stage)
    touch(store, binder.id, urgent=False)
    [heartbeat] = claim_messages(store)
    assert not heartbeat.message.urgent


def test_a_stage_does_not_wait_for_the_turn_of_a_heartbeat(store: Store) -> None:
    binder = posted(store)
    touch(store, binder.id, urgent=False)
    [heartbeat] = claim_messages(store)
    postpone(store, heartbeat, 30)
    touch(store, binder.id, urgent=False)
    assert claim_messages(store) == []
    touch(store, binder.id, urgent=True)
    assert keys(claim_messages(store)) == [f"card:{binder.id}"]


def test_a_change_while_a_card_turns_out_too_early_is_looked_at_anew(store: Store) -> None:
    binder = posted(store)
    touch(store, binder.id, urgent=False)
    [heartbeat] = claim_messages(store)
    touch(store, binder.id, urgent=True)
    postpone(store, heartbeat, 30)
    assert keys(claim_messages(store)) == [f"card:{binder.id}"]


def test_a_change_while_a_card_fails_does_not_spare_it_its_pause(store: Store) -> None:
    binder = posted(store)
    touch(store, binder.id)
    [tried] = claim_messages(store)
    touch(store, binder.id)
    postpone(store, tried, 30, unsure=True, error="timed out")
    assert claim_messages(store) == []
    let_pass(store, 31)
    assert keys(claim_messages(store)) == [f"card:{binder.id}"]


# Senders that die ----------------------------------------------------------------------------------------


def test_many_senders_never_share_a_message(store: Store) -> None:
    for index in range(30):
        say(store, f"alert {index}", None, MessageKind.ALERT)

    def work(_: int) -> list[str]:
        mine: list[str] = []
        while owed := claim_messages(store, limit=2):
            mine += keys(owed)
        return mine

    claimed = [each for share in together(work) for each in share]
    assert sorted(claimed) == sorted(f"alert {index}" for index in range(30))


def test_senders_at_once_keep_the_order_of_a_thread(store: Store) -> None:
    binder = posted(store)
    expected = [f"{index}" for index in range(20)]
    for key in expected:
        say(store, key, binder.id)
    sent: list[str] = []

    def work(_: int) -> None:
        while len(sent) < len(expected):
            for owed in claim_messages(store, limit=2):
                sent.append(owed.message.key)
                done(store, owed)

    together(work, 3)
    assert sent == expected


def test_what_a_dead_sender_held_may_have_arrived(store: Store) -> None:
    say(store, "alert", None, MessageKind.ALERT)
    [dead] = claim_messages(store, lease_seconds=30)
    assert not dead.message.unsure
    let_pass(store, 29)
    assert claim_messages(store) == []
    let_pass(store, 2)
    [heir] = claim_messages(store)
    assert heir.message.unsure
    with pytest.raises(LostLease):
        done(store, dead)
    done(store, heir, ts="5.0")
    row = message_of(store, heir.message.id)
    assert (row.state, row.sent_ts, row.unsure) == (OutboxState.DONE, "5.0", False)


def test_doubt_lasts_until_it_is_settled(store: Store) -> None:
    say(store, "alert", None, MessageKind.ALERT)
    [owed] = claim_messages(store)
    postpone(store, owed, 0, unsure=True, error="timed out")
    [again] = claim_messages(store)
    assert again.message.unsure
    postpone(store, again, 0, unsure=False)
    [settled] = claim_messages(store)
    assert not settled.message.unsure


@pytest.mark.parametrize(
    "finish",
    [
        outbox.done,
        lambda session, message: outbox.postpone(session, message, 5, unsure=False),
        lambda session, message: outbox.give_up(session, message, "too late"),
    ],
    ids=["done", "postpone", "give up"],
)
def test_who_lost_a_message_decides_nothing_about_it(store: Store, finish: Any) -> None:
    say(store, "alert", None, MessageKind.ALERT)
    [paused] = claim_messages(store, lease_seconds=30)
    let_pass(store, 31)
    [holder] = claim_messages(store)
    with pytest.raises(LostLease), store.write() as session:
        finish(session, paused.message)
    row = message_of(store, holder.message.id)
    assert (row.state, row.fence) == (OutboxState.SENDING, holder.message.fence)


def test_tries_are_counted_but_not_those_that_were_too_early(store: Store) -> None:
    say(store, "alert", None, MessageKind.ALERT)
    for error in ("timed out", "", "timed out again"):
        [owed] = claim_messages(store)
        postpone(store, owed, 0, unsure=False, error=error)
    [owed] = claim_messages(store)
    assert (owed.message.attempts, owed.message.error) == (2, "timed out again")


def test_the_only_sender_takes_over_at_once_what_it_held_before(store: Store) -> None:
    say(store, "alert", None, MessageKind.ALERT)
    claim_messages(store, lease_seconds=3600)
    with store.write() as session:
        outbox.reopen(session)
    [owed] = claim_messages(store)
    assert owed.message.unsure


def test_a_claim_does_not_wait_for_one_that_is_under_way(postgresql: Store) -> None:
    for key in ("one", "two"):
        say(postgresql, key, None, MessageKind.ALERT)
    with postgresql.write() as first, postgresql.write() as second:
        second.execute(text("SET LOCAL lock_timeout = '5s'"))
        assert keys(list(outbox.claim(first, limit=1, lease_seconds=60))) == ["one"]
        assert keys(list(outbox.claim(second, limit=1, lease_seconds=60))) == ["two"]


def test_what_is_claimed_can_be_read_after_its_transaction(store: Store) -> None:
    binder = launch(store)
    [owed] = claim_messages(store)
    with store.write() as session:
        session.execute(update(Binder).values(line="changed since"))
    assert owed.binder is not None
    assert (owed.binder.id, owed.binder.line) == (binder.id, "")
    assert card_of(store, binder).state == OutboxState.SENDING
