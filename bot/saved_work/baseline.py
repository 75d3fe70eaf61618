"""What a binder was launched with: the files of its repository at its commit, and what differs from them.

The commit is fetched without its files into a repository that is thrown away; git gets only those files
that a difference is made of. Nothing is ever checked out.
"""

import hashlib
import re
import resource
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Final, Protocol

from bot.errors import RepositoryUnreachable
from bot.repositories.git_process import GitComplaint, GuardedGit
from bot.repositories.spec import RepoSpec

SECONDS = 90.0
"""How long the repository's host may take to list its files, and again to send the contents that differ."""
_CEILINGS: Final = {
    resource.RLIMIT_FSIZE: 256_000_000,
    resource.RLIMIT_AS: 4_000_000_000,
    resource.RLIMIT_CPU: 60,
}
"""Limits of git: bytes of one file (a fetch is one file), bytes of memory, seconds of CPU time."""
_MOST_LISTED: Final = 32_000_000
_MOST_DIFFERENCE: Final = 64_000_000
_MOST_SAID: Final = 1_000_000
_SETTINGS: Final = (
    "core.attributesFile=/dev/null",
    "core.hooksPath=/dev/null",
    "core.bigFileThreshold=32m",
    "fetch.unpackLimit=1",
    "gc.auto=0",
    "maintenance.auto=false",
    "pack.threads=1",
    "http.lowSpeedLimit=100",
    "http.lowSpeedTime=30",
)
_REGULAR: Final = frozenset({"100644", "100755"})
_SAVED: Final = "refs/heads/saved"
_BINARY: Final = b"Binary files "


@dataclass(frozen=True, slots=True)
class Tracked:
    """A file of the repository.

    Args:
        mode: git's word for what it is: `100644`, `100755` (may be run), `120000` (a link).
        sha: The id of its content.
    """

    mode: str
    sha: str

    @property
    def is_regular(self) -> bool:
        """Whether it is a file, and not a link."""
        return self.mode in _REGULAR

    @property
    def is_executable(self) -> bool:
        """Whether it is executable."""
        return self.mode == "100755"

    def holds(self, content: bytes) -> bool:
        """Whether that is its content."""
        make = hashlib.sha1 if len(self.sha) == hashlib.sha1().digest_size * 2 else hashlib.sha256  # noqa: S324 - git's own names of contents
        return make(b"blob %d\0%b" % (len(content), content)).hexdigest() == self.sha


class ReachesGit(Protocol):
    """What reaches repositories by git; `bot.repositories.resolve.Resolver` is one."""

    def git_for(self, spec: RepoSpec, deadline: float, /) -> GuardedGit:
        """A git that reaches one repository."""


@contextmanager
def checkout(
    resolver: ReachesGit, spec: RepoSpec, commit: str, *, seconds: float = SECONDS
) -> Iterator["Baseline"]:
    """The files of a commit; what is fetched for them is removed afterwards.

    Args:
        resolver: Knows which hosts may be spoken to.
        spec: The repository, of a provider that has git.
        commit: The full id of a commit.
        seconds: How long the host has for each of the two things that are asked of it.
    """
    with TemporaryDirectory(prefix="baseline-", ignore_cleanup_errors=True) as folder:
        yield Baseline(resolver, spec, commit, folder=Path(folder), seconds=seconds)


