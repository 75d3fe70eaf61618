"""The words of this room: a repository, where it lies, and a request to launch it. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum


class Provider(StrEnum):
    """Where a repository lies, in the abbreviations of mybinder.org."""

    GITHUB = "gh"
    GITLAB = "gl"
    GIST = "gist"
    GIT = "git"
    ZENODO = "zenodo"
    FIGSHARE = "figshare"
    HYDROSHARE = "hydroshare"
    DATAVERSE = "dataverse"
    CKAN = "ckan"
    SOFTWARE_HERITAGE = "swh"
    DOI = "doi"

    @property
    def is_git(self) -> bool:
        """Whether the repository has refs; the others are archives of one state."""
        return self in {Provider.GITHUB, Provider.GITLAB, Provider.GIST, Provider.GIT}


@dataclass(frozen=True, slots=True)
class RepoSpec:
    """A repository, and what of it is wanted.

    Args:
        provider: Where it lies.
        url: The repository itself, with no tree or file in it: `https://github.com/owner/repo`, a bare DOI
            (`10.5281/zenodo.3242074`), a Software Heritage id, or the link of an archive.
        ref: A branch, tag, commit or full ref name; None is the default branch.
        path: A file or directory, relative to the root of the repository.
        interface: A key of `bot.interfaces.catalogue`, or a relative URL that begins with `/`, or None.
    """

    provider: Provider
    url: str
    ref: str | None = None
    path: str | None = None
    interface: str | None = None

    def to_json(self) -> dict[str, str | None]:
        """The fields as plain values."""
        return {
            "provider": self.provider.value,
            "url": self.url,
            "ref": self.ref,
            "path": self.path,
            "interface": self.interface,
        }


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a `RepoSpec` means at this moment.

    Args:
        spec: The same repository; the border between ref and path is where it really is.
        commit: The full commit id; None where there are no commits (archives).
        ref_name: The full name of the ref that led there (`refs/heads/main`), or None.
        is_tip: Whether the commit is the tip of the default branch, which a shallow clone gets at once.
        places: Other addresses of the same repository: where its host redirects, or where its DOI leads.
        needs_right: Whether it was found only with somebody's right to read it.
    """

    spec: RepoSpec
    commit: str | None
    ref_name: str | None = None
    is_tip: bool = False
    places: tuple[str, ...] = field(default=(), compare=False)
    needs_right: bool = False


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """A repository, and how it is to be run.

    Args:
        spec: The repository.
        size: The name of the wanted size, as typed.
        name: What the person calls this binder.
        duration: How long it is wanted, in words that `bot.times.end_times.parse` takes.
        rebuild: Whether it is built anew although it was built before.
    """

    spec: RepoSpec
    size: str | None = None
    name: str | None = None
    duration: str | None = None
    rebuild: bool = False
