"""A limited crawl through the files of a running server. None of its requests counts as use."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from bot.errors import ServerError
from bot.jupyter.contents import DirectoryListing, Entry

CACHES: Final = frozenset({"__pycache__", "node_modules"})
"""Directories that are skipped."""


class FileTree(Protocol):
    """A server whose directories can be listed, such as `bot.jupyter.client.JupyterServer`."""

    def listing(self, path: str) -> DirectoryListing:
        """What lies in a directory."""
        ...


class Files(FileTree, Protocol):
    """A server whose files can be read as well."""

    def content(self, path: str, *, most: int, seconds: float) -> bytes:
        """The bytes of a file."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was not looked at, or not saved.

    Args:
        path: Its path, hostile; empty for all the rest.
        why: A few words.
    """

    path: str
    why: str


@dataclass(slots=True)
class Crawl:
    """What a crawl found.

    Attributes:
        files: By path, in the order of the walk: the shallow ones first.
        folders: When something was last added to each directory that was seen whole, or removed from it:
            Unix seconds by our clock. The root is `""`.
        unseen: Directories that exist, and were not seen whole.
        left_out: What a person should know of that.
    """

    files: dict[str, Entry] = field(default_factory=dict)
    folders: dict[str, float] = field(default_factory=dict)
    unseen: set[str] = field(default_factory=set)
    left_out: list[LeftOut] = field(default_factory=list)

    def touched(self, since: float) -> list[str]:
        """Paths of the files that were touched since a moment, Unix seconds."""
        return [path for path, entry in self.files.items() if entry.touched_at > since]

    def lost(self, path: str, since: float) -> bool:
        """Whether a file is gone that was there before: something was removed from its directory since."""
        if path in self.files:
            return False
        while path:
            path = path.rpartition("/")[0]
            if path in self.unseen:
                return False
            if path in self.folders:
                return self.folders[path] > since
        return False


@dataclass(frozen=True, slots=True)
class _Folder:
    """A directory that waits for its turn, and what its ancestors hold: a link back to one holds the same."""

    path: str
    above: tuple[frozenset[Entry], ...] = ()

    @property
    def depth(self) -> int:
        return len(self.above)


def walk(server: FileTree, *, entries: int, depth: int, seconds: float) -> Crawl:
    """Look at all files of a server, directory by directory, the shallow ones first.

    Args:
        server: Whose files.
        entries: How many files and directories are looked at.
        depth: How many directories deep.
        seconds: For how long.

    Raises:
        ServerError: It does not even show its root.
    """
    crawl, pending = Crawl(), deque([_Folder("")])
    deadline = time.monotonic() + seconds
    left = entries
    while pending:
        folder = pending.popleft()
        if left <= 0 or time.monotonic() > deadline:
            why = f"there are more than {entries:,} files" if left <= 0 else "there was not enough time"
            crawl.left_out.append(LeftOut("", why))
            crawl.unseen.update([folder.path, *(each.path for each in pending)])
            break
        listing = _listing(server, folder.path, crawl)
        if listing is None:
            continue
        inside = _note(crawl, folder, listing, left)
        left -= len(listing.entries)
        if folder.depth < depth:
            pending.extend(inside)
        else:
            _leave_out(crawl, inside)
    return crawl


def _listing(server: FileTree, path: str, crawl: Crawl) -> DirectoryListing | None:
    try:
        return server.listing(path)
    except ServerError:
        if not path:
            raise
        crawl.unseen.add(path)
        crawl.left_out.append(LeftOut(path, "it could not be read"))
        return None


def _note(crawl: Crawl, folder: _Folder, listing: DirectoryListing, left: int) -> Sequence[_Folder]:
    """Note what a directory holds; returns the directories in it that should be looked at."""
    held = frozenset(listing.entries)
    if held and held in folder.above:
        crawl.unseen.add(folder.path)  # it is one of its own ancestors, by a link
        return ()
    if len(listing.entries) <= left:
        crawl.folders[folder.path] = listing.touched_at
    else:
        crawl.unseen.add(folder.path)
    if listing.unusable:
        crawl.left_out.append(
            LeftOut(folder.path or "/", f"{listing.unusable} files in it have invalid names")
        )
    inside = []
    for entry in listing.entries[:left]:
        path = f"{folder.path}/{entry.name}".lstrip("/")
        if not entry.is_folder:
            crawl.files[path] = entry
        elif entry.name in CACHES or entry.name.startswith("."):
            crawl.unseen.add(path)
        else:
            inside.append(_Folder(path, (*folder.above, held)))
    return inside


def _leave_out(crawl: Crawl, pending: Sequence[_Folder]) -> None:
    for folder in pending:
        crawl.unseen.add(folder.path)
        crawl.left_out.append(LeftOut(folder.path, "it is nested too deeply"))
