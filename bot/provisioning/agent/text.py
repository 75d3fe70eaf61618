"""Text that programs printed, made fit for people: clean, short, and without what is nobody's business."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LINE = 200
"""Characters of one line of progress."""
MAX_REASON = 450
"""Characters of a reason, a hint or a note."""
MAX_LOG = 4_000
"""Characters of the end of a log."""

_ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-Z\\-_]?")
# C0 and C1 controls but the newline, text direction overrides, surrogates, the byte order mark.
_UNPRINTABLE = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
_USERINFO = re.compile(r"(?<=://)[^/\s]*@")


def clean(text: str) -> str:
    """Remove terminal escapes and control characters; of a line drawn over itself keep what shows last."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\t", "    ")
    shown = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _UNPRINTABLE.sub("", "\n".join(shown))


def sentence(text: str, limit: int = MAX_REASON) -> str:
    """Clean a text, put it on one line and bound it."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def tail(text: str, limit: int = MAX_LOG) -> str:
    """Clean a log and keep its end, in whole lines where that is possible."""
    text = clean(text[-4 * limit :]).strip("\n")
    if len(text) <= limit:
        return text
    end = text[-limit:]
    _, newline, whole_lines = end.partition("\n")
    return whole_lines if newline else end


def last_line(log: str) -> str:
    """The last line of a log that says anything, bounded."""
    said = (line for line in reversed(log.splitlines()) if line.strip())
    return sentence(next(said, ""), MAX_LINE)


def bounded(text: str, limit: int) -> str:
    """Cut a text to so many characters, and to at most twice as many bytes of JSON."""
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    while len(json.dumps(text)) > 2 * limit:
        text = text[: len(text) * 3 // 4] + "…"
    return text


class Scrubber:
    """Removes from texts what must not be shown: the token, passwords in addresses, this machine's paths.

    Args:
        token: The server's token; may be empty.
        paths: What is shown instead of each path of this machine.
    """

    def __init__(self, token: str, paths: Mapping[str, str]) -> None:
        self._token = token
        self._paths = {path: shown for path, shown in paths.items() if path.strip("/")}
        longest_first = sorted(map(re.escape, self._paths), key=len, reverse=True)
        # Of whole paths alone: /root is no part of https://example.org/root and of /rooted.
        self._any_path = re.compile(rf"(?:(?<![\w.-])|(?<=-[IL]))({'|'.join(longest_first)})(?![\w.-])(/?)")

    def scrub(self, text: str) -> str:
        """Clean a text and remove what is secret, before any cut: no half of a secret must be left."""
        # Secrets go first, of which an escape that is cut short could eat the beginning; and again
        # afterwards, because escapes within one hide it.
        return self._shown(self._without_secrets(clean(self._without_secrets(text))))

    def _without_secrets(self, text: str) -> str:
        return _USERINFO.sub("", text.replace(self._token, "[token]") if self._token else text)

    def _shown(self, text: str) -> str:
        return self._any_path.sub(self._instead, text) if self._paths else text

    def _instead(self, found: re.Match[str]) -> str:
        shown, slash = self._paths[found[1]], found[2]
        return f"{shown}{slash}" if shown else ("" if slash else ".")
