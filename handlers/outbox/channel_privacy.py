"""Whether only some people can read a binder's channel: asked of Slack, where the request did not tell."""

from collections.abc import Callable
from typing import Any

from slack_sdk import WebClient

from handlers.slack.calls import Rejected, Uncertain
from storage import binders
from storage.engine import Store
from storage.models import Binder

Call = Callable[..., Any]

_MAY_NOT_LOOK = frozenset({"channel_not_found", "missing_scope", "method_not_supported_for_channel_type"})
"""Slack's words for channels that the bot may not look at. All other refusals pass."""


def learn(call: Call, client: WebClient, store: Store, binder: Binder) -> None:
    """Ask, and note the answer. A channel that the bot may not look at is private.

    Without an answer, the binder counts as private until the next edit of the card asks again.

    Args:
        call: Calls a method of the client at Slack's pace; takes the method, its scope, and its arguments.
        client: Slack's Web API.
        store: Where the binder's row is.
        binder: Any; nothing is asked where it is known already.

    Raises:
        TooEarly: Its turn is later.
    """
    if binder.is_private is not None:
        return
    is_private = asked(call, client, binder.channel)
    if is_private is not None:
        with store.write() as session:
            binders.note_privacy(session, binder.id, is_private=is_private)


def asked(call: Call, client: WebClient, channel: str) -> bool | None:
    """Whether only some people can read a channel; None where Slack did not answer.

    Raises:
        TooEarly: Its turn is later.
    """
    try:
        found = call(client.conversations_info, channel, channel=channel)["channel"]
    except Rejected as error:
        return True if error.code in _MAY_NOT_LOOK else None
    except Uncertain:
        return None
    return bool(found.get("is_private", True))
