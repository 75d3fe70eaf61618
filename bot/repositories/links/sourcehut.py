"""The pages of sourcehut. Pure."""

import re

from bot.repositories.links.forge import Forge, listing, pages
from bot.sentences import Sentence

SOURCEHUT = Forge(
    repository=r"(?P<owner>~[^/]+)/(?P<name>[^/@]+?)",
    address="{origin}/{owner}/{name}",
    names=re.compile(r"~?[A-Za-z0-9._-]{1,100}"),
    pages=(
        *pages("tree/{ref}/item/{path}", "tree/{tree}", "tree", "blob/{tree}", "blame/{tree}", "raw/{tree}"),
        *pages("log", "log/{ref}/item/{path}", "log/{refs}", "commit/{commit}.patch", "commit/{ref}/{*}"),
        *pages("refs/download/{ref}/{*}", "refs/{refs}", "archive/{refs}.tar.gz", "archive/{refs}.zip"),
        listing("refs", Sentence("refs")),
    ),
    needed=Sentence("an owner that begins with “~” and a name are needed"),
)
