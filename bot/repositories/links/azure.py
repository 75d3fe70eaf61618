"""The pages of Azure DevOps, in the cloud and on any host. Pure."""

import re
from collections.abc import Mapping
from dataclasses import replace

from bot.repositories.links.forge import Forge, Page, Place, listing, pages
from bot.repositories.links.link import Link
from bot.repositories.spec import RepoSpec
from bot.sentences import Sentence

_KIND = re.compile(r"^G[BTC]")
"""Before a ref, whether it is a branch, a tag or a commit."""


def _where(query: Mapping[str, str]) -> Place:
    """Ref and path, both of which Azure keeps in the query."""
    version = query.get("targetVersion") or query.get("version") or query.get("itemVersion")
    return _KIND.sub("", version) if version else None, query.get("path")


AZURE = Forge(
    repository=r"(?P<base>.+)/_git/(?P<name>[^/@]+?)",
    address="{origin}/{base}/_git/{name}",
    names=re.compile(r"[^/\\]+"),
    pages=(
        *pages("commit/{commit}/{*}", "branchCompare", "commits", "pushes"),
        Page("pullrequest/{number}/{*}", ref="refs/pull/{number}/merge"),
        listing("pullrequests", Sentence("pull requests")),
        listing("tags", Sentence("tags")),
        listing("branches", Sentence("branches")),
    ),
    query=_where,
    needed=Sentence("an organization, a project and “_git” before its name are needed"),
)


def read_visual_studio(link: Link) -> RepoSpec:
    """`organization.visualstudio.com`, the old address of `dev.azure.com/organization`."""
    organization = link.host.partition(".")[0]
    segments = [each for each in link.segments if each != "DefaultCollection"]
    return AZURE.read(replace(link, host="dev.azure.com").at([organization, *segments]))
