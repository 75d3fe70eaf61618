"""Where messages go: the channel in which a binder was asked for, or somebody's direct message."""

from collections.abc import Callable
from typing import Any

import structlog
from slack_sdk.webhook import WebhookClient

from handlers import messages
from handlers.slack.clients import Clients
from storage.models import Binder

log = structlog.get_logger(__name__)

Call = Callable[..., Any]
"""Calls a method of the client at Slack's pace; takes the method, its scope, and its arguments."""
EXPLAIN_TIMEOUT_SECONDS = 5

CHANNEL_REFUSED = frozenset(
    {
        "not_in_channel",
        "channel_not_found",
        "is_archived",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "restricted_action_non_threadable_channel",
        "user_not_in_channel",
        "method_not_supported_for_channel_type",
    }
)
"""Slack's words for a channel in which we may not post."""
ROOT_LOST = frozenset(
    {
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "thread_not_found",
        "cannot_reply_to_message",
    }
)
"""Its words for a message that is not there any more, or can no longer be edited."""


class Places:
    """The channels to post in.

    Args:
        clients: Slack's Web API, for each workspace.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._directs: dict[tuple[str, str], str] = {}

    def home(self, call: Call, binder: Binder) -> str:
        """The channel where a binder was asked for. From the home tab, that is a direct message.

        Raises:
            DeliveryError: Slack does not name it.
        """
        if binder.channel[:1] in {"U", "W"}:
            return self.direct(call, binder.team_id, binder.owner)
        return binder.channel

    def direct(self, call: Call, team_id: str, user: str) -> str:
        """The direct message of a person, which is always the same one.

        Raises:
            DeliveryError: Slack does not name it.
        """
        person = (team_id, user)
        if person not in self._directs:
            response = call(self._clients.of(team_id).conversations_open, team_id, users=user)
            self._directs[person] = str(response["channel"]["id"])
        return self._directs[person]


def explain_move(binder: Binder, channel: str) -> None:
    """Say once, through the command's own URL, that the thread is in a direct message."""
    if channel == (binder.thread_channel or binder.channel) or not binder.response_url:
        return
    webhook = WebhookClient(binder.response_url, timeout=EXPLAIN_TIMEOUT_SECONDS, retry_handlers=[])
    try:
        webhook.send(text=messages.invitation().text, response_type="ephemeral")
    except OSError as error:
        log.warning("move_not_explained", error=type(error).__name__)
