"""Shows people their Home tabs again, once something on them changed."""

from collections.abc import Callable
from threading import Event

import structlog

from bot.errors import LostLease
from handlers.messages.blocks import Json
from handlers.outbox.worker import TOKEN_REFUSED
from handlers.slack.calls import DeliveryError, Rejected, SlackCalls, TooEarly, WorkspaceLost
from handlers.slack.clients import Clients
from storage import homes
from storage.engine import Store
from storage.home_models import Home
from storage.homes import OwedHome

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
"""How often changes are looked for; `nudge` wakes the publisher at once for those of this process."""
LEASE_SECONDS = 60.0
"""Seconds after which a try counts as dead."""
RETRY_SECONDS = 10.0
"""After which it is tried again where Slack fails."""

Render = Callable[[Home], list[Json]]
"""Makes the blocks of a tab as it is now."""


class HomePublisher:
    """Publishes Home tabs at Slack's pace.

    A tab is read anew each time, so however much changed, it is published once. What changed is forgotten
    only when Slack took the tab: a crash loses nothing. To publish a tab twice is harmless.

    Args:
        store: The database.
        clients: Slack's Web API, for each workspace.
        calls: The rate limiter.
        render: See `Render`.
    """

    def __init__(self, store: Store, clients: Clients, calls: SlackCalls, render: Render) -> None:
        self._store = store
        self._clients = clients
        self._calls = calls
        self._render = render
        self._woken = Event()

    def nudge(self) -> None:
        """Wake the publisher: there may be something new. A hint, never needed."""
        self._woken.set()

    def run(self, stop: Event) -> None:
        """Publish until told to stop; `nudge` after setting `stop` to be quick about it."""
        if not self._store.shared:
            with self._store.write() as session:
                homes.release_all(session)
        while not stop.is_set():
            self._woken.clear()
            if not self._guarded_pass():
                self._woken.wait(POLL_SECONDS)

    def publish_due(self) -> bool:
        """Publish the one tab that is due first; whether there was one."""
        with self._store.read() as session:
            if not homes.is_due(session):
                return False
        with self._store.write() as session:
            owed = homes.claim(session, lease_seconds=LEASE_SECONDS)
        if owed is not None:
            self._publish(owed)
        return owed is not None

    def _guarded_pass(self) -> bool:
        try:
            return self.publish_due()
        except Exception:  # the thread must outlive a database that is away for a moment
            log.exception("home_pass_failed")
            return False

    def _publish(self, owed: OwedHome) -> None:
        try:
            self._try(owed)
        except LostLease:
            log.info("home_taken_over", user=owed.home.user)
            with self._store.write() as session:
                homes.show_again(session, owed)

    def _try(self, owed: OwedHome) -> None:
        try:
            self._send(owed.home)
        except TooEarly as early:
            self._postpone(owed, early.seconds)
        except WorkspaceLost as lost:
            self._after_loss(owed, lost)
        except Rejected as error:
            self._after_rejection(owed, error)
        except DeliveryError as error:
            log.warning("home_not_published", user=owed.home.user, error=str(error))
            self._postpone(owed, RETRY_SECONDS)
        except Exception:  # one broken tab must not stop the others
            log.exception("home_broke", user=owed.home.user)
            self._postpone(owed, LEASE_SECONDS)
        else:
            with self._store.write() as session:
                homes.shown(session, owed)

    def _send(self, home: Home) -> None:
        view = {"type": "home", "blocks": self._render(home)}
        client = self._clients.of(home.team_id)
        self._calls.call(client.views_publish, home.team_id, home.id, user_id=home.user, view=view)

    def _after_loss(self, owed: OwedHome, lost: WorkspaceLost) -> None:
        if not lost.is_over:
            self._postpone(owed, LEASE_SECONDS)
            return
        with self._store.write() as session:
            homes.drop(session, owed)

    def _after_rejection(self, owed: OwedHome, error: Rejected) -> None:
        if error.code in TOKEN_REFUSED:
            self._postpone(owed, LEASE_SECONDS)
            return
        log.error("home_refused", user=owed.home.user, error=error.code)
        with self._store.write() as session:
            homes.drop(session, owed)

    def _postpone(self, owed: OwedHome, seconds: float) -> None:
        with self._store.write() as session:
            homes.postpone(session, owed, seconds)
