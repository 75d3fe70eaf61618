"""The built environments of a root, shared by the binders of one commit.

<root>/environments/<key>/
    lock       held exclusively by who builds, shared by who uses: nothing in use is ever removed
    complete   says that the rest is whole; its time is that of the last use
    venv/      the environment
    notes.json what its users should know of how it was built
    repo/      the checkout as the build left it; every binder gets a copy of its own
<root>/environments/<key>.rebuilt
    names the newest rebuild of this key, which has an environment of its own: others may use the old one
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import stat
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_LOOK_SECONDS = 0.2
_FORMAT = 2
_REBUILT = ".rebuilt"


class Environment:
    """One built environment, or the place where it will be built.

    Args:
        path: Its directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.venv = path / "venv"
        self.repo = path / "repo"
        self._complete = path / "complete"
        self._notes = path / "notes.json"

    @property
    def is_complete(self) -> bool:
        """Whether it can be used."""
        return self._complete.exists()

    def clear(self) -> None:
        """Remove what an interrupted build left."""
        for path in (self.venv, self.repo):
            remove_tree(path)

    def keep_notes(self, notes: Iterable[str]) -> None:
        """Keep what those who use it should know."""
        self._notes.write_text(json.dumps(list(notes)), encoding="utf-8")

    def notes(self) -> list[str]:
        """What those who use it should know."""
        return [str(note) for note in json.loads(self._notes.read_text(encoding="utf-8"))]

    def mark_complete(self) -> None:
        """Say that it can be used."""
        self._complete.touch()


class Environments:
    """All environments of one root.

    Args:
        root: The directory below which they are kept.
        keep: How many complete ones are kept; those in use are kept in any case.
    """

    def __init__(self, root: Path, keep: int) -> None:
        self._folder = root / "environments"
        self._keep = keep

    def at(self, *key: str, rebuild: str | None = None) -> Environment:
        """The environment that belongs to a key: whatever decides what is built.

        Args:
            *key: The key.
            rebuild: The name of a rebuild; the newest finished one by default, where there was one.
        """
        rebuild = self._newest_rebuild(key) if rebuild is None else rebuild
        return Environment(self._folder / _digest(*key, *([rebuild] if rebuild else [])))

    def prefer(self, *key: str, rebuild: str) -> None:
        """Let those who come later use this rebuild."""
        (self._folder / f"{_digest(*key)}{_REBUILT}").write_text(rebuild, encoding="utf-8")

    def _newest_rebuild(self, key: tuple[str, ...]) -> str:
        try:
            return (self._folder / f"{_digest(*key)}{_REBUILT}").read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    @contextlib.contextmanager
    def use(
        self, environment: Environment, build: Callable[[], None] | None, waiting: Callable[[], None]
    ) -> Iterator[bool]:
        """Hold a complete environment for as long as the block runs; gives whether there is one.

        Args:
            environment: Which.
            build: Makes it where it does not exist yet; None for taking only what exists.
            waiting: Called again and again while another binder builds it; may raise.
        """
        while True:
            with contextlib.ExitStack() as held:
                lock = held.enter_context(_open_lock(environment.path, create=build is not None))
                if lock is None:
                    break
                if environment.is_complete and _take(lock, environment.path, fcntl.LOCK_SH):
                    if environment.is_complete:
                        environment.mark_complete()
                        yield True
                        return
                elif build is None:
                    break
                elif not _take(lock, environment.path, fcntl.LOCK_EX):
                    waiting()
                    time.sleep(_LOOK_SECONDS)
                elif not environment.is_complete:
                    self._build(environment, build)
        yield False

    def prune(self, keep: int | None = None) -> None:
        """Remove what is incomplete, and the complete ones that were not used for longest; nothing in use."""
        found = [Environment(path) for path in self._folder.glob("*") if path.is_dir()]
        complete = sorted((each for each in found if each.is_complete), key=_last_use, reverse=True)
        kept = {each.path for each in complete[: self._keep if keep is None else keep]}
        for each in found:
            if each.path not in kept:
                self._remove_unused(each)

    def _build(self, environment: Environment, build: Callable[[], None]) -> None:
        environment.clear()
        try:
            build()
        except BaseException:
            _discard(environment.path)
            raise
        environment.mark_complete()
        self.prune()

    @staticmethod
    def _remove_unused(environment: Environment) -> None:
        if environment.path.name.startswith("."):  # removed half, by somebody who was interrupted
            remove_tree(environment.path)
            return
        with _open_lock(environment.path, create=False) as lock:
            if lock is None or _take(lock, environment.path, fcntl.LOCK_EX):
                _discard(environment.path)


def _digest(*key: str) -> str:
    return hashlib.sha256(json.dumps([_FORMAT, *key]).encode()).hexdigest()[:24]


def remove_tree(path: Path) -> None:
    """Remove a directory whatever its permissions are; links in it are removed, never followed."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    with contextlib.suppress(OSError):
        path.chmod(stat.S_IRWXU)
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                remove_tree(Path(entry.path))
            else:
                Path(entry.path).unlink(missing_ok=True)
    path.rmdir()


def _discard(path: Path) -> None:
    """Remove an environment: out of sight in one step, then for good."""
    hidden = path.with_name(f".{path.name}-{os.getpid()}-{time.monotonic_ns()}")
    # Something may still write into it for a moment: what is left then goes with the next pruning.
    with contextlib.suppress(OSError):
        path.rename(hidden)
        remove_tree(hidden)


@contextlib.contextmanager
def _open_lock(path: Path, *, create: bool) -> Iterator[IO[str] | None]:
    if create:
        path.mkdir(parents=True, exist_ok=True)
    try:
        file = (path / "lock").open("a" if create else "r")
    except FileNotFoundError:
        yield None
        return
    with file:
        yield file


def _take(lock: IO[str], path: Path, kind: int) -> bool:
    """Try to take a lock; False where somebody has it, or where the directory was removed meanwhile."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
        return (path / "lock").stat().st_ino == os.fstat(lock.fileno()).st_ino
    except (BlockingIOError, FileNotFoundError):
        return False


def _last_use(environment: Environment) -> float:
    try:
        return (environment.path / "complete").stat().st_mtime
    except FileNotFoundError:
        return 0.0


def copy_tree(source: Path, target: Path) -> None:
    """Copy a checkout with its links and modes; what is no file, link or directory is left out."""
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=_special_files)


def _special_files(folder: str, names: list[str]) -> set[str]:
    def is_special(name: str) -> bool:
        mode = (Path(folder) / name).lstat().st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))

    return {name for name in names if is_special(name)}
