"""What people changed in a binder since it was launched: counted, or saved as one archive.

A file counts as touched when its times say so: the tools of the trade can set one of them back, but not both.
What was touched is read, and compared with the repository at the commit that was launched.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final, Protocol

import structlog

from bot.errors import ResolveError, ServerError
from bot.jupyter.file_crawl import Crawl, Files, FileTree, LeftOut, walk
from bot.repositories.spec import Provider, RepoSpec
from bot.saved_work.archive import FILES, PATCH, Archive, Packer, harmless, section, shown
from bot.saved_work.baseline import GuardedGitFor, Originals, Tracked, checkout
from storage.models import Binder

log = structlog.get_logger(__name__)

_HIDDEN: Final = (".*", "__pycache__", "*.pyc", "*.pyo", "*~")
"""What Jupyter's listings do not show."""
_LOOKS_BINARY: Final = 8_000
"""git takes a file for binary that has a zero among so many first bytes."""
_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is looked at and saved at most.

    Args:
        entries: Files and directories that are looked at.
        depth: Directories within directories.
        file_bytes: Of one file.
        text_bytes: Of one file that gets into the patch.
        total_bytes: Of all files.
        seconds: For how long files are looked at and read.
    """

    entries: int = 5_000
    depth: int = 20
    file_bytes: int = 20 * _MB
    text_bytes: int = 2 * _MB
    total_bytes: int = 50 * _MB
    seconds: float = 120.0


LIMITS: Final = Limits()
COUNTING: Final = Limits(entries=2_000, seconds=10.0)
"""For `count_changes`, which is asked often."""


class Server(Files, Protocol):
    """What is needed of `bot.jupyter.client.JupyterServer`."""

    def close(self) -> None:
        """Close its connections."""
        ...


def count_changes(server: FileTree, since: float, *, limits: Limits = COUNTING) -> int:
    """How many files were touched since a moment. Reads none of them, and does not count as use.

    Args:
        server: Whose files.
        since: Unix seconds, UTC, by our clock.
        limits: How much is looked at.

    Raises:
        ServerError: It did not answer as Jupyter does, which says nothing about its files.
    """
    seen = walk(server, entries=limits.entries, depth=limits.depth, seconds=limits.seconds)
    return len(seen.touched(since))


def save_work(
    binder: Binder,
    server_factory: Callable[[str, str], Server],
    guard: GuardedGitFor,
    *,
    limits: Limits = LIMITS,
) -> Archive | None:
    """Save what was changed in a ready binder since it was launched.

    Args:
        binder: Its row, which is only read.
        server_factory: URL and token -> its server.
        guard: A `bot.repositories.resolve.Resolver`, which knows which hosts may be spoken to.
        limits: How much is saved.

    Returns:
        The archive; None where nothing was changed.

    Raises:
        ServerError: Its server did not answer as Jupyter does: nothing can be said.
    """
    if binder.server_url is None or binder.ready_at is None:
        raise ServerError("It has no server.")
    spec = RepoSpec(Provider(binder.provider), binder.url, binder.ref, binder.path)
    about = About(binder.name, binder.url, binder.commit, binder.path)
    with closing(server_factory(binder.server_url, binder.token)) as server:
        if not spec.provider.is_git or binder.commit is None:
            return collect(server, None, since=binder.ready_at, about=about, limits=limits)
        with checkout(guard, spec, binder.commit) as originals:
            return collect(server, originals, since=binder.ready_at, about=about, limits=limits)


@dataclass(frozen=True, slots=True)
class About:
    """What an archive is of.

    Args:
        name: The binder's.
        url: The repository.
        commit: What was launched of it, where there are commits.
        path: What of it was launched, which may be where the server's files begin.
    """

    name: str
    url: str
    commit: str | None = None
    path: str | None = None


def collect(
    server: Files, originals: Originals | None, *, since: float, about: About, limits: Limits = LIMITS
) -> Archive | None:
    """Collect what was changed since a moment.

    Args:
        server: Whose files.
        originals: What was there at first; None where that cannot be known, and only times count.
        since: Unix seconds, UTC, by our clock.
        about: What the archive is of.
        limits: How much is collected.

    Returns:
        The archive; None where nothing was changed.

    Raises:
        ServerError: Its server did not answer as Jupyter does: nothing can be said.
    """
    deadline = time.monotonic() + limits.seconds
    seen = walk(server, entries=limits.entries, depth=limits.depth, seconds=limits.seconds)
    if not seen.touched(since) and not any(at > since for at in seen.folders.values()) and not seen.left_out:
        return None
    collection = _Collection(_base(originals, seen, about.path), seen, limits)
    for path in collection.by_worth(since):
        collection.add(path, server, deadline)
    collection.note_deleted(since)
    return collection.archive(about) if collection.holds_anything else None


@dataclass(frozen=True, slots=True)
class _Base:
    """What the server's files are compared with.

    Args:
        originals: Where differences are made; None where there is nothing to compare with.
        tree: The repository's files that the server can see, by the paths that they have there.
        prefix: What comes before these in the repository: empty, or `folder/`.
        note: Why there is nothing to compare with, where there should be.
    """

    originals: Originals | None
    tree: Mapping[str, Tracked]
    prefix: str = ""
    note: str = ""


def _base(originals: Originals | None, seen: Crawl, path: str | None) -> _Base:
    if originals is None:
        return _Base(None, {})
    try:
        tree = originals.tree()
    except ResolveError as error:
        log.warning("originals_not_read", error=error.sentence)
        return _Base(None, {}, note=f"There is no patch. {error.sentence}")
    prefixes = dict.fromkeys(["", f"{path.strip('/')}/" if path else ""])
    views = {prefix: _below(prefix, tree) for prefix in prefixes}
    prefix = max(views, key=lambda each: len(views[each].keys() & seen.files.keys()))
    if not views[prefix].keys() & seen.files.keys():
        # An image may serve another directory than the repository's, where all of it would seem deleted.
        return _Base(None, {}, note="There is no patch: the server does not show the repository's files.")
    return _Base(originals, views[prefix], prefix)


def _below(prefix: str, tree: Mapping[str, Tracked]) -> dict[str, Tracked]:
    return {path[len(prefix) :]: tracked for path, tracked in tree.items() if path.startswith(prefix)}


class _Collection:
    """What is collected, on its way into an archive."""

    def __init__(self, base: _Base, seen: Crawl, limits: Limits) -> None:
        self._base, self._seen, self._limits = base, seen, limits
        self._packer = Packer()
        self._left = limits.total_bytes
        self._left_out = list(seen.left_out)
        self._changed: list[str] = []
        self._new: list[str] = []
        self._deleted: list[str] = []
        self._texts: dict[str, bytes] = {}

    @property
    def holds_anything(self) -> bool:
        return bool(self._changed or self._new or self._deleted or self._left_out)

    def by_worth(self, since: float) -> list[str]:
        """What was touched: the repository's files, then others, the small ones first."""
        files, tree = self._seen.files, self._base.tree
        return sorted(self._seen.touched(since), key=lambda path: (path not in tree, files[path].size, path))

    def add(self, path: str, server: Files, deadline: float) -> None:
        """Read a file, and pack it if it differs."""
        content = self._read(path, server, deadline)
        tracked = self._base.tree.get(path)
        if content is None or (tracked and tracked.holds(content)):
            return
        whole = self._base.prefix + path
        self._packer.file(whole, content, executable=tracked is not None and tracked.is_executable)
        self._left -= len(content)
        (self._new if tracked is None else self._changed).append(whole)
        if tracked and tracked.is_regular and self._is_text(content):
            self._texts[whole] = content

    def _read(self, path: str, server: Files, deadline: float) -> bytes | None:
        most = min(self._limits.file_bytes, self._left)
        seconds = deadline - time.monotonic()
        why = self._why_not(path, most, seconds)
        if not why:
            try:
                return server.content(path, most=most, seconds=seconds)
            except ServerError:
                why = "it could not be read"
        self._left_out.append(LeftOut(self._base.prefix + path, why))
        return None

    def _why_not(self, path: str, most: int, seconds: float) -> str:
        if self._seen.files[path].size > most:
            limits = self._limits
            return f"at most {limits.file_bytes:,} bytes of a file are saved, {limits.total_bytes:,} in all"
        return "there was no time for it" if seconds <= 0 else ""

    def _is_text(self, content: bytes) -> bool:
        return len(content) <= self._limits.text_bytes and b"\0" not in content[:_LOOKS_BINARY]

    def note_deleted(self, since: float) -> None:
        """Find out which of the repository's files are not there any more."""
        self._deleted += [
            self._base.prefix + path
            for path, tracked in self._base.tree.items()
            if tracked.is_regular and not _is_hidden(path) and self._seen.lost(path, since)
        ]

    def archive(self, about: About) -> Archive:
        """All of it, packed."""
        patch, note = self._patch()
        if patch:
            self._packer.patch(patch)
        data = self._packer.close(self._manifest(about, note, has_patch=bool(patch)))
        return Archive(
            name=f"{harmless(about.name)}-changes.zip",
            data=data,
            changed=tuple(self._changed),
            new=tuple(self._new),
            deleted=tuple(self._deleted),
            left_out=tuple(self._left_out),
            has_patch=bool(patch),
            note=note,
        )

    def _patch(self) -> tuple[bytes, str]:
        """The patch, and a sentence where there is none although there should be."""
        if self._base.originals is None or not (self._texts or self._deleted):
            return b"", self._base.note
        try:
            return self._base.originals.patch(self._texts, self._deleted), ""
        except ResolveError as error:
            log.warning("no_patch", error=error.sentence)
            return b"", f"There is no patch. {error.sentence}"

    def _manifest(self, about: About, note: str, *, has_patch: bool) -> Iterator[str]:
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        yield f"What was changed in {shown(about.name)} until {now}."
        yield f"It was launched from {shown(about.url)}" + (f" at {about.commit}." if about.commit else ".")
        yield f"{FILES} holds every changed or new file, whole. Hidden files and caches are not saved."
        if has_patch:
            yield f"In a checkout of that commit, `git apply {PATCH}` changes the text files, and deletes."
        if note:
            yield note
        lists = {"Changed": self._changed, "New": self._new, "Deleted": self._deleted}
        for title, paths in lists.items():
            yield from section(title, [shown(path) for path in paths])
        yield from section(
            "Left out", [f"{shown(each.path) or 'more'}: {each.why}" for each in self._left_out]
        )


def _is_hidden(path: str) -> bool:
    return any(fnmatchcase(part, pattern) for part in path.split("/") for pattern in _HIDDEN)
