"""Which words a reply in a binder's thread has, by the kind of its row. Pure."""

from handlers import messages
from handlers.messages import admin_text, drain_text, sharing
from handlers.messages.message import Message
from handlers.messages.notices import NoticeOptions
from storage.models import Binder
from storage.outbox import Owed
from storage.vocabulary import MessageKind

ONLY_WHILE_WANTED = frozenset(
    {
        MessageKind.WAITING,
        MessageKind.READY,
        MessageKind.LINKS,
        MessageKind.SHARED,
        MessageKind.SHELVED,
        MessageKind.ANNOUNCEMENT,
        MessageKind.DRAIN,
    }
)
"""Not sent any more once the target is `gone`: then only the end of a binder is told."""


def reply(owed: Owed, binder: Binder, now: float, options: NoticeOptions) -> Message:  # noqa: PLR0911 - one for each kind
    """The reply as it is to be posted; `now` in Unix seconds UTC.

    Raises:
        ValueError: That kind is no reply.
    """
    facts, offers = owed.message.facts, options.offers
    match owed.message.kind:
        case MessageKind.READY:
            return messages.ready(binder, now, absent=facts.get("absent"), offers=offers)
        case MessageKind.FAILED:
            return messages.failed(binder, shows_log=_may_show_log(binder, options), offers=offers)
        case MessageKind.GONE:
            return messages.gone(binder, now, offers=offers)
        case MessageKind.WAITING:
            return messages.waiting(binder, offers)
        case MessageKind.NOTE:
            return messages.note(str(facts.get("sentence", "")))
        case MessageKind.SHELVED:
            return messages.shelved(binder, failure=str(facts.get("failure", "")), offers=offers)
        case MessageKind.ACTED:
            words = (str(facts.get(name, "")) for name in ("by", "action", "reason"))
            return sharing.acted(binder, *words)
        case MessageKind.ANNOUNCEMENT:
            return admin_text.announcement(binder, str(facts.get("by", "")), str(facts.get("text", "")))
        case MessageKind.DRAIN:
            return drain_text.warning(binder, str(facts.get("by", "")), facts.get("until"))
        case kind:
            raise ValueError(f"{kind} is no reply")


def _may_show_log(binder: Binder, options: NoticeOptions) -> bool:
    """Whether all who read its thread may read its log: only its owner reads a direct message."""
    return options.shows_logs or (binder.thread_channel or binder.channel).startswith("D")