class Baseline:
    """The files that a binder was launched with; made by `checkout`."""

    def __init__(
        self, resolver: ReachesGit, spec: RepoSpec, commit: str, *, folder: Path, seconds: float
    ) -> None:
        self._resolver = resolver
        self._spec = spec
        self._commit = commit
        self._folder = folder
        self._seconds = seconds
        self._deadline = 0.0
        self._git: GuardedGit | None = None
        self._tree: dict[str, Tracked] = {}

    def tree(self) -> Mapping[str, Tracked]:
        """All files, by their paths from the repository's root.

        Raises:
            ResolveError: They are not to be had.
        """
        if self._git is None:
            self._deadline = time.monotonic() + self._seconds
            self._git = self._fetched()
            listed = self._run("ls-tree", "-r", "-z", "--full-tree", self._commit, most=_MOST_LISTED)
            self._tree = dict(_files(listed))
        return self._tree

    def patch(self, changed: Mapping[str, bytes], deleted: Iterable[str]) -> bytes:
        """What differs, as `git apply` takes it; files that are not text are left out, unless deleted.

        Args:
            changed: The new contents, by path, of files in the tree.
            deleted: Paths of files in the tree.

        Raises:
            ResolveError: The old contents are not to be had.
        """
        tree = self.tree()
        self._deadline = time.monotonic() + self._seconds
        with TemporaryFile() as orders:
            files = ((path, tree[path], content) for path, content in changed.items())
            _write_orders(orders, self._commit, files, deleted)
            orders.seek(0)
            self._run("fast-import", "--quiet", stdin=orders)
        difference = self._run(
            *("diff-tree", "-r", "-p", "--irreversible-delete", "--full-index", "--no-renames"),
            *("--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/"),
            *(self._commit, _SAVED, "--"),
            most=_MOST_DIFFERENCE,
        )
        return b"".join(_appliable(difference))

    def _fetched(self) -> GuardedGit:
        """A git in a repository that holds the commit."""
        git = self._resolver.git_for(self._spec, self._deadline)
        settings = (word for setting in _SETTINGS for word in ("-c", setting))
        command = (*git.command, *settings, f"--git-dir={self._folder}")
        self._git = git = replace(git, command=command, ceilings=_CEILINGS)
        kind = "sha1" if len(self._commit) == hashlib.sha1().digest_size * 2 else "sha256"  # noqa: S324 - git's own names of commits
        try:
            self._run("init", "--quiet", "--bare", "--template=", f"--object-format={kind}")
            self._run("config", "remote.origin.url", git.url)
            self._fetch_commit()
        except BaseException:
            self._git = None
            raise
        return git

    def _fetch_commit(self) -> None:
        """Fetch the commit by its id; if the host refuses that, by the ref that led to it."""
        refs = [self._commit, *([self._spec.ref] if self._spec.ref else []), "HEAD"]
        for ref in refs:
            try:
                self._run(
                    *("fetch", "--quiet", "--depth=1", "--filter=blob:none", "--no-tags"),
                    *("--no-recurse-submodules", "--", "origin", ref),
                )
                self._run("cat-file", "-e", f"{self._commit}^{{commit}}")
            except RepositoryUnreachable:
                if ref == refs[-1] or time.monotonic() > self._deadline:
                    raise
            else:
                return

    def _run(self, *arguments: str, most: int = _MOST_SAID, stdin: IO[bytes] | None = None) -> bytes:
        if self._git is None:
            raise RepositoryUnreachable("The repository was not fetched.")
        try:
            return self._git.run(*arguments, deadline=self._deadline, most=most, stdin=stdin)
        except GitComplaint as complaint:
            raise RepositoryUnreachable("The repository could not be read at its commit.") from complaint


def _files(listed: bytes) -> Iterator[tuple[str, Tracked]]:
    """Read the output of `git ls-tree -r -z`, without submodules and names that are not UTF-8."""
    for line in listed.split(b"\0"):
        facts, _, name = line.partition(b"\t")
        mode, kind, sha = (*facts.decode("ascii", "replace").split(" "), "", "")[:3]
        try:
            path = name.decode()
        except UnicodeDecodeError:
            continue
        if kind == "blob" and not {"", ".", ".."} & set(path.split("/")):
            yield path, Tracked(mode, sha)


def _write_orders(
    orders: IO[bytes],
    commit: str,
    changed: Iterable[tuple[str, Tracked, bytes]],
    deleted: Iterable[str],
) -> None:
    """Write the commands for `git fast-import`: a commit with the new contents."""
    orders.write(f"commit {_SAVED}\ncommitter - <-> 0 +0000\ndata 0\nfrom {commit}\n".encode())
    for path, tracked, content in changed:
        orders.write(b"M %b inline %b\ndata %d\n" % (tracked.mode.encode(), _quoted(path), len(content)))
        orders.write(content + b"\n")
    for path in deleted:
        orders.write(b"D %b\n" % _quoted(path))


def _quoted(path: str) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.encode()


def _appliable(difference: bytes) -> Iterator[bytes]:
    """The parts of a difference that `git apply` can apply: no binary files, unless deleted."""
    for part in re.split(rb"(?m)^(?=diff --git )", difference):
        head = part.partition(b"\n@@ ")[0]
        if b"\ndeleted file mode " in head:
            # git takes a file away that has this very content, whatever is in it, if it is said to be binary.
            yield part + _BINARY + b"and /dev/null differ\n"
        elif b"\n" + _BINARY not in head:
            yield part
