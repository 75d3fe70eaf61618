"""The one table of links: whose link it is, by its host or by its shape -> who reads it. Pure.

text --locations--> a link --_HOSTS, _SHAPES--> a family --> its pages --> which ref and path
^                            |
└──────── wrapped ───────────┘   a launch link holds another location
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.errors import SpecError
from bot.repositories.links import (
    any_host,
    archives,
    azure,
    binderhub,
    bitbucket,
    doi,
    gist,
    gitea,
    github,
    gitlab,
    huggingface,
    openers,
    sourcehut,
)
from bot.repositories.links.link import Link, refuse_session
from bot.repositories.links.locations import read_location
from bot.repositories.links.wrapped import Wrapped
from bot.repositories.parts import PATH, REF, echo, only_one
from bot.repositories.spec import RepoSpec
from bot.sentences import Sentence

Reader = Callable[[Link], RepoSpec | Wrapped]


def _read_github(link: Link) -> RepoSpec | Wrapped:
    return openers.read_codespaces(link) if openers.is_codespaces(link) else github.GITHUB.read(link)


_HOSTS: Mapping[str, Reader] = {
    "github.com": _read_github,
    **dict.fromkeys(("raw.githubusercontent.com", "raw.github.com"), github.read_raw),
    "media.githubusercontent.com": github.read_media,
    "codeload.github.com": github.GITHUB.read,
    "api.github.com": github.read_api,
    "gist.github.com": gist.read_gist,
    "gist.githubusercontent.com": gist.read_gist,
    "gitlab.com": gitlab.read_gitlab,
    "bitbucket.org": bitbucket.CLOUD.read,
    "api.bitbucket.org": bitbucket.read_api,
    "dev.azure.com": azure.AZURE.read,
    "codeberg.org": gitea.GITEA.read,
    "gitea.com": gitea.GITEA.read,
    "git.sr.ht": sourcehut.SOURCEHUT.read,
    "huggingface.co": huggingface.read_hugging_face,
    "hf.co": huggingface.read_hugging_face,
    **openers.OPENERS,
    "mybinder.org": binderhub.read_mybinder,
    "beta.mybinder.org": binderhub.read_mybinder,
    **dict.fromkeys(("doi.org", "dx.doi.org", "hdl.handle.net"), doi.read_doi_link),
    "archive.softwareheritage.org": doi.read_swh_link,
    "zenodo.org": archives.read_zenodo,
    "sandbox.zenodo.org": archives.read_zenodo,
    "figshare.com": archives.read_figshare,
    "hydroshare.org": archives.read_hydroshare,
}
_ENDINGS: Mapping[str, Reader] = {
    ".figshare.com": archives.read_figshare,
    ".visualstudio.com": azure.read_visual_studio,
    **openers.ENDINGS,
}
_SHAPES: tuple[tuple[Callable[[Link], bool], Reader], ...] = (
    (binderhub.is_launch_link, binderhub.read_launch_link),
    (openers.is_git_pull, openers.read_git_pull),
    (openers.is_import, openers.read_in_query),
    (archives.is_dataverse, archives.read_dataverse),
    (archives.is_ckan, archives.read_ckan),
)
_MOST_WRAPPINGS = 3
_BRACKETS = {")": "(", "]": "[", "}": "{", ">": "<"}


def parse_location(text: str) -> RepoSpec:
    """The repository that one word names, and what of it a link points at.

    Raises:
        SpecError: Its sentence names what was wrong, and never repeats a secret.
    """
    spec = _read(_trim(text) or text)
    if _read(_trim(spec.url)) != RepoSpec(spec.provider, spec.url):
        # Whoever pastes what the bot shows must get the same repository, not a dataset or another page.
        raise SpecError(
            Sentence(
                "{url} can be read in two ways: paste the plain link of the repository.", url=echo(spec.url)
            )
        )
    return spec


def _read(location: str, depth: int = 0) -> RepoSpec:
    if depth > _MOST_WRAPPINGS:
        raise SpecError(
            Sentence(
                "{location} stands in too many links: give the link of the repository itself.",
                location=echo(location),
            )
        )
    read = read_location(location)
    found = _reader_of(read)(read) if isinstance(read, Link) else read
    if isinstance(found, RepoSpec):
        return found
    inner = _read(_trim(found.location), depth + 1)
    return replace(
        inner,
        ref=only_one(REF, inner.ref, found.ref),
        path=only_one(PATH, inner.path, found.path),
        interface=found.interface or inner.interface,
    )


def _reader_of(link: Link) -> Reader:
    by_ending = (read for ending, read in _ENDINGS.items() if link.site.endswith(ending))
    by_shape = (read for is_such, read in _SHAPES if is_such(link))
    return _HOSTS.get(link.site) or next(by_ending, None) or next(by_shape, _read_any_host)


def _read_any_host(link: Link) -> RepoSpec:
    refuse_session(link)
    return any_host.read_git(link)


def _trim(text: str) -> str:
    """Without the punctuation of the sentence around it."""
    text = text.lstrip("<([{`*'\"")
    while text and text[-1] in ".,;:!?\u2026`*'\")]}>":
        opening = _BRACKETS.get(text[-1])
        if opening and text.count(opening) >= text.count(text[-1]):
            break
        text = text[:-1]
    return text
