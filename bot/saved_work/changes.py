"""What people changed in a binder since it was launched: counted, or saved as one archive.

A file counts as touched if one of its two times is newer than the launch: tools can set back one, not both.
What was touched is read, and compared with the repository at the commit that was launched.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

import structlog

from bot.errors import ResolveError, ServerError
from bot.jupyter.file_crawl import Crawl, Files, FileTree, LeftOut, walk
from bot.repositories.spec import Provider, RepoSpec
from bot.saved_work.archive import FILES, PATCH, Archive, Packer, harmless, section, shown
from bot.saved_work.baseline import Baseline, ReachesGit, Tracked, checkout
from bot.times import calendar
from storage.models import Binder

log = structlog.get_logger(__name__)

_HIDDEN: Final = (".*", "__pycache__", "*.pyc", "*.pyo", "*~")
"""Files that Jupyter does not list."""
_LOOKS_BINARY: Final = 8_000
"""git treats a file as binary if there is a zero among this many first bytes."""
_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class SaveLimits:
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


SAVING: Final = SaveLimits()
COUNTING: Final = SaveLimits(entries=2_000, seconds=10.0)
"""For `count_changes`, which is asked often."""


def count_changes(server: FileTree, since: float, *, limits: SaveLimits = COUNTING) -> int:
    """Count the files that were touched since a moment. Reads none of them, and does not count as use.

    Args:
        server: Whose files.
        since: Unix seconds, UTC, by our clock.
        limits: How much is looked at.

    Raises:
        ServerError: It did not answer as Jupyter does, which says nothing about its files.
    """
    crawl = walk(server, entries=limits.entries, depth=limits.depth, seconds=limits.seconds)
    return len(crawl.touched(since))


def save_work(
    binder: Binder,
    open_server: Callable[[str, str], Files],
    resolver: ReachesGit,
    *,
    limits: SaveLimits = SAVING,
) -> Archive | None:
    """Save what was changed in a ready binder since it was launched.

    Args:
        binder: Its row, which is only read.
        open_server: URL and token -> its server.
        resolver: Knows which hosts may be spoken to.
        limits: How much is saved.

    Returns:
        The archive; None where nothing was changed.

    Raises:
        ServerError: Its server did not answer as Jupyter does: nothing can be said.
    """
    if binder.server_url is None or binder.ready_at is None:
        raise ServerError("The server is not running.")
    spec = RepoSpec(Provider(binder.provider), binder.url, binder.ref, binder.path)
    about = About(binder.name, binder.url, binder.commit, binder.path)
    with closing(open_server(binder.server_url, binder.token)) as server:
        if not spec.provider.is_git or binder.commit is None:
            return collect(server, None, since=binder.ready_at, about=about, limits=limits)
        with checkout(resolver, spec, binder.commit) as baseline:
            return collect(server, baseline, since=binder.ready_at, about=about, limits=limits)


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
    server: Files, baseline: Baseline | None, *, since: float, about: About, limits: SaveLimits = SAVING
) -> Archive | None:
    """Collect what was changed since a moment.

    Args:
        server: Whose files.
        baseline: What was there at first; None where that cannot be known, and only times count.
        since: Unix seconds, UTC, by our clock.
        about: What the archive is of.
        limits: How much is collected.

    Returns:
        The archive; None where nothing was changed.

    Raises:
        ServerError: Its server did not answer as Jupyter does: nothing can be said.
    """
    deadline = time.monotonic() + limits.seconds
    crawl = walk(server, entries=limits.entries, depth=limits.depth, seconds=limits.seconds)
    if (
        not crawl.touched(since)
        and not any(at > since for at in crawl.folders.values())
        and not crawl.left_out
    ):
        return None
    collection = _Collection(_base(baseline, crawl, about.path), crawl, limits)
    for path in collection.by_worth(since):
        collection.add(path, server, deadline)
    collection.note_deleted(since)
    return collection.archive(about) if collection.holds_anything else None


@dataclass(frozen=True, slots=True)
class _Base:
    """What the server's files are compared with.

    Args:
        baseline: Where differences are made; None where there is nothing to compare with.
        tree: The repository's files that the server can see, by the paths that they have there.
        prefix: What comes before these in the repository: empty, or `folder/`.
        note: Why there is nothing to compare with, where there should be.
    """

    baseline: Baseline | None
    tree: Mapping[str, Tracked]
    prefix: str = ""
    note: str = ""


def _base(baseline: Baseline | None, crawl: Crawl, path: str | None) -> _Base:
    if baseline is None:
        return _Base(None, {})
    try:
        tree = baseline.tree()
    except ResolveError as error:
        log.warning("baseline_not_read", error=error.sentence)
        return _Base(None, {}, note=f"There is no patch. {error.sentence}")
    prefixes = dict.fromkeys(["", f"{path.strip('/')}/" if path else ""])
    views = {prefix: _below(prefix, tree) for prefix in prefixes}
    prefix = max(views, key=lambda each: len(views[each].keys() & crawl.files.keys()))
    if not views[prefix].keys() & crawl.files.keys():
        # An image may serve another directory than the repository's, where all of it would seem deleted.
        return _Base(None, {}, note="There is no patch: the server does not show the repository's files.")
    return _Base(baseline, views[prefix], prefix)


def _below(prefix: str, tree: Mapping[str, Tracked]) -> dict[str, Tracked]:
    return {path[len(prefix) :]: tracked for path, tracked in tree.items() if path.startswith(prefix)}


class _Collection:
    """What is collected, on its way into an archive."""

    def __init__(self, base: _Base, crawl: Crawl, limits: SaveLimits) -> None:
        self._base, self._crawl, self._limits = base, crawl, limits
        self._packer = Packer()
        self._left = limits.total_bytes
        self._left_out = list(crawl.left_out)
        self._changed: list[str] = []
        self._new: list[str] = []
        self._deleted: list[str] = []
        self._texts: dict[str, bytes] = {}

    @property
    def holds_anything(self) -> bool:
        return bool(self._changed or self._new or self._deleted or self._left_out)

    def by_worth(self, since: float) -> list[str]:
        """The files that were touched: those of the repository first, small ones before large ones."""
        files, tree = self._crawl.files, self._base.tree
        return sorted(self._crawl.touched(since), key=lambda path: (path not in tree, files[path].size, path))

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
        if self._crawl.files[path].size > most:
            limits = self._limits
            return f"at most {limits.file_bytes:,} bytes of a file are saved, {limits.total_bytes:,} in all"
        return "there was not enough time" if seconds <= 0 else ""

    def _is_text(self, content: bytes) -> bool:
        return len(content) <= self._limits.text_bytes and b"\0" not in content[:_LOOKS_BINARY]

    def note_deleted(self, since: float) -> None:
        """Find out which of the repository's files are not there any more."""
        self._deleted += [
            self._base.prefix + path
            for path, tracked in self._base.tree.items()
            if tracked.is_regular and not _is_hidden(path) and self._crawl.lost(path, since)
        ]

    def archive(self, about: About) -> Archive:
        """The finished archive."""
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
        """The patch; or the reason why there is none, as a sentence."""
        if self._base.baseline is None or not (self._texts or self._deleted):
            return b"", self._base.note
        try:
            return self._base.baseline.patch(self._texts, self._deleted), ""
        except ResolveError as error:
            log.warning("no_patch", error=error.sentence)
            return b"", f"There is no patch. {error.sentence}"

    def _manifest(self, about: About, note: str, *, has_patch: bool) -> Iterator[str]:
        yield f"Changes in {shown(about.name)} until {calendar.in_utc(time.time())}."
        yield f"It was launched from {shown(about.url)}" + (f" at {about.commit}." if about.commit else ".")
        yield f"{FILES} holds every changed or new file, whole. Hidden files and caches are not saved."
        if has_patch:
            yield f"In a checkout of that commit, `git apply {PATCH}` makes the changes to text files."
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
