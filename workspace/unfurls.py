"""Links that an app shows more of: it hears of them (`link_shared`), and puts blocks below their message."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from workspace.block_tree import with_ids
from workspace.blocks import check_message
from workspace.state import Json, PostedMessage, SlackError

if TYPE_CHECKING:
    from collections.abc import Collection

    from workspace.arguments import Args
    from workspace.state import Channel, State

_LINK = re.compile(r"<(https?://[^<>|\s]+)(?:\|[^<>]*)?>")


def event_of(channel: Channel, message: PostedMessage, domains: Collection[str]) -> Json | None:
    """What the app hears of a message: its links to these domains; None where it has none."""
    found = dict.fromkeys(html.unescape(each) for each in _LINK.findall(message.text))
    links = [{"domain": domain, "url": url} for url in found if (domain := _domain(url, domains))]
    if not links:
        return None
    return {
        "type": "link_shared",
        "channel": channel.id,
        "user": message.user,
        "message_ts": message.ts,
        "source": "conversations_history",
        "unfurl_id": f"C{channel.id}.{message.ts}",
        "is_bot_user_member": True,
        "links": links,
        "event_ts": message.ts,
    }


def _domain(url: str, domains: Collection[str]) -> str:
    host = urlsplit(url).hostname or ""
    return next((each for each in domains if host == each or host.endswith(f".{each}")), "")


def unfurl(state: State, channel: Channel, args: Args) -> Json:
    """Put blocks below links of a message, whoever wrote it.

    Raises:
        SlackError: `cannot_unfurl_url` where the message has no such link, or what is wrong with the blocks.
    """
    message = state.find(channel.id, args.required("ts"))
    shown: dict[str, list[Json]] = {}
    given: Any = args.structure("unfurls")
    if not isinstance(given, dict):
        raise SlackError("missing_unfurls")
    linked = {html.unescape(each) for each in _LINK.findall(message.text)}
    for url, content in given.items():
        if url not in linked:
            raise SlackError("cannot_unfurl_url")
        check_message(content.get("blocks"), new_blocks=False)
        shown[url] = with_ids(content["blocks"])
    message.unfurls |= shown
    state.touch()
    return {}
