"""Names of binders: how they are made, and how they are read from what people type. Pure."""

import re
import unicodedata
from collections.abc import Collection
from difflib import get_close_matches

_NEAR = 0.5
_MAX_NAME = 40
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


def nearest(word: str, words: Collection[str]) -> str | None:
    """Of some words the one that was probably meant."""
    return next(iter(get_close_matches(word.lower(), words, 1, _NEAR)), None)
