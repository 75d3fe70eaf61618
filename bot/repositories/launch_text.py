"""The text of a request -> LaunchRequest: what a person typed. Pure: no network, no clock.

    <repo> [ref] [path] [--ref X] [--path X] [--open X] [--size X] [--name X] [--for X | --until X]

`bot.repositories.links` reads `<repo>` itself; this module reads the words around it, and undoes what chat
programs do to them.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import takewhile

from bot.errors import SpecError
from bot.interfaces.catalogue import BY_KEY, BY_NAME
from bot.repositories.links import (
    LEAK,
    Provider,
    RepoSpec,
    clean_path,
    clean_ref,
    echo,
    only_one,
    parse_location,
)
from bot.times import phrases

__all__ = ["MAX_TEXT", "LaunchRequest", "Provider", "RepoSpec", "parse_launch", "parse_repo"]

MAX_TEXT = 4_000
"""Characters of a whole request. The longest honest one, badge Markdown, has some 500."""

_MAX_LABEL = 80


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """A repository, and how it is to be run.

    Args:
        spec: The repository.
        size: The name of the wanted size, as typed.
        name: What the person calls this binder.
        duration: How long it is wanted, in words that `bot.times.end_times.parse` takes.
    """

    spec: RepoSpec
    size: str | None = None
    name: str | None = None
    duration: str | None = None


def parse_launch(text: str) -> LaunchRequest:
    """Understand everything that stands behind `/binder launch`.

    Raises:
        SpecError: Its sentence names what was wrong, and never repeats a secret.
    """
    words, flags = _sort(_split(_clean(text)))
    return LaunchRequest(
        spec=_assemble(words, flags),
        size=_label("size", flags),
        name=_label("name", flags),
        duration=_label("for", flags),
    )


def parse_repo(text: str) -> RepoSpec:
    """Understand the repository of a request; see `parse_launch`.

    Raises:
        SpecError: Its sentence names what was wrong, and never repeats a secret.
    """
    return parse_launch(text).spec


# --- from text to words ---------------------------------------------------------------------------------

_SLACK_LINK = re.compile(r"<((?:[a-zA-Z+]{2,9}://|mailto:)[^<>|\s]+)(?:\|[^<>]*)?>")
_HTML_BADGE = re.compile(r"<a\s[^<>]{0,300}?href\s*=\s*[\"']?([^\"'<>\s]+)", re.IGNORECASE)
_REST_BADGE = re.compile(r"\.\.\s+image::.*?:target:\s*(\S+)", re.DOTALL)
_MARKDOWN_LINK = re.compile(r"^\s*\[(?:!\[[^\[\]]*\]\([^()\s]*\)|[^\[\]]*)\]\(([^()\s]+)\)")
_SECRET = re.compile(
    r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|xapp-[\w-]{10,})"
    r"|://[^\s/@:<>|]*:[^\s/@<>|]+@"
)
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_QUOTES = str.maketrans(
    dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"') | dict.fromkeys("\u2018\u2019\u201a\u201b", "'")
)
_WORD = re.compile(
    "\\s*(?:([-\u2010-\u2015\u2212]+\\w+=)?(?:\"([^\"]*)\"|'([^']*)')[.,;!)]*(?=\\s|$)|(\\S+))"
)
_DASHES = re.compile("^[-\u2010-\u2015\u2212]+(?=\\w)")


def _clean(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise SpecError(f"The text is {len(text):,} characters long; at most {MAX_TEXT:,} can be read.")
    if _SECRET.search(text):
        raise SpecError(LEAK)
    visible = "".join(_visible(char) for char in _BIDI.sub(_refuse_bidi, text.translate(_QUOTES)))
    plain = _unwrap_slack(visible).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return _unwrap_badge(_unwrap_slack(plain)).strip()


def _refuse_bidi(match: re.Match[str]) -> str:
    # Such a character makes a link look like another one.
    raise SpecError(
        f"The text holds a character that reverses writing (U+{ord(match[0]):04X}); type it anew."
    )


def _visible(char: str) -> str:
    """The character, a space for any white space, nothing for one of no width."""
    if char in " \t\n\r" or (char.isspace() and unicodedata.category(char) != "Cc"):
        return "\n" if char == "\n" else " "
    category = unicodedata.category(char)
    if category in {"Cc", "Cs"}:
        raise SpecError(f"The text holds a control character (U+{ord(char):04X}).")
    return "" if category == "Cf" else char


def _unwrap_slack(text: str) -> str:
    return _SLACK_LINK.sub(lambda match: match[1].removeprefix("mailto:"), text)


def _unwrap_badge(text: str) -> str:
    """The link behind a badge, and what was typed after the badge where its end is plain."""
    if match := _MARKDOWN_LINK.match(text):
        return f"{match[1]} {text[match.end() :]}"
    if match := _HTML_BADGE.search(text):
        return f"{match[1]} {text.rpartition('</a>')[2] if '</a>' in text else ''}"
    match = _REST_BADGE.search(text)
    return match[1] if match else text


def _split(text: str) -> list[str]:
    """Words, grouped by quotes as a shell does it, but with apostrophes allowed inside of words."""
    words = []
    for prefix, double, single, bare in _WORD.findall(text):
        if bare[:1] in {'"', "'"} and bare:
            raise SpecError(f"A quote is opened at {echo(bare)} and never closed.")
        words.append(prefix + (double or single or bare))
    return [word for word in words if word]


# --- from words to flags --------------------------------------------------------------------------------

_FLAGS = ("ref", "path", "open", "size", "name", "for")
_ALL_FLAGS = (*_FLAGS, *(option for option in phrases.OPTIONS if option != "for"))
"""Those that are named in advice, and their other forms."""
_OTHER_WORDS = {
    **dict.fromkeys(("branch", "tag", "commit", "revision", "version"), "ref"),
    **dict.fromkeys(("file", "directory", "dir", "subdir", "folder", "filepath", "labpath"), "path"),
    **dict.fromkeys(("interface", "ui", "app", "urlpath"), "open"),
    **dict.fromkeys(("flavor", "flavour", "machine"), "size"),
    "time": "for",
    "title": "name",
}
_MOST_WORDS = 3


def _sort(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Words by position, and the values of flags."""
    positional: list[str] = []
    flags: dict[str, str] = {}
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if phrases.is_told(word, queue):
            _set(flags, "for", _take_time(word.lower(), [], queue))
            continue
        if not _is_flag(word):
            positional.append(word)
            continue
        name, equals, value = word.partition("=")
        flag = _flag(name)
        if flag in phrases.OPTIONS:
            _set(flags, "for", _take_time(flag, [value] if equals else [], queue))
            continue
        if not equals and queue and not _is_flag(queue[0]):
            value = queue.pop(0)
        _set(flags, flag, value)
    return _join_doi(positional), flags


