"""What a person types, as Slack hands it on: links, people and channels marked up, the rest escaped."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workspace.state import State

# Slack makes a link of every word that ends as a domain does, be it one or the name of a file.
_OF_DOMAINS = (
    "com|net|org|edu|gov|int|info|biz|name|io|dev|app|ai|co|cloud|page|site|online|xyz|tech|science|ac|uk|de|fr|ch"
    "|at|eu|us|ca|au|nl|it|es|se|no|fi|dk|cz|pt|br|in|jp|kr|cn|ru|tv|fm|me|gg|to|ly"
)
_OF_FILES_TOO = "md|py|rs|sh|pl|so|zip|mov|st|ps|cc|ml|mm|nc|pm|la|sc|tf|gs|ad|as|vi|pub|bio|cab|cat"
_ENDINGS = f"{_OF_DOMAINS}|{_OF_FILES_TOO}"
_TOKEN = re.compile(
    rf"""(?P<url>https?://[^\s<>]+)
      | (?<!\S)(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.(?:{_ENDINGS}))\b
      | (?<!\S)@(?P<user>[\w.-]+)
      | (?<!\S)\#(?P<channel>[\w-]+)
      | (?<!\S)(?P<domain>(?:[a-z0-9-]+\.)+(?:{_ENDINGS})(?:/[^\s<>]*)?)(?=[\s,;:!?)]|\.?$|\.\s)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TRAILING = ".,;:!?)'\""
_PASTED = re.compile(r" (?=https?://)")


def escape(text: str, state: State, *, labels: bool) -> str:
    """Mark up what was typed; with `labels`, as slash commands get it (`<@U…|ada>`), else as messages do."""
    pasted = _PASTED.sub("\u00a0", text)  # Slack's field puts that before a link that is pasted
    parts, at = [], 0
    for found in _TOKEN.finditer(pasted):
        parts += [
            html.escape(pasted[at : found.start()], quote=False),
            _marked_up(found, state, labels=labels),
        ]
        at = found.end()
    return "".join([*parts, html.escape(pasted[at:], quote=False)])


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
        if users:
            return f"<@{users[0].id}{'|' + users[0].name if labels else ''}>{tail}"
        groups = [one for one in state.groups.values() if one.handle == name]
        return (
            f"<!subteam^{groups[0].id}{'|@' + groups[0].handle if labels else ''}>{tail}" if groups else whole
        )
    channels = [
        one for one in state.channels.values() if one.name == found["channel"] and one.kind == "public"
    ]
    return f"<#{channels[0].id}|{channels[0].name}>" if channels else whole


def _link(url: str, scheme: str) -> str:
    bare = url.rstrip(_TRAILING)
    shown, tail = html.escape(bare, quote=False), url[len(bare) :]
    return f"<{scheme}{shown}|{shown}>{tail}" if scheme else f"<{shown}>{tail}"
