"""Looking repositories up as one person: what everybody can read, and what they have a right to read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from bot.access.rights import Reader, Rights
from bot.errors import RepositoryNotFound
from bot.repositories.git_access import NOTHING
from bot.repositories.git_process import GuardedGit
from bot.repositories.refs import Refs
from bot.repositories.resolve import Resolver
from bot.repositories.spec import RepoSpec, Resolved

Found = TypeVar("Found")


class LooksUp(Protocol):
    """What looks up the exact commit; `bot.repositories.resolve.Resolver` is one."""

    def resolve(self, spec: RepoSpec, variables: Mapping[str, str] = ..., /) -> Resolved:
        """Find the exact commit; `variables` are added to git's environment."""


@dataclass(frozen=True, slots=True)
class ReaderResolver:
    """Looks up the commit of a launch.

    Attributes:
        resolver: Looks up what everybody can read, or what a right is given for.
        rights: Gives the rights.
        reader: Whose they are.
    """

    resolver: LooksUp
    rights: Rights
    reader: Reader

    def resolve(self, spec: RepoSpec) -> Resolved:
        """Find the exact commit. Raises what `Resolver.resolve` does."""
        right = _RightNeeded(self.rights, self.reader)
        found = right.read(spec.url, lambda variables: self.resolver.resolve(spec, *_given(variables)))
        return replace(found, needs_right=True) if right.was_needed else found


@dataclass(frozen=True, slots=True)
class RepositoryReader:
    """Looks repositories up for a form, and reads those that were launched.

    Attributes:
        resolver: See `ReaderResolver`, also for the others.
        rights: See there.
        reader: See there.
        needs_right: Whether it is known that nothing can be read without a right.
    """

    resolver: Resolver
    rights: Rights
    reader: Reader
    needs_right: bool = False

    def resolve(self, spec: RepoSpec) -> Resolved:
        """See `Resolver.resolve`."""
        return ReaderResolver(self.resolver, self.rights, self.reader).resolve(spec)

    def refs(self, spec: RepoSpec) -> Refs:
        """See `Resolver.refs`."""
        right = _RightNeeded(self.rights, self.reader)
        return right.read(spec.url, lambda variables: self.resolver.refs(spec, variables))

    def git_for(self, spec: RepoSpec, deadline: float) -> GuardedGit:
        """See `Resolver.git_for`."""
        right = self.rights.require(spec.url, self.reader) if self.needs_right else None
        return self.resolver.git_for(spec, deadline, right.variables() if right else NOTHING)


class _RightNeeded:
    """Reads as anybody could, and with a right only where that finds nothing."""

    def __init__(self, rights: Rights, reader: Reader) -> None:
        self._rights, self._reader = rights, reader
        self.was_needed = False

    def read(self, url: str, look: Callable[[Mapping[str, str]], Found]) -> Found:
        try:
            return look(NOTHING)
        except RepositoryNotFound:
            right = self._rights.of(url, self._reader)
            if right is None:
                raise
        self.was_needed = True
        try:
            return look(right.variables())
        except RepositoryNotFound:
            # In the same words as for who has no right. What led to it is nobody's business.
            raise self._rights.refusal(url) from None


def _given(variables: Mapping[str, str]) -> tuple[Mapping[str, str], ...]:
    return (variables,) if variables else ()
