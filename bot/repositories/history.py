"""What a repository holds beyond its refs: which commits, and which files; without fetching their contents.

Only asked where the refs do not answer: for a shortened commit, for one that may never have been there, and
for a word that may be a file's name. Fetched into a repository that is thrown away; nothing is checked out.
"""

import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bot.repositories.git_process import GitComplaint, GuardedGit

_CEILINGS: Final[Mapping[int, int]] = {
    resource.RLIMIT_FSIZE: 256_000_000,
    resource.RLIMIT_AS: 4_000_000_000,
    resource.RLIMIT_CPU: 60,
}
"""Bytes of one file (all that is fetched at once is one file), bytes of memory, seconds of computing."""
_MOST_LISTED: Final = 100_000_000
_MOST_SAID: Final = 1_000_000
_SETTINGS: Final = (
    "core.hooksPath=/dev/null",
    "fetch.unpackLimit=1",
    "gc.auto=0",
    "maintenance.auto=false",
    "pack.threads=1",
)
_FETCH: Final = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules")
_ABSENT: Final = "not our ref"


@contextmanager
def history(git: GuardedGit, deadline: float) -> Iterator["History"]:
    """The history of the repository that a git reaches; what is fetched for it is removed afterwards.

    Args:
        git: It is kept to the repository's host.
        deadline: On the monotonic clock, in seconds.

    Raises:
        GitComplaint: git cannot fetch here.
        RepositoryUnreachable: Its host did not answer in time.
    """
    with TemporaryDirectory(prefix="history-", ignore_cleanup_errors=True) as folder:
        settings = (word for setting in _SETTINGS for word in ("-c", setting))
        command = (*git.command, *settings, f"--git-dir={Path(folder)}")
        found = History(replace(git, command=command, ceilings=_CEILINGS), deadline)
        found.begin()
        yield found


@dataclass(frozen=True, slots=True)
class History:
    """Made by `history`. All of its methods raise GitComplaint and RepositoryUnreachable, as that does."""

    _git: GuardedGit
    _deadline: float

    def begin(self) -> None:
        """Make the empty repository."""
        self._run("init", "--quiet", "--bare", "--template=")
        self._run("config", "remote.origin.url", self._git.url)

    def has(self, commit: str) -> bool | None:
        """Whether there is a commit of this full id; None where the host does not say."""
        try:
            self._run(*_FETCH, "--depth=1", "--filter=tree:0", "--", "origin", commit)
            self._run("cat-file", "-e", f"{commit}^{{commit}}")
        except GitComplaint as complaint:
            return False if _ABSENT in str(complaint) else None
        return True

    def commits_from(self, beginning: str) -> list[str]:
        """The full ids, of all commits on branches and tags, that begin so."""
        heads_and_tags = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        self._run(*_FETCH, "--filter=tree:0", "--", "origin", *heads_and_tags)
        listed = self._run("rev-list", "--all", most=_MOST_LISTED).decode("ascii", "replace")
        return [commit for commit in listed.split() if commit.startswith(beginning)]

    def files(self, commit: str) -> list[str]:
        """The paths of all files of a commit that the host lets anybody fetch."""
        self._run(*_FETCH, "--depth=1", "--filter=blob:none", "--", "origin", commit)
        listed = self._run("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, most=_MOST_LISTED)
        return [name.decode(errors="replace") for name in listed.split(b"\0") if name]

    def _run(self, *arguments: str, most: int = _MOST_SAID) -> bytes:
        return self._git.run(*arguments, deadline=self._deadline, most=most)
