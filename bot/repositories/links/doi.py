"""DOIs and Software Heritage's ids, and the links that hold one. Pure."""

import re

from bot.errors import SpecError
from bot.repositories.links.link import Link
from bot.repositories.parts import clean_path, decode, echo
from bot.repositories.spec import Provider, RepoSpec
from bot.sentences import Sentence

_DOI = re.compile(r"10\.\d{4,9}(?:\.\d{1,9})*/[A-Za-z0-9._;()/:+-]+")
_PROVIDERS: tuple[tuple[str, Provider], ...] = (
    ("10.5281/zenodo.", Provider.ZENODO),
    ("10.5072/zenodo.", Provider.ZENODO),  # Zenodo's sandbox
    ("10.6084/", Provider.FIGSHARE),
    ("10.4211/hs.", Provider.HYDROSHARE),
    ("10.7910/dvn/", Provider.DATAVERSE),  # Harvard
    ("10.5683/sp", Provider.DATAVERSE),  # Borealis
    ("10.34894/", Provider.DATAVERSE),  # DataverseNL
    ("10.18710/", Provider.DATAVERSE),  # DataverseNO
    ("10.21979/", Provider.DATAVERSE),  # NTU Singapore
)
_SWH = re.compile(r"swh:1:(rev|dir):([0-9a-f]{40})((?:;[^;]*)*)$", re.IGNORECASE)
_SWH_PATH = re.compile(r";path=([^;]+)")
_SWH_BROWSE = re.compile(r"/browse/(revision|directory)/([0-9a-f]{40})(?:/.*)?$", re.IGNORECASE)


def read_doi(text: str) -> RepoSpec:
    """A bare DOI, with or without `doi:` before it.

    Raises:
        SpecError: It is none.
    """
    doi = re.sub(r"^(?:(?:urn:|info:)?doi[:/]\s*)+", "", text, flags=re.IGNORECASE).rstrip("/")
    if not _DOI.fullmatch(doi) or {".", ".."} & set(doi.split("/")):
        raise SpecError(
            Sentence("{text} is not a DOI.", text=echo(text)),
            hint=Sentence("A DOI looks like 10.5281/zenodo.3242074"),
        )
    return RepoSpec(_provider_of(doi), doi)


def _provider_of(doi: str) -> Provider:
    known = (provider for prefix, provider in _PROVIDERS if doi.lower().startswith(prefix))
    return next(known, Provider.FIGSHARE if "figshare" in doi.lower() else Provider.DOI)


def read_doi_link(link: Link) -> RepoSpec:
    """`https://doi.org/10.…`."""
    return read_doi(decode(link.path).strip("/"))


def read_swh(text: str) -> RepoSpec:
    """A Software Heritage id, with the qualifiers that its pages add.

    Raises:
        SpecError: It is no id of a revision or a directory.
    """
    match = _SWH.match(text)
    if not match:
        raise SpecError(
            Sentence(
                "{text} cannot be launched: of Software Heritage's ids only revisions (swh:1:rev:…) "
                "and directories (swh:1:dir:…) of 40 hexadecimal digits can.",
                text=echo(text),
            )
        )
    path = _SWH_PATH.search(match[3])
    return RepoSpec(
        Provider.SOFTWARE_HERITAGE,
        f"swh:1:{match[1].lower()}:{match[2].lower()}",
        path=clean_path(decode(path[1])) if path else None,
    )


def read_swh_link(link: Link) -> RepoSpec:
    """A page of Software Heritage's archive."""
    if match := _SWH_BROWSE.match(link.path):
        return read_swh(f"swh:1:{match[1].lower()[:3]}:{match[2]}")
    return read_swh(decode(link.path).strip("/"))
