"""GitLab's pages, on gitlab.com and on any other host. Pure."""

from collections.abc import Mapping

from bot.errors import SpecError
from bot.repositories.links.forge import COMPARISONS, Forge, Page, listing, pages, read_first
from bot.repositories.links.link import Link
from bot.repositories.parts import echo
from bot.repositories.spec import Provider, RepoSpec
from bot.sentences import Sentence

_PAGES = (
    *pages("tree/{tree}", "blob/{tree}", "raw/{tree}", "blame/{tree}", "edit/{tree}", "new/{tree}"),
    *pages("tree", "blob", "commits", "commits/{tree}", "commit/{ref}/{*}", "find_file/{refs}"),
    *pages("network/{refs}", "graphs/{refs}/charts", "tags/{refs}", "archive/{refs}/{file}"),
    Page(
        "releases/permalink/{*}",
        refusal=Sentence("The link leads to the latest release: give the link of that one."),
    ),
    *pages("releases/{ref}/{*}"),
    Page("merge_requests/{number}/{*}", ref="refs/merge-requests/{number}/head"),
    *COMPARISONS,
    listing("merge_requests/{*}", Sentence("merge requests")),
    listing("releases", Sentence("releases")),
    listing("tags", Sentence("tags")),
    listing("branches/{*}", Sentence("branches")),
)
_PAGE_BEGINS = r"-/|(?:tree|blob|raw|blame|commits?|tags|merge_requests|compare)/"
"""Old links have their pages without the hyphen."""
_GROUPS_AND_NAME = r"(?P<name>[^/]+(?:/[^/@]+?)+?)"


def _check(named: Mapping[str, str]) -> None:
    kind, _, rest = named["name"].partition("/")
    if kind in {"groups", "users", "explore", "dashboard", "help", "search", "admin", "projects"}:
        raise SpecError(
            Sentence("{page} is a page of GitLab, not a repository.", page=echo(f"gitlab.com/{kind}/{rest}")),
            hint=Sentence("A repository on GitLab is written group/name: https://gitlab.com/group/name"),
        )


GITLAB = Forge(
    repository=_GROUPS_AND_NAME,
    address="https://gitlab.com/{name}",
    provider=Provider.GITLAB,
    page_begins=_PAGE_BEGINS,
    pages=_PAGES,
    needed=Sentence("a group and a name are needed"),
    check=_check,
)
_EDITOR = Forge(
    repository=rf"-/ide/project/{_GROUPS_AND_NAME}",
    address=GITLAB.address,
    provider=Provider.GITLAB,
    page_begins="(?:edit|tree|blob)/",
    pages=pages("{file}/{ref}/-/{path}", "{file}/{ref}/-", "{file}/{refs}"),
)


def _snippets(hyphen: str) -> tuple[Forge, Forge]:
    """Snippets are repositories of their own: a person's, and a project's."""
    end = rf"{hyphen}snippets/(?P<number>[0-9]+)"
    page = pages("raw/{ref}/{path}")
    return (
        Forge(repository=end, address="{origin}/snippets/{number}.git", pages=page),
        Forge(
            repository=rf"(?P<name>[^/]+(?:/[^/]+)+?)/{end}",
            address="{origin}/{name}/snippets/{number}.git",
            pages=page,
        ),
    )


_ON_GITLAB_COM = (*_snippets("(?:-/)?"), _EDITOR, GITLAB)
_ON_ANY_HOST = (
    *_snippets("-/"),
    Forge(repository=_GROUPS_AND_NAME, address="{origin}/{name}", page_begins="-(?:/|$)", pages=_PAGES),
)


def read_gitlab(link: Link) -> RepoSpec:
    """A repository or a snippet on gitlab.com."""
    return read_first(_ON_GITLAB_COM, link)


def read_on_any_host(link: Link) -> RepoSpec:
    """A link whose path has GitLab's hyphen in it."""
    return read_first(_ON_ANY_HOST, link)
