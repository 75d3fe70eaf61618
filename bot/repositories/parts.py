"""What every part of a link or a request must keep to: refs, paths, and text that may be shown. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import unquote

from bot.errors import SpecError
from bot.sentences import Sentence

_MAX_REF = 255
_MAX_PATH = 1_000
_MAX_ECHO = 60

REF, PATH = Sentence("ref"), Sentence("path")
"""What is given, in sentences."""

LEAK = Sentence(
    "The text holds a password or token. Never paste secrets here: "
    "revoke that one, and give the link without it."
)
"""What is said of a secret, which must never be repeated."""

_USERINFO = re.compile(r"(://)\S*@|[^\s/@:]+:[^\s/@]*@")
_SECRET_PARAMETER = re.compile(r"(token=)[^&\s]*", re.IGNORECASE)


def echo(text: str) -> str:
    """What may be repeated of hostile text: short, on one line, without what looks like a password."""
    shown = _SECRET_PARAMETER.sub(r"\1...", _USERINFO.sub(r"\1...@", text))
    shown = "".join(char if char.isprintable() else "." for char in shown)
    return f"“{shown[:_MAX_ECHO]}…”" if len(shown) > _MAX_ECHO else f"“{shown}”"


def only_one(what: Sentence, *values: str | None) -> str | None:
    """The one value that was given.

    Raises:
        SpecError: There are two.
    """
    given = list(dict.fromkeys(value for value in values if value))
    if len(given) > 1:
        raise SpecError(
            Sentence(
                "The {what} is given twice: {first} and {second}.",
                what=what,
                first=echo(given[0]),
                second=echo(given[1]),
            ),
            hint=Sentence("Leave one of them out."),
        )
    return given[0] if given else None


_SCHEME = re.compile(r"\s*[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_REF_HINT = Sentence("Leave it out for the default branch; a file is named with --path.")
_REF_NEVER = re.compile(r"[\s~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")


def clean_ref(text: str | None) -> str | None:
    """A ref that git could know, or None if there is none.

    Raises:
        SpecError: No branch, tag or commit can have that name.
    """
    ref = (text or "").strip()
    if not ref:
        return None
    if len(ref) > _MAX_REF:
        raise SpecError(Sentence("The ref is longer than {most} characters.", most=_MAX_REF))
    if ref.startswith(("-", "/", ".")) or ref.endswith(("/", ".")) or ref == "@":
        raise SpecError(Sentence("{ref} cannot be a branch, tag or commit.", ref=echo(ref)), hint=_REF_HINT)
    if _REF_NEVER.search(ref) or has_hidden(ref):
        raise SpecError(
            Sentence("{ref} holds a character that no branch, tag or commit can have.", ref=echo(ref)),
            hint=_REF_HINT,
        )
    return ref


def clean_path(text: str | None) -> str | None:
    """A path inside the repository; None is its root.

    Raises:
        SpecError: The path leaves the repository, or cannot be one.
    """
    if text is None:
        return None
    if _SCHEME.match(text):
        raise SpecError(
            Sentence(
                "The path {path} is a link: write it as it is in the repository, as nb/a.ipynb is.",
                path=echo(text),
            )
        )
    if len(text) > _MAX_PATH:
        raise SpecError(Sentence("The path is longer than {most} characters.", most=_MAX_PATH))
    if "\\" in text or has_hidden(text):
        raise SpecError(
            Sentence(
                "The path {path} holds a character that cannot be used: write it with “/”.", path=echo(text)
            )
        )
    parts = [part for part in (each.strip() for each in text.split("/")) if part not in {"", "."}]
    if ".." in parts:
        raise SpecError(Sentence("The path {path} leaves the repository.", path=echo(text)))
    if parts and parts[0].startswith("-"):
        raise SpecError(
            Sentence("The path {path} begins with “-” and would be taken for an option.", path=echo(text))
        )
    return "/".join(parts) or None


def has_hidden(text: str) -> bool:
    """Whether the text holds anything that cannot be seen, other than plain spaces."""
    return any(_is_hidden(char) for char in text)


def _is_hidden(char: str) -> bool:
    return char != " " and (char.isspace() or unicodedata.category(char) in {"Cc", "Cf", "Cs"})


def decode(text: str) -> str:
    """Text of a URL, percent signs resolved.

    Raises:
        SpecError: They stand for no text.
    """
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise SpecError(Sentence("{text} holds percent signs that mean no text.", text=echo(text))) from None


def decode_segments(segments: Sequence[str]) -> list[str]:
    """Segments of a URL, percent signs resolved.

    Raises:
        SpecError: One of them leaves its place, or hides something.
    """
    decoded = [decode(segment) for segment in segments]
    for segment in decoded:
        if {".", ".."} & set(segment.split("/")) or "\\" in segment or has_hidden(segment):
            raise SpecError(
                Sentence("The link holds {segment}, which leads elsewhere.", segment=echo(segment))
            )
    return decoded
