"""Launch links of BinderHubs: mybinder.org's, and those of any other host. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.errors import SpecError
from bot.repositories import opened
from bot.repositories.links.link import Link
from bot.repositories.links.wrapped import Wrapped, nested
from bot.repositories.parts import clean_path, clean_ref, decode
from bot.sentences import Sentence

_LAUNCH = re.compile(
    r"(?:/[\w.-]+){0,2}?/v2/(gh|gl|gist|git|zenodo|figshare|hydroshare|dataverse|ckan)/(.+)", re.IGNORECASE
)
_HTTP = re.compile(r"https?:/", re.IGNORECASE)
_ENCODED_QUERY = re.compile(r"%3f(?=(?:urlpath|labpath|filepath)(?:=|%3d))", re.IGNORECASE)
"""Somebody encoded the link's own question mark."""
_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)


def is_launch_link(link: Link) -> bool:
    """Whether a link of any host has the form that BinderHub gives its own."""
    return _LAUNCH.match(link.path) is not None


def read_launch_link(link: Link) -> Wrapped:
    """What `/v2/gh/owner/repo/ref?urlpath=…` launches and opens.

    Raises:
        SpecError: It is no launch link, or leads away from the server.
    """
    match = _LAUNCH.match(link.path)
    if match is None:
        raise SpecError(
            Sentence("{shown} is no launch link of a BinderHub.", shown=link.shown),
            hint=Sentence(
                "Give the link of the repository itself, for example https://github.com/owner/repo"
            ),
        )
    spec, _, query = _ENCODED_QUERY.sub("?", match[2]).partition("?")
    inner = _PROVIDERS[match[1].lower()](spec.rstrip("/"))
    interface, path = opened.in_query(replace(link, query=decode(query)).parameters | link.parameters)
    return replace(inner, path=path, interface=interface)


def read_mybinder(link: Link) -> Wrapped:
    """A launch link of mybinder.org, or one of the form that it had until 2017: `/repo/owner/name/path`."""
    if link.segments[:1] != ["repo"]:
        return read_launch_link(link)
    page = decode("/".join(link.segments[3:]))
    interface, path = opened.urlpath(page) if opened.is_known(f"/{page}") else (None, clean_path(page))
    return Wrapped(f"https://github.com/{'/'.join(link.segments[1:3])}", path=path, interface=interface)


def _github(rest: str) -> Wrapped:
    owner, _, name_and_ref = _ENCODED_SLASH.sub("/", rest).partition("/")
    name, _, ref = name_and_ref.partition("/")
    return Wrapped(f"https://github.com/{owner}/{name}", clean_ref(decode(ref)))


def _gitlab(rest: str) -> Wrapped:
    project, _, ref = rest.partition("/")
    if "/" not in _ENCODED_SLASH.sub("/", project):
        # Somebody decoded the link on its way: the project is still two segments long, mostly.
        name, _, ref = ref.partition("/")
        project = f"{project}/{name}"
    return Wrapped(f"https://gitlab.com/{_ENCODED_SLASH.sub('/', project)}", clean_ref(decode(ref)))


def _git(rest: str) -> Wrapped:
    address, _, ref = rest.partition("/")
    if _HTTP.match(rest):
        address, _, ref = _two_slashes(rest).rpartition("/")
    return Wrapped(nested(decode(address)), clean_ref(decode(ref)))


def _gist(rest: str) -> Wrapped:
    owner, _, gist_and_ref = rest.partition("/")
    gist, _, ref = gist_and_ref.partition("/")
    return Wrapped(f"https://gist.github.com/{owner}/{gist}", clean_ref(decode(ref)))


def _archive(rest: str) -> Wrapped:
    """A DOI, or the link of an archive's page."""
    location = decode(rest)
    return Wrapped(nested(_two_slashes(location) if _HTTP.match(location) else f"doi:{location}"))


def _ckan(rest: str) -> Wrapped:
    return Wrapped(nested(_two_slashes(decode(rest))))


def _two_slashes(link: str) -> str:
    """An inner link as it was before the outer one's double slashes were made single."""
    return re.sub(r"^(https?:)/+", r"\1//", link, flags=re.IGNORECASE)


_PROVIDERS: Mapping[str, Callable[[str], Wrapped]] = {
    "gh": _github,
    "gl": _gitlab,
    "gist": _gist,
    "git": _git,
    "ckan": _ckan,
    **dict.fromkeys(("zenodo", "figshare", "hydroshare", "dataverse"), _archive),
}
