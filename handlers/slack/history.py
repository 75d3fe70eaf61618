"""Looking through what was said lately in a channel or a thread, page by page."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from slack_sdk import WebClient

from handlers.slack.calls import Method
from handlers.slack.clients import InstalledClient

PAGES = 5
PAGE, PAGE_OF_INSTALLATIONS = 200, 15
"""Slack gives an app that several workspaces install no more at once, and one page a minute."""
MARGIN_SECONDS = 300.0
"""Slack's clock and the database's may differ by this much."""


class Call(Protocol):
    """Calls a method of the client: see `SlackCalls.call`."""

    def __call__(self, method: Method, scope: str, **arguments: Any) -> Any:
        """Call it, where its turn has come; raises DeliveryError."""


def messages_since(
    client: WebClient, call: Call, channel: str, thread_ts: str | None, since: float
) -> Iterator[Mapping[str, Any]]:
    """Go through the newest messages of a thread, or of a channel where `thread_ts` is None.

    Args:
        client: Whose methods are called.
        call: How they are called.
        channel: Where to look.
        thread_ts: The root of the thread.
        since: Unix seconds, UTC; what is some minutes older is left out.

    Raises:
        DeliveryError: A page was not to be had.
    """
    oldest = f"{max(since - MARGIN_SECONDS, 0):.6f}"
    arguments: dict[str, Any] = {
        "channel": channel,
        "oldest": oldest,
        "limit": PAGE_OF_INSTALLATIONS if isinstance(client, InstalledClient) else PAGE,
        "include_all_metadata": True,
    }
    read: Method = client.conversations_history
    if thread_ts:
        read = client.conversations_replies
        arguments["ts"] = thread_ts
    for _ in range(PAGES):
        page = call(read, channel, **arguments)
        yield from page.get("messages", [])
        arguments["cursor"] = (page.get("response_metadata") or {}).get("next_cursor")
        if not arguments["cursor"]:
            return
