"""Which repositories may be launched: patterns of host, owner and repository. Pure.

A pattern is `host`, `host/owner` or `host/owner/repository`; it also means all that is below it. `*` stands
for any characters of one part. Of all patterns that match, the longest decides; a ban wins over an allowance
of the same length. Where none matches, a repository may be launched unless the site names those that may.

Capital letters do not count, and neither do `www.`, `.git`, encodings, or a port that the pattern does not
name.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

_GITHUB = "github.com"
_GIST = "gist.github.com"
_DOI = "doi.org"
_SOFTWARE_HERITAGE = "archive.softwareheritage.org"
_PORTS = {"http": 80, "https": 443}
_ALLOWED = re.compile(r"[\w.*~:+@%-]+")
MOST_LENGTH = 255


@dataclass(frozen=True)
class Rule:
    """One pattern, and what it decides.

    Attributes:
        pattern: As `read_pattern` returns it.
        is_allowed: Whether what it means may be launched.
        reason: Why not, in the admin's words; may be empty.
    """

    pattern: str
    is_allowed: bool
    reason: str = ""

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        parts = [re.escape(part).replace(r"\*", "[^/]*") for part in self.pattern.split("/")]
        port = "" if ":" in self.pattern.split("/", maxsplit=1)[0] else r"(?::\d+)?"
        return re.compile("/".join([f"{parts[0]}{port}", *parts[1:]]) + r"(?:/.*)?", re.DOTALL)

    def matches(self, places: Iterable[str]) -> bool:
        """Whether it means one of these places; see `places_of`."""
        return any(self._expression.fullmatch(each) for each in places)

    @property
    def weight(self) -> tuple[int, int, bool]:
        """How much it counts among those that match: parts, then letters, then bans before allowances."""
        return self.pattern.count("/"), len(self.pattern.replace("*", "")), not self.is_allowed


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a repository may be launched.

    Attributes:
        is_allowed: Whether it may.
        reason: Why not, in the admin's words; may be empty.
    """

    is_allowed: bool
    reason: str = ""


def judge(url: str, rules: Sequence[Rule], *, only_named: bool = False) -> Verdict:
    """Decide whether a repository may be launched.

    Args:
        url: See `bot.repositories.spec.RepoSpec.url`.
        rules: Those of the settings and those of the admins.
        only_named: Whether the site names the repositories that may be launched, so that no other may.
    """
    places = places_of(url)
    decides = max(
        (each for each in rules if each.matches(places)), key=lambda each: each.weight, default=None
    )
    if decides is None:
        return Verdict(not only_named)
    return Verdict(decides.is_allowed, decides.reason)


def places_of(url: str) -> tuple[str, ...]:
    """The names by which patterns know a repository: `github.com:443/owner/repo`, in small letters.

    A gist is also known as its owner's at github.com.
    """
    if url.startswith("10."):
        return (f"{_DOI}:443/{_folded(url)}",)
    if url.startswith("swh:"):
        return (f"{_SOFTWARE_HERITAGE}:443/{_folded(url)}",)
    host, port, path = _split(url)
    place = "/".join((f"{host}:{port}", *path))
    if host == _GIST and len(path) > 1:
        return place, "/".join((f"{_GITHUB}:443", *path))
    return (place,)


def read_pattern(text: str) -> str:
    """Read a pattern as an operator or admin types it, or the link of a repository.

    `owner/repo` means github.com, as in a launch.

    Raises:
        ValueError: Its message says what is wrong.
    """
    typed = text.strip().strip("<>").split("|", maxsplit=1)[0]
    host, port, path = _split(typed if "://" in typed else f"pattern://{typed}")
    if not _is_host(host) and path and "://" not in typed:
        host, port, path = _GITHUB, None, (_folded(host), *path)
    is_default = "://" in typed and port in _PORTS.values()
    pattern = "/".join((host if port is None or is_default else f"{host}:{port}", *path))
    is_readable = _is_host(host) and all(_ALLOWED.fullmatch(part) for part in pattern.split("/"))
    if not is_readable or len(pattern) > MOST_LENGTH:
        raise ValueError(
            "each must be `host`, `host/owner` or `host/owner/repository`, such as `github.com/owner/*`"
        )
    return pattern


def read_patterns(text: str) -> tuple[str, ...]:
    """Read patterns, separated by commas; raises what `read_pattern` does."""
    return tuple(read_pattern(each) for each in text.split(",") if each.strip())


def _is_host(text: str) -> bool:
    return "." in text or text in {"localhost", "*"}


def _split(url: str) -> tuple[str, int | None, tuple[str, ...]]:
    """Host, port and path of a link, each as patterns have it."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    host, _, port = place.rpartition(":") if re.search(r":\d*$", place) else (place, "", "")
    number = int(port) if port else _PORTS.get(parts.scheme)
    return _host(host), number, _path(_folded(parts.path))


def _path(text: str) -> tuple[str, ...]:
    """The parts of a path as curl asks for it, which git uses: `a/../b` is `b`."""
    segments: list[str] = []
    for each in text.removesuffix("/").removesuffix(".git").split("/"):
        if each == "..":
            segments[-1:] = []
        elif each not in {"", "."}:
            segments.append(each)
    return tuple(segments)


def _host(text: str) -> str:
    name = _folded(text).strip("[]").rstrip(".").removeprefix("www.")
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def _folded(text: str) -> str:
    """Text in which writing does not matter; decoded twice, since hosts differ in how often they do."""
    return normalize("NFKC", unquote(unquote(text))).casefold()
