"""What is said outside of the threads of binders: digests, links, classes, questions to admins, alerts."""

from collections.abc import Callable

import structlog

from handlers import messages
from handlers.messages import connection_text, digest, drain_text
from handlers.messages.language import language_of, reading
from handlers.messages.message import Message
from handlers.messages.notices import NoticeOptions
from handlers.outbox import approvals, unfurls
from handlers.outbox.class_posts import ClassPosts
from handlers.outbox.idempotent_post import Post
from handlers.outbox.ways import Ways
from handlers.slack.clients import HOME, Clients
from storage import connections
from storage import digest as stored_digest
from storage.engine import Store
from storage.outbox import Owed
from storage.vocabulary import MessageKind

log = structlog.get_logger(__name__)


class Announcements:
    """Sends them.

    Args:
        store: Where the outbox is.
        clients: Slack's Web API, for each workspace.
        options: What messages depend on.
        admin_channel: The channel id that hears alerts; None where nobody does.
        known_locale: Tells a person's locale (`de-DE`), if it is known.
    """

    def __init__(
        self,
        store: Store,
        clients: Clients,
        options: NoticeOptions,
        admin_channel: str | None,
        known_locale: Callable[[str, str], str | None],
    ) -> None:
        self._known_locale = known_locale
        self._store = store
        self._clients = clients
        self._options = options
        self._admin_channel = admin_channel
        self._classes = ClassPosts(store, clients)

    def send(self, owed: Owed, now: float, ways: Ways) -> None:
        """Send one, and mark it as done; `now` in Unix seconds UTC.

        Raises:
            DeliveryError: It was not sent, or nobody knows.
        """
        match owed.message.kind:
            case MessageKind.DIGEST:
                self._send_digest(owed, now, ways)
            case MessageKind.UNFURL:
                unfurls.send(ways.call, self._clients.of(owed.team_id), owed.message.facts)
                ways.done(None)
            case MessageKind.APPROVAL:
                approvals.send(self._store, self._clients.of(HOME), owed, ways, self._options)
            case MessageKind.DRAINED:
                self._send_drained(owed, ways)
            case MessageKind.CONNECTION:
                self._send_connection(owed, ways)
            case MessageKind.CLASS | MessageKind.CLASS_NOTE:
                self._classes.send(owed, now, ways)
            case _:
                self._send_alert(owed, ways)

    def _send_alert(self, owed: Owed, ways: Ways) -> None:
        sentence = str(owed.message.facts.get("sentence", ""))
        if self._admin_channel is None:
            log.warning("alert_without_admin_channel", sentence=sentence)
            ways.done(None)
        else:
            _post(owed, ways, messages.alert(sentence), self._admin_channel, team_id=HOME)

    def _send_drained(self, owed: Owed, ways: Ways) -> None:
        to, team_id = (str(owed.message.facts.get(name, "")) for name in ("to", "team"))
        with reading(language_of(self._known_locale(team_id, to))):
            message = drain_text.empty()
        _post(owed, ways, message, ways.direct(team_id, to), team_id=team_id)

    def _send_connection(self, owed: Owed, ways: Ways) -> None:
        """Tell a person how far their connection is now; what is over is not told any more."""
        to, team_id = (str(owed.message.facts.get(name, "")) for name in ("to", "team"))
        with self._store.read() as session:
            found = connections.get(session, team_id, to)
            if found is None:
                ways.done(None)
                return
            with reading(language_of(self._known_locale(team_id, to))):
                message = connection_text.told(found)
        _post(owed, ways, message, ways.direct(team_id, to), team_id=team_id)

    def _send_digest(self, owed: Owed, now: float, ways: Ways) -> None:
        team_id, channel = (str(owed.message.facts.get(name, "")) for name in ("team", "channel"))
        with self._store.read() as session:
            live = stored_digest.live(session, team_id, channel)
        if live:
            _post(owed, ways, digest.digest(live, now, self._options), channel, team_id=team_id)
        else:
            ways.done(None)


def _post(owed: Owed, ways: Ways, message: Message, channel: str, *, team_id: str) -> None:
    ways.done(ways.post(Post.of(owed, message, channel, team_id=team_id))[1])
