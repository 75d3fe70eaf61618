"""The pages of Gitea and Forgejo (Codeberg). Pure."""

from bot.repositories.links.forge import COMPARISONS, Forge, Page, listing, pages
from bot.sentences import Sentence

_VIEWS = ("src", "raw", "media", "blame", "render", "rss")
"""What shows a file in one way or another."""
PAGES = (
    *pages(
        *(f"{word}/branch/{{tree}}" for word in ("src", "raw", "media", "blame", "render", "rss", "_edit"))
    ),
    *pages(*(f"{word}/tag/{{tree}}" for word in ("src", "raw", "media", "blame", "render", "rss"))),
    *pages(*(f"{word}/commit/{{tree}}" for word in ("src", "raw", "media", "blame", "render"))),
    *pages(
        "commits/branch/{tree}", "commits/tag/{refs}", "commits/commit/{ref}/{*}", "commit/{commit}.patch"
    ),
    *pages("commit/{commit}.diff", "commit/{ref}/{*}", "releases/tag/{refs}", "releases/download/{ref}/{*}"),
    *pages("archive/{refs}.zip", "archive/{refs}.tar.gz", "archive/{refs}.bundle", "_edit/{tree}"),
    *pages("src", "commits", "src/{tree}", "raw/{tree}"),
    *pages("pulls/{file}/commits/{commit}"),
    Page("pulls/{number}/{*}", ref="refs/pull/{number}/head"),
    Page("pulls/{number}.patch", ref="refs/pull/{number}/head"),
    *COMPARISONS,
    listing("pulls", Sentence("pull requests")),
    listing("releases/{*}", Sentence("releases")),
    listing("tags", Sentence("tags")),
    listing("branches", Sentence("branches")),
)

GITEA = Forge(
    repository=r"(?P<owner>[^/]+)/(?P<name>[^/@]+?)", address="{origin}/{owner}/{name}", pages=PAGES
)
