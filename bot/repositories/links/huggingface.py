"""The pages of Hugging Face: models, datasets and spaces are repositories alike. Pure."""

from dataclasses import replace

from bot.repositories.links.forge import Forge, Page, listing, pages
from bot.repositories.links.link import Link
from bot.repositories.spec import RepoSpec

_HUGGING_FACE = Forge(
    repository=r"(?P<kind>(?:(?:datasets|spaces)/)?)(?P<name>[^/]+(?:/[^/@]+?)??)",
    address="https://huggingface.co/{kind}/{name}",
    page_begins=r"(?:tree|blob|resolve|raw|blame|edit|commits?|discussions)(?:/|$)",
    pages=(
        *pages("tree/{tree}", "blob/{tree}", "resolve/{tree}", "raw/{tree}", "blame/{tree}", "edit/{tree}"),
        *pages("commit/{ref}", "commits/{refs}", "tree", "commits"),
        Page("discussions/{number}/{*}", ref="refs/pr/{number}"),
        listing("discussions", "discussions"),
    ),
    needed="an owner and a name are needed",
)


def read_hugging_face(link: Link) -> RepoSpec:
    """A repository on Hugging Face, also by its short host `hf.co`."""
    return _HUGGING_FACE.read(replace(link, host="huggingface.co"))
