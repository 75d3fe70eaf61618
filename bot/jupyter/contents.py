"""Reads the answers of Jupyter's contents API. Pure.

Everything in it is hostile: a name may leave its directory, be no text, or come twice.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bot.errors import ServerError

_LONGEST_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory within a directory.

    Args:
        name: Its own name: one part of a path, never `..`.
        is_folder: Whether it is a directory, or a link to one.
        touched_at: When it was written, or its inode changed, whichever is later: Unix seconds by our clock.
        size: In bytes; of a link, of the link itself. 0 where the server does not tell.
    """

    name: str
    is_folder: bool
    touched_at: float
    size: int


@dataclass(frozen=True, slots=True)
class DirectoryListing:
    """What lies in a directory.

    Args:
        touched_at: When something was last added to it or removed: Unix seconds by our clock.
        entries: What lies in it, each name once.
        unusable: How many entries have names that cannot be used.
    """

    touched_at: float
    entries: tuple[Entry, ...]
    unusable: int


def read_listing(model: Mapping[str, Any], *, skew: float) -> DirectoryListing:
    """Read the model of a directory in Jupyter's contents API.

    Args:
        model: The server's answer.
        skew: By how much our clock is ahead of the server's, in seconds.

    Raises:
        ServerError: It is no directory.
    """
    content = model.get("content")
    if model.get("type") != "directory" or not isinstance(content, list):
        raise ServerError("The server answered something other than a directory.")
    entries = {entry.name: entry for entry in _entries(content, skew)}
    return DirectoryListing(_touched_at(model, skew), tuple(entries.values()), len(content) - len(entries))


def is_name(name: Any) -> bool:
    """Whether it is the name of a file: one part of a path, that can be sent back."""
    if not isinstance(name, str) or name in {"", ".", ".."} or "/" in name or "\0" in name:
        return False
    try:
        return len(name.encode()) <= _LONGEST_NAME
    except UnicodeEncodeError:  # half a character, which stands for a byte that is no text
        return False


def _entries(content: list[Any], skew: float) -> Iterator[Entry]:
    for each in content:
        if isinstance(each, dict) and is_name(each.get("name")):
            is_folder = each.get("type") == "directory"
            yield Entry(each["name"], is_folder, _touched_at(each, skew), _size(each.get("size")))


def _size(told: Any) -> int:
    return told if isinstance(told, int) and told > 0 else 0


def _touched_at(model: Mapping[str, Any], skew: float) -> float:
    """The later of two times: tools can set the first one back (`cp -p`, `tar`), but not the second."""
    return max(_seconds(model.get("last_modified")), _seconds(model.get("created"))) + skew


def _seconds(told: Any) -> float:
    try:
        moment = datetime.fromisoformat(told)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return 0.0
