"""Names of binders: how they are made, and how they are read from what people type. Pure."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from bot.errors import SpecError
from bot.repositories.launch_text import parse_repo
from storage.models import Binder

_NEAR = 0.5
_MAX_NAME = 40
_LEAST_PART = 2
"""Characters of a part of a name: one would be in nearly all of them."""
_AROUND_A_NAME = re.compile(r"^[^a-z0-9]+|[^a-z0-9]+$")
_BEFORE_A_NAME = re.compile(r"^(?:(?:the|my|of|for|called|named|binder|instance)\s+)+(?=\S)")


def slug(text: str) -> str:
    """A name that can be typed: lower-case letters, digits, dots and hyphens, at most 40 characters."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.")[:_MAX_NAME].strip("-.")
    return name or "binder"


def name_of_repository(url: str) -> str:
    """What a binder is called where nobody chose a name: the last part of its URL or DOI."""
    parts = [part for part in re.split(r"[/:]", url.split("?", maxsplit=1)[0]) if part]
    return slug(parts[-1].removesuffix(".git") if parts else url)


def bare_name(text: str) -> str:
    """A name without what people type around it: quotes, commas, “the binder”. Never empty for a text."""
    words = _BEFORE_A_NAME.sub("", text.strip().lower(), count=1)
    return _AROUND_A_NAME.sub("", words) or words


def meant_by(typed: str, binders: Sequence[Binder]) -> list[Binder]:
    """Those of some binders that somebody means by their repository, or else by a part of a name.

    Args:
        typed: In small letters: a link, a DOI, `owner/repo`, `repo`, a part of these or of a binder's name.
        binders: Which may be meant.
    """
    said = _plain_repository(_url_in(typed))
    whole = [each for each in binders if said in _names_of_repository(each.url)]
    if whole or len(said) < _LEAST_PART:
        return whole
    return [each for each in binders if said in each.name or said in _without_host(each.url)]


def _url_in(typed: str) -> str:
    """The repository of a link to a part of it, as `https://github.com/owner/repo/tree/main`."""
    if "://" not in typed:
        return typed
    try:
        return parse_repo(typed).url
    except SpecError:
        return typed


def _plain_repository(url: str) -> str:
    plain = url.lower()
    return (plain.partition("://")[2] or plain).rstrip("/").removesuffix(".git")


def _names_of_repository(url: str) -> set[str]:
    """How people name a repository: `github.com/owner/repo`, `owner/repo`, `repo`."""
    parts = _plain_repository(url).split("/")
    return {"/".join(parts[start:]) for start in range(len(parts))}


def _without_host(url: str) -> str:
    return _plain_repository(url).partition("/")[2]


def nearest(word: str, words: Collection[str]) -> str | None:
    """Of some words the one that was probably meant."""
    return next(iter(get_close_matches(word.lower(), words, 1, _NEAR)), None)
