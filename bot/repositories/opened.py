"""What is to be opened: the addresses on a server that BinderHub calls `urlpath`. Pure."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote

from bot.errors import SpecError
from bot.interfaces import catalogue
from bot.repositories.parts import PATH, clean_path, decode, echo, has_hidden, only_one
from bot.sentences import Sentence

_ALSO_DIRECTORIES = re.compile(r"(?:tree|notebooks|edit|shiny)(?:/|$)")
"""Names of pages that repositories have as directories."""
_PROXIED = re.compile(r"(?:proxy/\d+|git-pull)(?:[/?]|$)")
_SCHEME = re.compile(r"\s*[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_MOST_DECODINGS = 4

Opened = tuple[str | None, str | None]
"""An interface, and a path; each may be missing."""


def in_query(query: Mapping[str, str]) -> Opened:
    """What the query of a launch link asks for: `urlpath`, `labpath` and `filepath`, or several of them.

    Raises:
        SpecError: It leads away from the server.
    """
    lab, notebook = (_file(query.get(name)) for name in ("labpath", "filepath"))
    interface, path = urlpath(query.get("urlpath", ""))
    return interface or (lab and "lab") or (notebook and "notebook"), only_one(PATH, path, lab or notebook)


def _file(text: str | None) -> str | None:
    return clean_path(_safe(text)) if text else None


def urlpath(text: str) -> Opened:
    """What an address on the server opens: `lab/tree/a.ipynb` is JupyterLab with a file.

    Raises:
        SpecError: It leads away from the server.
    """
    relative = _safe(text).strip().removeprefix("/").replace("&amp;", "&")
    page, _, query = relative.partition("?")
    if found := catalogue.of_link(page.removesuffix("/index.html")):
        interface, linked = found
        path = linked or parse_qs(query).get("path", [""])[-1]
        return interface.key, clean_path(decode(path)) if path else None
    return (f"/{relative.replace(' ', '%20')}" if relative else None), None


def is_known(text: str) -> bool:
    """Whether a text can only be an address on the server, and no file: `lab/tree/a.ipynb`, `/rstudio`.

    `notebooks/a.ipynb` may be either; with a slash before it, it is an address.
    """
    page = text.strip().partition("?")[0]
    relative = page.removeprefix("/")
    if _ALSO_DIRECTORIES.match(page):
        return False
    return _PROXIED.match(relative) is not None or catalogue.of_link(relative) is not None


def _safe(text: str) -> str:
    """The path, if it stays on the server however often it is decoded.

    BinderHub follows an absolute `urlpath`, and hands the token of the server to that host.

    Raises:
        SpecError: It leads elsewhere.
    """
    seen = text
    for _ in range(_MOST_DECODINGS):
        page = re.split(r"[?#]", seen, maxsplit=1)[0]
        leads_away = _SCHEME.match(page) or page.lstrip().startswith("//") or ".." in page.split("/")
        if leads_away or "\\" in seen or has_hidden(seen):
            raise SpecError(
                Sentence("{text} would be opened, which leads away from the server.", text=echo(text))
            )
        seen = unquote(seen)
    if unquote(seen) != seen:
        raise SpecError(
            Sentence("The launch link is encoded over and over, which only serves to hide where it leads.")
        )
    return text
