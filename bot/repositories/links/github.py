"""GitHub's pages, and the hosts that show them under another name. Pure."""

import re
from collections.abc import Mapping

from bot.errors import SpecError
from bot.repositories.links.forge import COMPARISONS, Forge, Page, listing, pages
from bot.repositories.links.link import Link
from bot.repositories.parts import echo
from bot.repositories.spec import Provider, RepoSpec
from bot.sentences import Sentence

_NO_OWNERS = frozenset(
    {
        "orgs",
        "topics",
        "marketplace",
        "sponsors",
        "features",
        "settings",
        "users",
        "collections",
        "notifications",
    }
    | {"search", "explore", "trending", "enterprise", "apps", "login", "readme", "stars", "codespaces"}
)
"""What GitHub has in the place of an owner."""
_EXAMPLE = Sentence("A repository on GitHub is written owner/name, for example binder-examples/requirements")
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")

PAGES = (
    *pages("tree/{tree}", "blob/{tree}", "blame/{tree}", "edit/{tree}", "raw/{tree}", "delete/{tree}"),
    *pages("new/{tree}", "upload/{tree}", "find/{refs}", "find", "tree", "blob", "commits"),
    *pages("commit/{commit}.patch", "commit/{commit}.diff", "commit/{commit}/{*}", "commit/{ref}/{*}"),
    *pages("commits/{tree}", "branch/{refs}"),
    *pages("releases/tag/{refs}", "releases/download/{ref}/{*}", "releases/edit/{refs}"),
    *pages("releases/expanded_assets/{refs}", "tags/{refs}"),
    *pages("archive/{refs}.zip", "archive/{refs}.tar.gz", "archive/{refs}.tar.bz2", "archive/{refs}"),
    *pages("zipball/{refs}", "tarball/{refs}", "zip/{refs}", "tar.gz/{refs}"),
    *pages("legacy.zip/{refs}", "legacy.tar.gz/{refs}"),
    *pages("pull/{*}/commits/{commit}", "pull/{*}/changes/{commit}"),
    Page("pull/{number}.patch", ref="refs/pull/{number}/head"),
    Page("pull/{number}.diff", ref="refs/pull/{number}/head"),
    Page("pull/{number}/{*}", ref="refs/pull/{number}/head"),
    Page("pulls/{number}/{*}", ref="refs/pull/{number}/head"),
    *COMPARISONS,
    listing("releases/{*}", Sentence("releases")),
    listing("pull/{*}", Sentence("pull requests")),
    listing("pulls/{*}", Sentence("pull requests")),
    listing("branches/{*}", Sentence("branches")),
    listing("tags", Sentence("tags")),
)


def _check(named: Mapping[str, str]) -> None:
    owner, name = named["owner"], named["name"]
    if owner.lower() in _NO_OWNERS:
        raise SpecError(
            Sentence(
                "{page} is a page of GitHub, not a repository.", page=echo(f"github.com/{owner}/{name}")
            ),
            hint=_EXAMPLE,
        )
    if not _OWNER.fullmatch(owner):
        raise SpecError(
            Sentence("{owner} cannot be the name of an owner on GitHub.", owner=echo(owner)), hint=_EXAMPLE
        )
    if name in {".", ".."}:
        raise SpecError(Sentence("{name} cannot be the name of a repository.", name=echo(f"{owner}/{name}")))


GITHUB = Forge(
    repository=r"(?P<owner>[^/]+)/(?P<name>[^/@]+?)",
    address="https://github.com/{owner}/{name}",
    provider=Provider.GITHUB,
    pages=PAGES,
    check=_check,
)
_SHORTHAND = Forge(
    repository=GITHUB.repository,
    address=GITHUB.address,
    provider=Provider.GITHUB,
    pages=(*PAGES, *pages("{tree}")),
    check=_check,
)
_ABOUT = frozenset(
    {
        "issues",
        "wiki",
        "actions",
        "projects",
        "security",
        "network",
        "settings",
        "discussions",
        "graphs",
        "pulse",
    }
    | {"labels", "milestones", "stargazers", "forks", "packages", "deployments", "watchers", "contributors"}
)
"""Pages about a repository that show no files."""


def read_shorthand(text: str) -> RepoSpec:
    """`owner/repo`, with `@ref`, `#ref`, `:ref`, `/ref`, a pull request's `#7` or a page of GitHub after it.

    Raises:
        SpecError: No repository on GitHub can have that name.
    """
    page, _, query = text.partition("?")
    path, _, fragment = page.partition("#")
    if not fragment and not query and path.count("/") == 1:
        path, _, fragment = path.partition(":")
    if fragment and path.count("/") == 1 and "@" not in path:
        path = f"{path}@refs/pull/{fragment}/head" if fragment.isdecimal() else f"{path}@{fragment}"
    link = Link("https", "github.com", None, f"/{path}", query)
    about = link.segments[2:3]
    return (GITHUB if about and about[0] in _ABOUT else _SHORTHAND).read(link)


def read_raw(link: Link) -> RepoSpec:
    """`raw.githubusercontent.com/owner/repo/ref/path`."""
    owner_and_name, rest = link.segments[:2], link.segments[2:]
    return GITHUB.read(link.at([*owner_and_name, *(["blob", *rest] if rest else [])]))


def read_media(link: Link) -> RepoSpec:
    """`media.githubusercontent.com/media/owner/repo/ref/path`, where large files are."""
    return read_raw(link.at(link.segments[1:]))


def read_api(link: Link) -> RepoSpec:
    """`api.github.com/repos/owner/repo/…`."""
    return GITHUB.read(link.at(link.segments[1:] if link.segments[:1] == ["repos"] else []))
