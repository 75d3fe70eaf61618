"""Delivers the outbox, one message at a time: how messages are claimed, and what follows from failures."""

from threading import Event
from typing import ClassVar

import structlog
from sqlalchemy.orm import Session

from bot.errors import LostLease
from handlers.slack.calls import Rejected, TooEarly, Uncertain, WorkspaceLost
from storage import outbox
from storage.engine import Store
from storage.outbox import Owed

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.25
"""How often the outbox is checked; `nudge` wakes the worker at once for rows of this process."""
MAX_ATTEMPTS = 30
"""How often one message is tried, over some 25 minutes; for ever if our token is refused."""
MAX_BACKOFF_SECONDS = 60.0
LOST_SECONDS = 60.0
"""How often a message looks whether its lost workspace is back."""
TOKEN_REFUSED = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "not_allowed_token_type",
        "team_access_not_granted",
    }
)


class OutboxWorker:
    """Delivers messages, or archives; a subclass says how, in `_send`.

    Args:
        store: Where the outbox is.
    """

    archives: ClassVar[bool] = False
    """Whether it delivers archives, or everything else."""
    lease: ClassVar[float] = 60.0
    """Seconds after which a try counts as dead."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._woken = Event()
        self.refused: str | None = None
        """Slack's word for why it does not accept our token; None while it does."""

    def nudge(self) -> None:
        """Wake the delivery: there may be something new. A hint, never needed."""
        self._woken.set()

    def run(self, stop: Event) -> None:
        """Deliver until told to stop; `nudge` after setting `stop` to be quick about it."""
        if not self._store.shared:
            with self._store.write() as session:
                outbox.reopen(session, archives=self.archives)
        while not stop.is_set():
            self._woken.clear()
            pause = self._guarded_pass()
            if pause:
                self._woken.wait(pause)

    def deliver_due(self) -> float | None:
        """Deal with the one message that is due first.

        Returns:
            None where nothing was due; otherwise 0.0: there may be more.
        """
        with self._store.write() as session:
            owed = outbox.claim(session, limit=1, lease_seconds=self.lease, archives=self.archives)
        for each in owed:
            with structlog.contextvars.bound_contextvars(binder=each.message.binder_id):
                self._deal_with(each)
        return 0.0 if owed else None

    def _guarded_pass(self) -> float:
        try:
            return POLL_SECONDS if self.deliver_due() is None else 0.0
        except Exception:  # the thread must outlive a database that is away for a moment
            log.exception("delivery_pass_failed")
            return POLL_SECONDS

    def _deal_with(self, owed: Owed) -> None:
        try:
            self._attempt(owed)
        except LostLease:
            log.info("message_taken_over", key=owed.message.key)

    def _attempt(self, owed: Owed) -> None:
        message = owed.message
        try:
            self._send(owed, self._store.now())
        except TooEarly as early:
            self._postpone(owed, early.seconds, unsure=message.unsure)
        except Uncertain as error:
            log.warning("delivery_uncertain", key=message.key, error=str(error))
            self._try_again(owed, str(error), unsure=True)
        except WorkspaceLost as lost:
            self._after_loss(owed, lost)
        except Rejected as error:
            self._after_rejection(owed, error)
        except LostLease:
            raise
        except Exception as error:  # one broken message must not stop the others
            log.exception("delivery_broke", key=message.key)
            self._try_again(owed, repr(error), unsure=True)
        else:
            self.refused = None

    def _after_rejection(self, owed: Owed, error: Rejected) -> None:
        if error.code not in TOKEN_REFUSED:
            self._give_up(owed, error.code)
            return
        if self.refused != error.code:
            log.error("slack_refuses_our_token", error=error.code)
        self.refused = error.code
        seconds = _backoff(owed.message.attempts + 1)
        self._postpone(owed, seconds, unsure=owed.message.unsure, error=error.code)

    def _after_loss(self, owed: Owed, lost: WorkspaceLost) -> None:
        """Wait for the workspace to come back; once nobody waits any more, drop the message."""
        if not lost.is_over:
            self._postpone(owed, LOST_SECONDS, unsure=owed.message.unsure)
            return
        log.info("message_dropped", key=owed.message.key, error=str(lost))
        with self._store.write() as session:
            self._given_up(session, owed)
            outbox.give_up(session, owed.message, f"workspace lost: {lost}")

    def _try_again(self, owed: Owed, error: str, *, unsure: bool) -> None:
        attempts = owed.message.attempts + 1
        if attempts >= MAX_ATTEMPTS:
            self._give_up(owed, error)
        else:
            self._postpone(owed, _backoff(attempts), unsure=unsure, error=error)

    def _postpone(self, owed: Owed, seconds: float, *, unsure: bool, error: str = "") -> None:
        with self._store.write() as session:
            outbox.postpone(session, owed.message, seconds, unsure=unsure, error=error)

    def _give_up(self, owed: Owed, error: str) -> None:
        log.error("message_given_up", key=owed.message.key, kind=str(owed.message.kind), error=error)
        with self._store.write() as session:
            self._given_up(session, owed)
            outbox.give_up(session, owed.message, error)

    def _done(self, owed: Owed, ts: str | None = None) -> None:
        with self._store.write() as session:
            if ts is not None:
                self._delivered(session, owed)
            outbox.done(session, owed.message, ts=ts)

    # For those who deliver -------------------------------------------------------------------------------

    def _send(self, owed: Owed, now: float) -> None:
        """Send it, and mark it as done.

        Raises:
            DeliveryError: It was not sent, or nobody knows.
        """
        raise NotImplementedError

    def _delivered(self, session: Session, owed: Owed) -> None:
        """Write down what follows from its delivery."""

    def _given_up(self, session: Session, owed: Owed) -> None:
        """Write down what follows from its never being delivered."""


def _backoff(attempts: int) -> float:
    return float(min(2.0 ** min(attempts - 1, 10), MAX_BACKOFF_SECONDS))
