"""The message of a class on its way to Slack, and the words in its thread."""

from handlers.messages import class_text
from handlers.outbox import channel_privacy
from handlers.outbox.idempotent_post import Post
from handlers.outbox.places import CHANNEL_REFUSED, ROOT_LOST
from handlers.outbox.ways import Ways
from handlers.slack.calls import Rejected, TooEarly
from handlers.slack.clients import Clients
from storage import classes, outbox
from storage.class_models import SchoolClass
from storage.engine import Store
from storage.outbox import Owed
from storage.shares import Subject
from storage.vocabulary import MessageKind

EDIT_SECONDS = 10.0
"""Between two edits that only show newer numbers: a class is one of many in a workspace."""
_PATIENCE_SECONDS = 60.0
"""How long a word to the teacher waits for the message in whose thread it belongs."""
_AGAIN_SECONDS = 2.0


class ClassPosts:
    """Sends what is said of classes.

    Args:
        store: Where classes are.
        clients: Slack's Web API, for each workspace.
    """

    def __init__(self, store: Store, clients: Clients) -> None:
        self._store = store
        self._clients = clients
        self._edits: dict[str, float] = {}
        """When each message was edited last, by the database's clock."""

    def send(self, owed: Owed, now: float, ways: Ways) -> None:
        """Post or edit the message of a class, or say something in its thread.

        Raises:
            DeliveryError: It was not sent, or nobody knows.
        """
        class_id = str(owed.message.facts.get("class_id", ""))
        with self._store.read() as session:
            found = classes.get(session, class_id)
            subjects = classes.audience_of(session, class_id)
        if found is None:
            ways.done(None)
        elif owed.message.kind == MessageKind.CLASS_NOTE:
            self._tell(owed, found, now, ways)
        else:
            self._show(owed, found, subjects, now, ways)

    def _tell(self, owed: Owed, found: SchoolClass, now: float, ways: Ways) -> None:
        if found.message_ts is None and now - owed.message.created_at < _PATIENCE_SECONDS:
            raise TooEarly(_AGAIN_SECONDS)
        message = class_text.told(found, str(owed.message.facts.get("what", "")))
        channel = found.message_channel or ways.direct(found.team_id, found.teacher)
        post = Post.of(owed, message, channel, found.message_ts, team_id=found.team_id)
        ways.done(ways.post(post)[1])

    def _show(self, owed: Owed, found: SchoolClass, subjects: list[Subject], now: float, ways: Ways) -> None:
        self._learn_privacy(found, ways)
        if found.message_channel and found.message_ts:
            self._keep_pace(owed, found, now, ways)
            if self._edit(found, subjects, ways):
                self._edits = {each: at for each, at in self._edits.items() if now - at < EDIT_SECONDS}
                self._edits[found.id] = now
                ways.done(found.message_ts)
                return
        self._post(owed, found, subjects, ways)

    def _learn_privacy(self, found: SchoolClass, ways: Ways) -> None:
        if found.is_private is not None:
            return
        is_private = channel_privacy.asked(ways.call, self._clients.of(found.team_id), found.channel)
        if is_private is not None:
            with self._store.write() as session:
                classes.note_privacy(session, found.id, is_private=is_private)

    def _keep_pace(self, owed: Owed, found: SchoolClass, now: float, ways: Ways) -> None:
        """Let others go first, where only the numbers changed.

        Raises:
            TooEarly: Its turn is later.
        """
        if owed.message.urgent:
            return
        since = now - self._edits.get(found.id, 0.0)
        if since < EDIT_SECONDS:
            raise TooEarly(EDIT_SECONDS - since)
        if ways.edits_are_scarce(found.team_id):
            raise TooEarly(_AGAIN_SECONDS)

    def _edit(self, found: SchoolClass, subjects: list[Subject], ways: Ways) -> bool:
        """Edit it; False where it is not there any more."""
        message = class_text.card(found, subjects, is_moved=_is_moved(found))
        place = {"channel": found.message_channel, "ts": found.message_ts}
        try:
            ways.call(
                self._clients.of(found.team_id).chat_update, found.team_id, **place, **message.as_arguments()
            )
        except Rejected as error:
            if error.code not in ROOT_LOST | CHANNEL_REFUSED:
                raise
            return False
        return True

    def _post(self, owed: Owed, found: SchoolClass, subjects: list[Subject], ways: Ways) -> None:
        home = found.message_channel or self._home(found, ways)
        try:
            channel, ts, was_there = self._post_in(home, owed, found, subjects, ways)
        except Rejected as error:
            if error.code not in CHANNEL_REFUSED or home.startswith("D"):
                raise
            direct = ways.direct(found.team_id, found.teacher)
            channel, ts, was_there = self._post_in(direct, owed, found, subjects, ways)
        with self._store.write() as session:
            classes.set_message(session, found.id, channel, ts)
            if was_there:  # what is there may be older than the row: edit it next
                outbox.postpone(session, owed.message, 0.0, unsure=False)
            else:
                outbox.done(session, owed.message, ts=ts)

    def _post_in(
        self, channel: str, owed: Owed, found: SchoolClass, subjects: list[Subject], ways: Ways
    ) -> tuple[str, str, bool]:
        """Post it, unless it is there; its channel and ts, and whether it was."""
        message = class_text.card(found, subjects, is_moved=channel.startswith("D") and not _is_direct(found))
        post = Post.of(owed, message, channel, team_id=found.team_id)
        if owed.message.unsure and (ts := ways.find(post)):
            return channel, ts, True
        return *ways.post(post), False

    def _home(self, found: SchoolClass, ways: Ways) -> str:
        """Where it was asked for. From the home tab, that is a direct message."""
        is_person = found.channel[:1] in {"U", "W"}
        return ways.direct(found.team_id, found.teacher) if is_person else found.channel


def _is_direct(found: SchoolClass) -> bool:
    """Whether it was asked for in a direct message."""
    return found.channel[:1] in {"D", "U", "W"}


def _is_moved(found: SchoolClass) -> bool:
    """Whether its message is in a direct message because its channel refused it."""
    return (found.message_channel or "").startswith("D") and not _is_direct(found)
