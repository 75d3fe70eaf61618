"""Which links send what is read and typed, and the token, unencrypted over a network. Pure."""

from urllib.parse import urlsplit

from bot.images.names import is_on_loopback

ADVICE = (
    "Links to binders are plain http: whoever can listen on the way can read the tokens and the work. "
    "docs/openstack.md#https says how to change that."
)
"""What the operator reads of it."""


def is_plain(url: str | None) -> bool:
    """Whether a link is plain http, and leads to another machine than this one."""
    parts = urlsplit(url or "")
    return parts.scheme == "http" and not is_on_loopback(parts.hostname or "")