def _take_time(flag: str, begun: list[str], queue: list[str]) -> str:
    """Take the words of a time off the queue: the longest run of them."""
    words = [*begun, *_until_flag(queue)]
    if not words:
        raise SpecError(f"--{flag} needs a value after it.")
    told, count = phrases.take_option(flag, words)
    del queue[: count - len(begun)]
    return told


def _until_flag(queue: Sequence[str]) -> list[str]:
    return list(takewhile(lambda word: not _is_flag(word), queue))


def _is_flag(word: str) -> bool:
    # What phones make of two hyphens counts as well; a lone hyphen may begin a value, to be refused as such.
    return _DASHES.match(word) is not None


def _flag(word: str) -> str:
    name = _DASHES.sub("", word).lower()
    dashes = len(word) - len(_DASHES.sub("", word))
    if name in _ALL_FLAGS and (dashes > 1 or word[0] != "-"):
        return name
    near = [_OTHER_WORDS[name]] if name in _OTHER_WORDS else get_close_matches(name, _ALL_FLAGS, 1, 0.5)
    advice = (
        f"Did you mean --{near[0]}?" if near else f"There are {', '.join(f'--{each}' for each in _FLAGS)}."
    )
    raise SpecError(f"There is no option {echo(word)}. {advice}")


def _set(flags: dict[str, str], flag: str, value: str) -> None:
    if not value.strip():
        raise SpecError(f"--{flag} needs a value after it.")
    if flags.setdefault(flag, value) != value:
        raise SpecError(f"--{flag} is given twice: {echo(flags[flag])} and {echo(value)}.")


def _join_doi(words: list[str]) -> list[str]:
    """`DOI 10.5281/...` is one word."""
    if len(words) > 1 and words[0].lower() in {"doi", "doi:"} and words[1].startswith("10."):
        return [f"doi:{words[1]}", *words[2:]]
    return words


def _label(flag: str, flags: Mapping[str, str]) -> str | None:
    value = flags.get(flag)
    if value and len(value) > _MAX_LABEL:
        raise SpecError(f"--{flag} is longer than {_MAX_LABEL} characters.")
    return value.strip() if value else None


# --- from parts to the whole ----------------------------------------------------------------------------


def _assemble(words: Sequence[str], flags: Mapping[str, str]) -> RepoSpec:
    if not words:
        raise SpecError("No repository was named.", hint="For example: owner/repo, a link, or a DOI.")
    if len(words) > _MOST_WORDS:
        raise SpecError(
            f"{echo(words[_MOST_WORDS])} is one word too many: a repository, a ref and a path are expected.",
            hint="Put quotes around names with spaces in them.",
        )
    location, ref, path = (*words, None, None)[:_MOST_WORDS]
    spec = parse_location(location or "")
    spec = _with_ref(spec, only_one("ref", clean_ref(ref), clean_ref(flags.get("ref"))))
    spec = _with_path(spec, only_one("path", clean_path(path), clean_path(flags.get("path"))))
    spec = _with_interface(spec, flags.get("open"))
    return replace(spec, ref=None) if spec.ref == "HEAD" else spec


def _with_ref(spec: RepoSpec, ref: str | None) -> RepoSpec:
    if ref is None:
        return spec
    if not spec.provider.is_git:
        if ref == "HEAD":
            return spec
        raise SpecError(
            f"{echo(spec.url)} is an archive, which has no branches or tags such as {echo(ref)}.",
            hint="Name a file or directory of it with --path.",
        )
    if spec.ref and spec.path and f"{spec.ref}/{spec.path}/".startswith(f"{ref}/"):
        # The link holds a ref with slashes in it, and now we know where that ends.
        return replace(spec, ref=ref, path=f"{spec.ref}/{spec.path}"[len(ref) + 1 :] or None)
    return replace(spec, ref=only_one("ref", spec.ref, ref))


def _with_path(spec: RepoSpec, path: str | None) -> RepoSpec:
    return replace(spec, path=only_one("path", spec.path, path))


def _with_interface(spec: RepoSpec, opened: str | None) -> RepoSpec:
    """What `--open` asks for wins over the interface that the author of a badge preferred."""
    if opened is None:
        return spec
    interface = BY_NAME.get(opened.strip().lower())
    if interface:
        return replace(spec, interface=interface.key)
    if "." in opened or "/" in opened:
        return _with_path(spec, clean_path(opened))
    near = get_close_matches(opened.lower(), BY_NAME, 1, 0.5)
    advice = f"Did you mean {BY_NAME[near[0]].key}?" if near else f"There are {', '.join(BY_KEY)}, or a file."
    raise SpecError(f"There is no interface {echo(opened)}. {advice}")
