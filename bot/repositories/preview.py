"""What a form can say of a repository before it is launched."""

from dataclasses import dataclass
from typing import Protocol

from bot.errors import ForbiddenAddress, RefNotFound, RepositoryNotFound, ResolveError
from bot.repositories.refs import Refs, choose, short_name
from bot.repositories.spec import RepoSpec, Resolved

MOST_REFS = 5_000


@dataclass(frozen=True, slots=True)
class Preview:
    """What was found.

    Attributes:
        problem: Why it cannot be launched; None where it can, as far as is known.
        refs: Its branches and tags as people write them, the default branch first; empty for an archive.
        default: The default branch; empty where there is none.
    """

    problem: ResolveError | None = None
    refs: tuple[str, ...] = ()
    default: str = ""


class LooksUp(Protocol):
    """What looks repositories up; `bot.repositories.resolve.Resolver` is one."""

    def refs(self, spec: RepoSpec, /) -> Refs:
        """The branches and tags of a repository."""

    def resolve(self, spec: RepoSpec, /) -> Resolved:
        """Find the exact commit."""


def preview(resolver: LooksUp, spec: RepoSpec) -> Preview | None:
    """Look at a repository; None where its host does not answer, so that nothing is known. May take long."""
    refs = None
    try:
        if spec.provider.is_git:
            refs = resolver.refs(spec)
        if refs is None or choose(spec, refs) is None:
            resolver.resolve(spec)
    except (RepositoryNotFound, ForbiddenAddress, RefNotFound) as error:
        return _preview(refs, error)
    except ResolveError:
        return None
    return _preview(refs)


def _preview(refs: Refs | None, problem: ResolveError | None = None) -> Preview:
    if refs is None:
        return Preview(problem)
    names = tuple(dict.fromkeys(refs.short_names()[:MOST_REFS]))
    return Preview(problem, names, short_name(refs.default or ""))
