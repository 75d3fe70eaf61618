"""The pages of archives: Zenodo, Figshare, HydroShare, Dataverse and CKAN. Pure."""

import re
from urllib.parse import quote

from bot.errors import SpecError
from bot.repositories.links.any_host import read_git
from bot.repositories.links.doi import read_doi
from bot.repositories.links.link import Link
from bot.repositories.parts import decode, decode_segments, echo, has_hidden
from bot.repositories.spec import Provider, RepoSpec
from bot.sentences import Sentence

_CKAN = re.compile(r"(?:^|/)dataset/([\w.-]*[\w-])(?:/(?:resource/[^/]*|history/(?P<activity>[\w-]+)))?/?$")
_ACTIVITY = re.compile(r"[\w-]{1,100}")
_DATAVERSE_PAGES = ("/dataset.xhtml", "/citation", "/file.xhtml", "/:persistentId", "/:persistentId/")
_ZENODO_RECORD = re.compile(r"/(?:api/)?records?/(\d{1,12})(?:/.*)?$")
_ZENODO_DOI = re.compile(r"/(?:doi|badge/doi)/(.+?)(?:\.svg)?/?$", re.IGNORECASE)
_ZENODO_BADGE = re.compile(r"/badge/(?:latestdoi/)?\d+(?:\.svg)?/?$", re.IGNORECASE)
_FIGSHARE_ARTICLE = re.compile(r"/articles/[^/]+(?:/[^/]+)?/\d+(?:/\d+)?/?$")
_HYDROSHARE_RESOURCE = re.compile(r"/resource/([0-9a-f]{32})(?:/.*)?$", re.IGNORECASE)


def read_zenodo(link: Link) -> RepoSpec:
    """A record on Zenodo, or the badge of its DOI.

    Raises:
        SpecError: It is none.
    """
    # repo2docker 2026.4 cannot read links of the form /doi/…: all of them become DOIs.
    if match := _ZENODO_DOI.match(link.path):
        return read_doi(decode(match[1]))
    if _ZENODO_BADGE.match(link.path):
        raise SpecError(
            Sentence(
                "{shown} is a badge, which leads to the newest record but does not name it.", shown=link.shown
            ),
            hint=Sentence(
                "Open it in a browser, and give the DOI or the address of the record that it leads to."
            ),
        )
    match = _ZENODO_RECORD.match(link.path)
    if not match:
        raise SpecError(
            Sentence("{shown} is no record on Zenodo.", shown=link.shown),
            hint=Sentence("Give its DOI, for example 10.5281/zenodo.3242074."),
        )
    prefix = "10.5072" if link.host.startswith("sandbox.") else "10.5281"
    return read_doi(f"{prefix}/zenodo.{match[1]}")


def read_figshare(link: Link) -> RepoSpec:
    """An article on Figshare.

    Raises:
        SpecError: It is none.
    """
    if not _FIGSHARE_ARTICLE.match(link.path):
        raise SpecError(
            Sentence("{shown} is no article on Figshare.", shown=link.shown),
            hint=Sentence("Give its DOI, which stands on its page."),
        )
    origin = f"https://{link.host.removeprefix('www.')}"
    names = (quote(segment, safe="") for segment in decode_segments(link.segments))
    return RepoSpec(Provider.FIGSHARE, "/".join([origin, *names]))


def read_hydroshare(link: Link) -> RepoSpec:
    """A resource on HydroShare.

    Raises:
        SpecError: It is none.
    """
    match = _HYDROSHARE_RESOURCE.match(link.path)
    if not match:
        raise SpecError(
            Sentence("{shown} is no resource on HydroShare.", shown=link.shown),
            hint=Sentence("Give the address of its page: …/resource/…"),
        )
    return RepoSpec(Provider.HYDROSHARE, f"https://www.hydroshare.org/resource/{match[1].lower()}")


def is_dataverse(link: Link) -> bool:
    """Whether a link of any host has the form of Dataverse's pages."""
    return "persistentId" in link.parameters and link.path.endswith(_DATAVERSE_PAGES)


def read_dataverse(link: Link) -> RepoSpec:
    """A dataset in any Dataverse; one that has a known DOI becomes that.

    Raises:
        SpecError: Its persistent id is none.
    """
    persistent = link.parameters["persistentId"]
    if has_hidden(persistent) or not re.fullmatch(r"(?:doi|hdl):[A-Za-z0-9._;()/:+-]+", persistent):
        raise SpecError(
            Sentence("{persistent} is no persistent id of a dataset.", persistent=echo(persistent))
        )
    if persistent.startswith("doi:") and read_doi(persistent).provider is Provider.DATAVERSE:
        return read_doi(persistent)
    page = link.url(decode_segments(link.segments))
    return RepoSpec(Provider.DATAVERSE, f"{page}?persistentId={persistent}")


def is_ckan(link: Link) -> bool:
    """Whether a link of any host has the form of CKAN's pages."""
    return _CKAN.search(link.path) is not None


def read_ckan(link: Link) -> RepoSpec:
    """A dataset in any CKAN, and the version of it that the link names."""
    segments = decode_segments(link.segments)
    end = len(segments) - segments[::-1].index("dataset") + 1
    if segments[end - 1].endswith(".git"):
        return read_git(link)
    match = _CKAN.search(link.path)
    activity = (match and match["activity"]) or link.parameters.get("activity_id", "")
    version = f"?activity_id={activity}" if _ACTIVITY.fullmatch(activity) and activity.isascii() else ""
    return RepoSpec(Provider.CKAN, link.url(segments[:end]) + version)
