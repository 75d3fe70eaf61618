"""All words and Block Kit. Pure: no clock, no session.

Each message has blocks, and a text that says the same for notifications and for screen readers.
Whatever comes from a person, a repository or an instance goes through `handlers.messages.mrkdwn`.
"""

from handlers.messages.help import form_offer, help_text, launch_offer, not_understood
from handlers.messages.lists import listing
from handlers.messages.log_text import log_file_comment, log_of
from handlers.messages.message import MOST_LISTED, Message
from handlers.messages.milestones import failed, gone, ready, shelved, waiting
from handlers.messages.replies import (
    BOT_NAME,
    alert,
    held,
    invitation,
    links,
    note,
    on_its_way,
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
    "form_offer",
    "gone",
    "held",
    "help_text",
    "invitation",
    "launch_offer",
    "links",
    "listing",
    "log_file_comment",
    "log_of",
    "not_understood",
    "note",
    "on_its_way",
    "ready",
    "refusal",
    "shelved",
    "unsaved",
    "waiting",
]
