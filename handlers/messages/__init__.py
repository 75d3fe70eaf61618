"""All words and Block Kit. Pure: no clock, no session.

Each message has blocks, and a text that says the same for notifications and for screen readers.
Whatever comes from a person, a repository or an instance goes through `handlers.messages.mrkdwn`.
"""

from handlers.messages.help import help_text, not_understood
from handlers.messages.lists import listing
from handlers.messages.message import MOST_LISTED, Message
from handlers.messages.milestones import failed, gone, ready, shelved, waiting
from handlers.messages.replies import (
    BOT_NAME,
    alert,
    held,
    invitation,
    links,
    log_of,
    note,
    refusal,
    unsaved,
)
from handlers.messages.status_card import card

__all__ = [
    "BOT_NAME",
    "MOST_LISTED",
    "Message",
    "alert",
    "card",
    "failed",
    "gone",
    "held",
    "help_text",
    "invitation",
    "links",
    "listing",
    "log_of",
    "not_understood",
    "note",
    "ready",
    "refusal",
    "shelved",
    "unsaved",
    "waiting",
]
