"""What a person types, as Slack hands it on: links, people and channels marked up, the rest escaped."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workspace.state import State

# A bare domain becomes a link and `git@host` an address: apps meet both in what people type.
_TOKEN = re.compile(
    r"""(?P<url>https?://[^\s<>]+)
      | (?<!\S)(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|io|dev))\b
      | (?<!\S)@(?P<user>[\w.-]+)
      | (?<!\S)\#(?P<channel>[\w-]+)
      | (?<!\S)(?P<domain>(?:[a-z0-9-]+\.)+(?:com|org|net|edu|io|dev)(?:/[^\s<>]*)?)(?=[\s,;!?)]|\.?$|\.\s)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TRAILING = ".,;:!?)'\""


def escape(text: str, state: State, *, labels: bool) -> str:
    """Mark up what was typed; with `labels`, as slash commands get it (`<@U…|ada>`), else as messages do."""
    parts, at = [], 0
    for found in _TOKEN.finditer(text):
        parts += [html.escape(text[at : found.start()], quote=False), _marked_up(found, state, labels=labels)]
        at = found.end()
    return "".join([*parts, html.escape(text[at:], quote=False)])


def _marked_up(found: re.Match[str], state: State, *, labels: bool) -> str:
    whole = html.escape(found[0], quote=False)
    if found["url"]:
        return _link(found[0], "")
    if found["domain"]:
        return _link(found[0], "http://")
    if found["mail"]:
        return f"<mailto:{whole}|{whole}>"
    if found["user"]:
        name = found["user"].rstrip(_TRAILING).lower()
        users = [one for one in state.users.values() if one.name.lower() == name]
        tail = found["user"][len(found["user"].rstrip(_TRAILING)) :]
        return f"<@{users[0].id}{'|' + users[0].name if labels else ''}>{tail}" if users else whole
    channels = [
        one for one in state.channels.values() if one.name == found["channel"] and one.kind == "public"
    ]
    return f"<#{channels[0].id}|{channels[0].name}>" if channels else whole


def _link(url: str, scheme: str) -> str:
    bare = url.rstrip(_TRAILING)
    shown, tail = html.escape(bare, quote=False), url[len(bare) :]
    return f"<{scheme}{shown}|{shown}>{tail}" if scheme else f"<{shown}>{tail}"
