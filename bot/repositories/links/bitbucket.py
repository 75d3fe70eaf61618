"""The pages of Bitbucket: of the cloud, and of Data Center on any host. Pure."""

import re
from collections.abc import Mapping
from dataclasses import replace

from bot.repositories.links.forge import Forge, Page, Place, listing, pages
from bot.repositories.links.link import Link
from bot.repositories.spec import RepoSpec
from bot.sentences import Sentence

_NO_REQUEST = Sentence(
    "Bitbucket keeps no ref for a pull request: give the link of the branch that it is made of, "
    "which stands at the top of its page."
)

CLOUD = Forge(
    repository=r"(?P<owner>[^/]+)/(?P<name>[^/@]+?)",
    address="{origin}/{owner}/{name}",
    pages=(
        *pages(
            "src/{tree}", "raw/{tree}", "annotate/{tree}", "history-node/{tree}", "src", "commits", "overview"
        ),
        *pages("branch/{refs}", "commits/branch/{refs}", "commits/tag/{refs}", "commits/{commit}/{*}"),
        *pages("commits/all", "commits/{commit}", "commit/{commit}", "commits/{refs}"),
        *pages("get/{refs}.zip", "get/{refs}.tar.gz", "get/{refs}.tar.bz2"),
        *pages("branches/compare/{refs}%0D{base}", "branches/compare/{refs}"),
        Page("pull-requests/{*}", refusal=_NO_REQUEST),
        Page("pull-request/{*}", refusal=_NO_REQUEST),
        listing("branches/{*}", Sentence("branches")),
        Page(
            "downloads/{*}",
            refusal=Sentence("The link leads to downloads: give the link of a tag or of a commit."),
        ),
    ),
)


def read_api(link: Link) -> RepoSpec:
    """`api.bitbucket.org/2.0/repositories/owner/name/…`."""
    return CLOUD.read(replace(link, host="bitbucket.org").at(link.segments[2:]))


def _where(query: Mapping[str, str]) -> Place:
    """The ref that a page is at, which Data Center keeps in the query."""
    names = ("at", "until", "sourceBranch")
    return next((query[name] for name in names if name in query), None), None


_DATA_CENTER_PAGES = (
    *pages("browse/{path}", "raw/{path}", "browse", "raw", "commits", "archive", "compare/{*}"),
    *pages("commits/{commit}/{*}"),
    Page("pull-requests/{number}/{*}", ref="refs/pull-requests/{number}/from"),
    listing("pull-requests", Sentence("pull requests")),
    listing("branches/{*}", Sentence("branches")),
)
_CONTEXT = r"(?P<context>(?:[^/]+/)*?)(?:rest/api/[^/]+/|plugins/servlet/archive/)?"
_NAMES = re.compile(r"~?[A-Za-z0-9._-]{1,100}")
"""A person's own project is called `~name`."""

DATA_CENTER = (
    Forge(
        repository=rf"{_CONTEXT}projects/(?P<project>[^/]+)/repos/(?P<name>[^/@]+?)",
        address="{origin}/{context}/scm/{project}/{name}.git",
        names=_NAMES,
        pages=_DATA_CENTER_PAGES,
        query=_where,
    ),
    Forge(
        repository=rf"{_CONTEXT}users/~?(?P<user>[^/~]+)/repos/(?P<name>[^/@]+?)",
        address="{origin}/{context}/scm/~{user}/{name}.git",
        pages=_DATA_CENTER_PAGES,
        query=_where,
    ),
)
