"""Git hosts that are not known by name: the shape of a link tells whose pages it has. Pure."""

import re
from collections.abc import Mapping

from bot.errors import SpecError
from bot.repositories.links import azure, bitbucket, gitea, github, gitlab
from bot.repositories.links.forge import Forge, Place, pages
from bot.repositories.links.link import Link
from bot.repositories.parts import echo
from bot.repositories.spec import RepoSpec
from bot.sentences import Sentence

_ANYTHING = re.compile(r"[^/]+")
_SEGMENT = r"[^/][^/@]*?"
_PAGES = (*gitea.PAGES, *github.PAGES)
_PAGE_BEGINS = (
    r"(?:tree|blob|src|raw|media|blame|commit|compare)(?:/|$)|commits/(?:branch|tag|commit)/"
    r"|releases/(?:tag|download)/|archive/|pulls?/[0-9]"
)


def _cgit_where(query: Mapping[str, str]) -> Place:
    return query.get("h") or query.get("id"), None


_CGIT = Forge(
    repository=r"(?P<name>.+?\.git|.+?(?=/(?:tree|plain|log|blame|commit|diff|patch)(?:/|$)))",
    address="{origin}/{name}",
    pages=pages(
        *("tree/{path}", "plain/{path}", "log/{path}", "blame/{path}"),
        *("tree", "plain", "log", "commit", "about", "refs", "diff", "patch"),
    ),
    names=_ANYTHING,
    query=_cgit_where,
)
_GITILES = Forge(
    repository=r"(?P<name>.+?)",
    address="{origin}/{name}",
    page_begins=r"\+(?:log|archive)?/",
    pages=pages("+archive/{refs}.tar.gz", "+log/{tree}", "+/{tree}"),
    names=_ANYTHING,
)
_DOT_GIT = Forge(repository=r"(?P<name>.*?\.git)", address="{origin}/{name}", pages=_PAGES, names=_ANYTHING)
_ANY = Forge(
    repository=rf"(?P<name>{_SEGMENT}(?:/{_SEGMENT})+?|{_SEGMENT})",
    address="{origin}/{name}",
    pages=_PAGES,
    page_begins=_PAGE_BEGINS,
    names=_ANYTHING,
)


def read_git(link: Link) -> RepoSpec:
    """A repository on any host.

    Raises:
        SpecError: The link names none.
    """
    if not link.segments:
        raise SpecError(
            Sentence("{host} is a host, but names no repository on it.", host=echo(link.host)),
            hint=Sentence("Give the link of the repository: {origin}/owner/name", origin=link.origin),
        )
    if "-" in link.segments:
        return gitlab.read_on_any_host(link)
    return _forge(link).read(link)


def _forge(link: Link) -> Forge:
    has_its_form = (forge for forge in (*bitbucket.DATA_CENTER, azure.AZURE) if forge.reads(link))
    if forge := next(has_its_form, None):
        return forge
    if {"h", "id"} & link.parameters.keys() and _CGIT.reads(link):
        return _CGIT
    if "/+" in link.path and _GITILES.reads(link):
        return _GITILES
    return _DOT_GIT if _DOT_GIT.reads(link) else _ANY
