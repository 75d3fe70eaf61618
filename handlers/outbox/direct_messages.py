"""The direct messages of people, and the word that a launch goes on there."""

from collections.abc import Callable
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from handlers import messages
from storage.models import Binder

log = structlog.get_logger(__name__)

EXPLAIN_TIMEOUT_SECONDS = 5


class DirectMessages:
    """Finds the direct message of a person, which is always the same one.

    Args:
        client: Slack's Web API, without retry handlers.
    """

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._known: dict[tuple[str, str], str] = {}

    def of(self, call: Callable[..., Any], team_id: str, user: str) -> str:
        """The channel of the direct message of a person.

        Args:
            call: Calls a method of the client at Slack's pace.
            team_id: Their workspace.
            user: Who.

        Raises:
            DeliveryError: Slack did not tell.
        """
        if (team_id, user) not in self._known:
            response = call(self._client.conversations_open, team_id, users=user)
            self._known[team_id, user] = str(response["channel"]["id"])
        return self._known[team_id, user]


def explain_move(binder: Binder, channel: str) -> None:
    """Say once, through the command's own URL, that the thread is in a direct message."""
    if channel == (binder.thread_channel or binder.channel) or not binder.response_url:
        return
    webhook = WebhookClient(binder.response_url, timeout=EXPLAIN_TIMEOUT_SECONDS, retry_handlers=[])
    try:
        webhook.send(text=messages.invitation().text, response_type="ephemeral")
    except OSError as error:
        log.warning("move_not_explained", error=type(error).__name__)
