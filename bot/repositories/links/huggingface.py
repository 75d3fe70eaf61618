"""The pages of Hugging Face: models, datasets and spaces are repositories alike. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from bot.errors import SpecError
from bot.repositories.links.forge import Forge, Page, listing, pages
from bot.repositories.links.link import Link
from bot.repositories.parts import echo
from bot.repositories.spec import RepoSpec
from bot.sentences import Sentence


def _check(named: Mapping[str, str]) -> None:
    if not named["kind"] and named["name"].partition("/")[0] in _NO_OWNERS:
        raise SpecError(
            Sentence(
                "{page} is a page of Hugging Face, not a repository.",
                page=echo("huggingface.co/" + named["name"]),
            ),
            hint=Sentence("Give the link of a model, of a dataset or of a space."),
        )


_NO_OWNERS = frozenset(
    {
        "docs",
        "blog",
        "papers",
        "models",
        "datasets",
        "spaces",
        "collections",
        "organizations",
        "settings",
        "learn",
    }
)
_HUGGING_FACE = Forge(
    repository=r"(?P<kind>(?:(?:datasets|spaces)/)?)(?P<name>[^/]+(?:/[^/@]+?)??)",
    address="https://huggingface.co/{kind}/{name}",
    page_begins=r"(?:tree|blob|resolve|raw|blame|edit|commits?|discussions)(?:/|$)",
    pages=(
        *pages("tree/{tree}", "blob/{tree}", "resolve/{tree}", "raw/{tree}", "blame/{tree}", "edit/{tree}"),
        *pages("commit/{ref}", "commits/{refs}", "tree", "commits"),
        Page("discussions/{number}/{*}", ref="refs/pr/{number}"),
        listing("discussions", Sentence("discussions")),
    ),
    check=_check,
    needed=Sentence("an owner and a name are needed"),
)


def read_hugging_face(link: Link) -> RepoSpec:
    """A repository on Hugging Face, also by its short host `hf.co`."""
    return _HUGGING_FACE.read(replace(link, host="huggingface.co"))
