"""Which messages about the seats of classes are sent at all. A class of thirty must not flood a workspace."""

from handlers.messages import seat_card
from handlers.messages.message import Message
from storage import seats
from storage.engine import Store
from storage.models import Binder
from storage.vocabulary import Ending, MessageKind


class SeatPosts:
    """Remembers what was shown last of each seat: the same is not shown again.

    Args:
        store: Where seats are.
        can_shelve: Whether the cloud can shelve instances.
    """

    def __init__(self, store: Store, *, can_shelve: bool) -> None:
        self._store = store
        self._can_shelve = can_shelve
        self._shown: dict[str, Message] = {}

    def card(self, binder: Binder) -> Message:
        """The card of a seat as it is now."""
        return seat_card.seat_card(binder, can_shelve=self._can_shelve)

    def is_worth(self, binder: Binder, kind: MessageKind) -> bool:
        """Whether a message about a seat is worth sending. Nobody hears of a seat that nobody has."""
        if not binder.owner:
            return False
        if kind != MessageKind.CARD:
            return seat_card.is_said(binder, kind)
        if binder.ready_at is None and binder.ending == Ending.FAILED:
            return self._is_given_up(binder)
        is_shown = binder.thread_ts is not None and self._shown.get(binder.id) == self.card(binder)
        return seat_card.is_worth_a_card(binder) and not is_shown

    def _is_given_up(self, binder: Binder) -> bool:
        """Whether nothing comes of a seat: one that is tried once more is not worth a word."""
        with self._store.read() as session:
            return seats.is_given_up(session, binder.id)

    def note_shown(self, binder: Binder) -> None:
        """Note that its card is shown as it is now."""
        if binder.class_id is not None:
            self._shown[binder.id] = self.card(binder)
