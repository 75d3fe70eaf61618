"""Whatever dies whenever: Slack hears everything that it was owed, once, and in order."""

from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from storage import binders, outbox
from storage.engine import Store
from storage.errors import LostLease
from storage.models import OutboxMessage
from storage.outbox import Owed
from storage.vocabulary import MessageKind, OutboxState
from tests.contract.database.rows import claim_messages, new_binder
from tests.fakes.database import empty

LEASE = 30.0
BACKOFF = 5.0
BINDERS = ["b1", "b2"]
names = st.sampled_from(BINDERS)
any_of_them = st.integers(0, 5)


@dataclass
class Sender:
    """Somebody who holds a message. Only it knows whether Slack has it already, until it dies."""

    owed: Owed
    sent: bool = False

    @property
    def can_be_refused(self) -> bool:
        """Whether Slack does not have it for certain; a card is never refused here."""
        message = self.owed.message
        return not self.sent and not message.unsure and message.kind != MessageKind.CARD


class Slack:
    """Keeps what it was sent: the keys in each thread, and the version that each card shows."""

    def __init__(self) -> None:
        self.threads: dict[str, list[str]] = {each: [] for each in BINDERS}
        self.shown = dict.fromkeys(BINDERS, 0)

    def receive(self, owed: Owed) -> None:
        """Do what a delivery does: look before sending what may have arrived."""
        message, binder = owed.message, owed.binder
        assert binder is not None
        thread = self.threads[binder.id]
        is_card = message.kind == MessageKind.CARD
        is_there = bool(is_card and binder.thread_ts) or (message.unsure and message.key in thread)
        if not is_there:
            thread.append(message.key)
        if is_card:
            assert message.version >= self.shown[binder.id]
            self.shown[binder.id] = message.version


class Outbox(RuleBasedStateMachine):
    """The table between those who say things, and senders that may be slow, fail or die."""

    now: ClassVar[list[float]] = [0.0]
    store: ClassVar[Store]

    def __init__(self) -> None:
        super().__init__()
        empty(self.store)
        self.now[0] = 1000.0
        self.slack = Slack()
        self.senders: list[Sender] = []
        self.said = {each: [f"card:{each}"] for each in BINDERS}
        self.version = dict.fromkeys(BINDERS, 1)
        self.refused: set[str] = set()
        for each in BINDERS:
            with self.store.write() as session:
                binders.add(session, new_binder(id=each, request_key=each, url=each), wanted_name=each)

    @rule(binder_id=names, is_new=st.booleans())
    def say(self, binder_id: str, *, is_new: bool) -> None:
        said = self.said[binder_id]
        if is_new or len(said) == 1:
            said.append(f"reply-{len(said)}:{binder_id}")
        with self.store.write() as session:
            outbox.say(session, MessageKind.READY, said[-1], binder_id)

    @rule(binder_id=names, urgent=st.booleans())
    def change(self, binder_id: str, *, urgent: bool) -> None:
        self.version[binder_id] += 1
        with self.store.write() as session:
            outbox.touch_card(session, binder_id, urgent=urgent)

    @rule(seconds=st.sampled_from([BACKOFF, LEASE / 2, LEASE]))
    def wait(self, seconds: float) -> None:
        self.now[0] += seconds

    @rule(are_sent=st.booleans())
    def claim(self, *, are_sent: bool) -> None:
        for owed in claim_messages(self.store, limit=3, lease_seconds=LEASE):
            self.senders.append(Sender(owed))
            if are_sent:
                self._send(self.senders[-1])

    @precondition(lambda self: self.senders)
    @rule(which=any_of_them)
    def send_late(self, which: int) -> None:
        self._send(self.senders[which % len(self.senders)])

    def _send(self, sender: Sender) -> None:
        if not sender.sent and sender.owed.message.lease_until > self.now[0]:
            self.slack.receive(sender.owed)
            sender.sent = True

    @precondition(lambda self: any(each.sent for each in self.senders))
    @rule(which=any_of_them)
    def hear_the_answer(self, which: int) -> None:
        sent = [each for each in self.senders if each.sent]
        sender = sent[which % len(sent)]
        self.senders.remove(sender)
        self._settle(sender)

    @precondition(lambda self: self.senders)
    @rule(which=any_of_them, dies=st.booleans())
    def hear_nothing(self, which: int, *, dies: bool) -> None:
        sender = self.senders.pop(which % len(self.senders))
        if not dies:
            self._put_off(sender)

    @precondition(lambda self: any(each.can_be_refused for each in self.senders))
    @rule()
    def be_refused(self) -> None:
        sender = next(each for each in self.senders if each.can_be_refused)
        self.senders.remove(sender)
        try:
            with self.store.write() as session:
                outbox.give_up(session, sender.owed.message, "msg_too_long")
        except LostLease:
            return  # whoever took it over is refused as well, or not
        self.refused.add(sender.owed.message.key)

    @invariant()
    def threads_are_in_order_and_hold_nothing_twice(self) -> None:
        for binder_id, thread in self.slack.threads.items():
            assert thread == self._expected(binder_id)[: len(thread)]

    @invariant()
    def a_settled_card_shows_the_newest_state(self) -> None:
        cards = select(OutboxMessage.binder_id).where(
            OutboxMessage.kind == MessageKind.CARD, OutboxMessage.state == OutboxState.DONE
        )
        with self.store.read() as session:
            for each in session.scalars(cards):
                assert each is not None
                assert self.slack.shown[each] == self.version[each]

    def teardown(self) -> None:
        self.senders.clear()
        for _ in range(sum(map(len, self.said.values())) + 1):
            self.now[0] += LEASE
            self._deliver_all()
        for each in BINDERS:
            assert self.slack.threads[each] == self._expected(each)
            assert self.slack.shown[each] == self.version[each]

    def _deliver_all(self) -> None:
        for owed in claim_messages(self.store, lease_seconds=LEASE):
            self.slack.receive(owed)
            self._settle(Sender(owed))

    def _expected(self, binder_id: str) -> list[str]:
        return [each for each in self.said[binder_id] if each not in self.refused]

    def _settle(self, sender: Sender) -> None:
        message, binder = sender.owed.message, sender.owed.binder
        assert binder is not None
        try:
            with self.store.write() as session:
                if message.kind == MessageKind.CARD:
                    binders.set_thread(session, binder.id, "C1", "1.0")
                outbox.done(session, message, ts="1.0")
        except LostLease:
            pass  # whoever took it over settles it

    def _put_off(self, sender: Sender) -> None:
        unsure = sender.sent or sender.owed.message.unsure
        try:
            with self.store.write() as session:
                outbox.postpone(session, sender.owed.message, BACKOFF, unsure=unsure, error="timed out")
        except LostLease:
            pass  # whoever took it over settles it


def test_nothing_is_lost_or_doubled_or_out_of_order(sqlite: Store) -> None:
    slow_is_fine = settings(
        max_examples=25, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow]
    )
    with closing(Store(str(sqlite.url), clock=lambda: Outbox.now[0])) as Outbox.store:
        run_state_machine_as_test(Outbox, settings=slow_is_fine)
