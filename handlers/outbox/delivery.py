"""The outbox on its way to Slack, on a thread of its own.

    claim one row -> render it from the binder as it is now -> call Slack -> note how that went

No transaction is open while Slack is called. A row whose sender died, or whose answer was lost, is looked for
in Slack by the key in its metadata before it is sent again.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from sqlalchemy.orm import Session

from handlers import messages
from handlers.messages import notices, sharing
from handlers.messages.help_request import NOT_ASKED, help_request
from handlers.messages.language import language_of, reading
from handlers.messages.message import Message
from handlers.messages.notices import NoticeOptions
from handlers.outbox import channel_privacy, replies
from handlers.outbox.announcements import Announcements
from handlers.outbox.block_support import BlockSupport
from handlers.outbox.duplicate_posts import DuplicatePosts, LatePost
from handlers.outbox.idempotent_post import Post, Posts
from handlers.outbox.places import CHANNEL_REFUSED, ROOT_LOST, Places, explain_move
from handlers.outbox.seat_posts import SeatPosts
from handlers.outbox.ways import Ways
from handlers.outbox.worker import OutboxWorker
from handlers.slack.calls import Method, Rejected, SlackCalls, TooEarly, Uncertain
from handlers.slack.clients import HOME, Clients
from handlers.slack.profiles import english
from handlers.slack.user_timezones import UserTimezone, utc
from storage import binders, outbox, shares
from storage import notices as stored_notices
from storage.engine import Store
from storage.errors import LostLease
from storage.models import Binder
from storage.outbox import Owed
from storage.vocabulary import MessageKind, Target

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 5.0
"""Between two edits of one card that only show a newer line of its log."""
THRIFT_SECONDS = 5.0
"""How long a heartbeat waits when the allowance of edits is half spent."""


class Delivery(OutboxWorker):
    """Sends what the outbox holds.

    Args:
        store: Where the outbox is.
        clients: Slack's Web API, for each workspace.
        calls: The one rate limiter, shared with everything else that posts or reads.
        admin_channel: The channel id that hears alerts; None where nobody does.
        options: What notices depend on.
        zone_of: Tells in which time zone somebody is (by workspace and id); may ask Slack, for a moment.
        known_locale: Tells a person's locale (`de-DE`), if it is known.
    """

    def __init__(  # noqa: PLR0913 - each matters to one kind of message
        self,
        store: Store,
        clients: Clients,
        calls: SlackCalls,
        *,
        admin_channel: str | None = None,
        options: NoticeOptions | None = None,
        zone_of: Callable[[str, str], UserTimezone] = utc,
        known_locale: Callable[[str, str], str | None] = english,
    ) -> None:
        super().__init__(store)
        self._clients = clients
        self._options = options or NoticeOptions()
        self._zone_of = zone_of
        self._known_locale = known_locale
        self._calls = calls
        self._edits: dict[str, float] = {}
        """When each card was edited last, by the database's clock."""
        self._places = Places(clients)
        self._blocks = BlockSupport(are_tried=self._options.newer_blocks)
        self._posts = Posts(clients)
        self._announcements = Announcements(store, clients, self._options, admin_channel, known_locale)
        self._seats = SeatPosts(store, can_shelve=self._options.can_shelve)
        self._duplicates = DuplicatePosts(store, self._posts, self._calls)
        self._late: LatePost | None = None
        """What was posted for the current message: too late, if another sender has the message by then."""

    def deliver_due(self) -> float | None:
        """Deliver the message that is due first, and remove duplicates that were posted too late."""
        self._duplicates.settle()
        self._late = None
        return super().deliver_due()

    def _attempt(self, owed: Owed) -> None:
        try:
            super()._attempt(owed)
        except Exception:  # how it went is not written down, and somebody else may have the message by now
            if self._late:
                self._duplicates.add(self._late)
            raise

    def _delivered(self, session: Session, owed: Owed) -> None:
        """Note that a notice was said: from now on the binder may end."""
        if owed.message.kind == MessageKind.NOTICE:
            stored_notices.mark_told(session, owed.message.facts["notice"])

    def _given_up(self, session: Session, owed: Owed) -> None:
        """A notice that Slack refuses for good counts as told. That help was not asked for is told."""
        self._delivered(session, owed)
        if owed.message.kind == MessageKind.HELP:
            key = f"note:{owed.message.key}"[:255]
            outbox.say(session, MessageKind.NOTE, key, owed.message.binder_id, sentence=NOT_ASKED)

    # What is sent ----------------------------------------------------------------------------------------

    def _send(self, owed: Owed, now: float) -> None:
        binder = owed.binder
        if binder is None:
            self._announcements.send(owed, now, self._ways(owed))
        elif binder.class_id is not None and not self._seats.is_worth(binder, owed.message.kind):
            self._skip(owed, binder)
        else:
            self._send_of_binder(owed, binder, now)

    def _send_of_binder(self, owed: Owed, binder: Binder, now: float) -> None:
        kind = owed.message.kind
        if kind == MessageKind.NOTICE:
            self._send_notice(owed, binder, now)
        elif binder.target == Target.GONE and kind in replies.ONLY_WHILE_WANTED:
            self._done(owed)
        elif kind == MessageKind.CARD:
            self._send_card(owed, binder, now)
        elif kind == MessageKind.LINKS:
            self._send_links(owed, binder)
        elif kind == MessageKind.SHARED:
            self._send_word_of_share(owed, binder)
        elif kind == MessageKind.HELP:
            self._send_help(owed, binder)
        else:
            self._send_reply(owed, binder, replies.reply(owed, binder, now, self._options))

    def _ways(self, owed: Owed) -> Ways:
        return Ways(
            call=partial(self._call, owed),
            post=partial(self._post, owed),
            find=partial(self._find, owed),
            direct=partial(self._places.direct, partial(self._call, owed)),
            edits_are_scarce=self._calls.edits_are_scarce,
            done=partial(self._done, owed),
        )

    def _skip(self, owed: Owed, binder: Binder) -> None:
        """Say nothing about a seat of a class: it is not worth a message, or nobody has it."""
        if binder.owner and owed.message.kind == MessageKind.CARD:
            # Opened early: when the links of a whole class come at once, Slack would be slow to open all.
            self._direct(owed, binder)
        with self._store.write() as session:
            self._delivered(session, owed)
            outbox.done(session, owed.message)

    def _send_notice(self, owed: Owed, binder: Binder, now: float) -> None:
        """Post a notice once, unless it is settled; from then on edit it, where it is still there."""
        with self._store.read() as session:
            given = stored_notices.get(session, owed.message.facts["notice"])
        if given is None:
            self._done(owed)
            return
        message = notices.notice(binder, given, now, self._options)
        ts = owed.message.sent_ts
        if ts is None and given.outcome is None and binder.target != Target.GONE:
            self._send_reply(owed, binder, message)
            return
        if ts is None and owed.message.unsure and binder.thread_channel:
            ts = self._find(owed, Post.of(owed, message, binder.thread_channel, binder.thread_ts))
        if ts is not None:
            if binder.class_id is not None and self._calls.edits_are_scarce(binder.team_id):
                raise TooEarly(THRIFT_SECONDS)
            self._edit(owed, binder, message, ts=ts)
        self._done(owed, ts)

    def _send_card(self, owed: Owed, binder: Binder, now: float) -> None:
        client = self._clients.of(binder.team_id)
        channel_privacy.learn(partial(self._call, owed), client, self._store, binder)
        if binder.thread_channel and binder.thread_ts:
            self._keep_heartbeat(owed, binder, now)
            if self._blocks.send(binder.team_id, now, partial(self._edit_card, owed, binder, now)):
                self._edits = {each: at for each, at in self._edits.items() if now - at < HEARTBEAT_SECONDS}
                self._edits[binder.id] = now
                self._seats.note_shown(binder)
                self._done(owed, binder.thread_ts)
                return
        found = self._find_card(owed, binder, now) if owed.message.unsure else None
        channel, ts = found or self._blocks.send(
            binder.team_id, now, partial(self._post_card, owed, binder, now)
        )
        zone = self._zone_of(binder.team_id, binder.owner).name
        with self._store.write() as session:
            binders.set_thread(session, binder.id, channel, ts)
            if zone:
                binders.note_zone(session, binder.id, zone)
            if found:  # what is there may be older than the row: edit it next
                outbox.postpone(session, owed.message, 0.0, unsure=False)
            else:
                outbox.done(session, owed.message, ts=ts)
                self._seats.note_shown(binder)
        with self._read_by(binder, binder.owner):
            explain_move(binder, channel)

    def _card(self, binder: Binder, now: float, *, newer_blocks: bool = False) -> Message:
        options = self._options
        if binder.class_id is not None:
            return self._seats.card(binder)
        return messages.card(
            binder,
            now,
            can_shelve=options.can_shelve,
            can_ask=options.offers.can_ask,
            newer_blocks=newer_blocks,
        )

    def _edit_card(self, owed: Owed, binder: Binder, now: float, *, newer_blocks: bool) -> bool:
        return self._edit(owed, binder, self._card(binder, now, newer_blocks=newer_blocks))

    def _keep_heartbeat(self, owed: Owed, binder: Binder, now: float) -> None:
        """Delay the heartbeat of a log if edits are needed for changes of stages.

        Raises:
            TooEarly: Its turn is later.
        """
        if owed.message.urgent and binder.class_id is None:
            return
        since = now - self._edits.get(binder.id, 0.0)
        if since < HEARTBEAT_SECONDS:
            raise TooEarly(HEARTBEAT_SECONDS - since)
        if self._calls.edits_are_scarce(binder.team_id):
            raise TooEarly(THRIFT_SECONDS)

    def _edit(self, owed: Owed, binder: Binder, message: Message, *, ts: str | None = None) -> bool:
        """Edit the card, or the message `ts`. To do it twice is harmless, so no probe is needed.

        Returns:
            False where it is not there any more.
        """
        try:
            self._call(
                owed,
                self._clients.of(binder.team_id).chat_update,
                binder.team_id,
                channel=binder.thread_channel,
                ts=ts or binder.thread_ts,
                **message.as_arguments(),
            )
        except Rejected as error:
            if error.code not in ROOT_LOST | CHANNEL_REFUSED:
                raise
            log.info("message_lost", key=owed.message.key, error=error.code)
            return False
        return True

    def _find_card(self, owed: Owed, binder: Binder, now: float) -> tuple[str, str] | None:
        """Look for a card that may have arrived, in the channel and in the owner's direct message."""
        home = self._home(owed, binder)
        for place in dict.fromkeys((home, self._direct(owed, binder))):
            if ts := self._find(owed, Post.of(owed, self._card(binder, now), place)):
                log.info("message_had_arrived", key=owed.message.key)
                return place, ts
        return None

    def _post_card(self, owed: Owed, binder: Binder, now: float, *, newer_blocks: bool) -> tuple[str, str]:
        """Post the card where it was asked for, or else to the owner; returns its channel and ts."""
        channel = self._home(owed, binder)
        post = Post.of(owed, self._card(binder, now, newer_blocks=newer_blocks), channel)
        try:
            return self._post_blindly(owed, post)
        except Rejected as error:
            direct = self._direct_after(error, owed, binder, channel)
        return self._post_blindly(owed, replace(post, channel=direct))

    def _send_reply(self, owed: Owed, binder: Binder, message: Message) -> None:
        channel = self._home(owed, binder)
        post = Post.of(owed, message, channel, binder.thread_ts)
        try:
            _, ts = self._post(owed, post)
        except Rejected as error:
            if error.code not in ROOT_LOST | CHANNEL_REFUSED or not binder.thread_ts:
                raise
            self._begin_thread_anew(owed, binder, binder.thread_ts, error)
        else:
            self._done(owed, ts)

    def _begin_thread_anew(self, owed: Owed, binder: Binder, lost: str, error: Rejected) -> None:
        """Owe the card again, unless that is done already. The reply waits for it."""
        log.info("thread_lost", error=error.code)
        with self._store.write() as session:
            is_lost = binders.lose_thread(session, binder.id, lost)
            outbox.postpone(session, owed.message, 0.0, unsure=False, error=error.code)
            if is_lost:
                outbox.touch_card(session, binder.id)

    def _send_links(self, owed: Owed, binder: Binder) -> None:
        with self._read_by(binder, binder.owner):
            message = messages.links(binder)
        channel = binder.thread_channel or binder.channel
        if channel.startswith("D"):  # a direct message is as private, and keeps it
            self._send_reply(owed, binder, message)
            return
        try:
            # Nothing can tell whether an ephemeral message arrived: if in doubt, it is sent again.
            response = self._call(
                owed,
                self._clients.of(binder.team_id).chat_postEphemeral,
                binder.team_id,
                channel=channel,
                user=binder.owner,
                thread_ts=binder.thread_ts,
                **message.as_arguments(),
            )
        except Rejected as error:
            direct = self._direct_after(error, owed, binder, channel)
            _, ts = self._post(owed, Post.of(owed, message, direct))
        else:
            ts = response.get("message_ts")
        self._done(owed, ts)

    def _send_word_of_share(self, owed: Owed, binder: Binder) -> None:
        """Tell a person or a channel that a binder is shared with them, unless it is so no longer."""
        to, by = (str(owed.message.facts.get(name, "")) for name in ("to", "by"))
        with self._store.read() as session:
            manages = shares.right_of(session, binder.id, to)
        if manages is None:
            self._done(owed)
            return
        channel = to if to.startswith(("C", "G")) else self._direct(owed, binder, to)
        with self._read_by(binder, to):  # a channel has no language of its own
            message = sharing.told(binder, by, to, manages=manages)
        self._done(owed, self._post(owed, Post.of(owed, message, channel))[1])

    def _read_by(self, binder: Binder, user: str) -> AbstractContextManager[None]:
        return reading(language_of(self._known_locale(binder.team_id, user)))

    def _send_help(self, owed: Owed, binder: Binder) -> None:
        if (channel := self._options.help_channel) is None:
            raise Rejected("no_help_channel")
        message = help_request(binder, str(owed.message.facts.get("by", "")))
        self._done(owed, self._post(owed, Post.of(owed, message, channel, team_id=HOME))[1])

    # Where it goes ---------------------------------------------------------------------------------------

    def _home(self, owed: Owed, binder: Binder) -> str:
        return binder.thread_channel or self._places.home(partial(self._call, owed), binder)

    def _direct(self, owed: Owed, binder: Binder, user: str | None = None) -> str:
        return self._places.direct(partial(self._call, owed), binder.team_id, user or binder.owner)

    def _direct_after(self, error: Rejected, owed: Owed, binder: Binder, channel: str) -> str:
        """The direct message to use if a channel refuses us; raises `error` if that would not help."""
        if error.code not in CHANNEL_REFUSED or channel.startswith("D"):
            raise error
        return self._direct(owed, binder)

    # Posts, once -----------------------------------------------------------------------------------------

    def _post(self, owed: Owed, post: Post) -> tuple[str, str]:
        """Post it, unless it is there already; its channel and ts."""
        if owed.message.unsure and (ts := self._find(owed, post)):
            log.info("message_had_arrived", key=post.key)
            return post.channel, ts
        return self._post_blindly(owed, post)

    def _find(self, owed: Owed, post: Post) -> str | None:
        return self._posts.find(partial(self._call, owed), post)

    def _post_blindly(self, owed: Owed, post: Post) -> tuple[str, str]:
        try:
            channel, ts = self._posts.send(partial(self._call, owed), post)
        except Uncertain:
            self._late = LatePost(owed.message, post, ts=None)
            raise
        self._late = LatePost(owed.message, replace(post, channel=channel), ts)
        return channel, ts

    def _call(self, owed: Owed, method: Method, scope: str, **arguments: Any) -> Any:
        """Call Slack, unless the lease has ended: then another sender may have the message.

        Raises:
            LostLease: It may.
        """
        if self._store.now() >= owed.message.lease_until:
            raise LostLease(f"The time to send outbox message {owed.message.id} is over.")
        return self._calls.call(method, scope, owed.message.id, **arguments)
