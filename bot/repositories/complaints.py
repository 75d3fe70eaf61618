"""git's complaints in our words, and how a repository is named in them. Pure."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from bot.errors import RepositoryNotFound, RepositoryUnreachable, ResolveError
from bot.sentences import Sentence

_REDIRECTED = re.compile(r"returned error: 30[12378]\b")
_UNKNOWN = re.compile(
    r"' not found|Authentication failed|could not read Username|terminal prompts disabled"
    r"|returned error: (?:40[0134]|410|451)\b|not valid: is this a git repository|does not appear to be a git"
)
_REASONS: tuple[tuple[re.Pattern[str], Callable[[str], Sentence]], ...] = (
    (re.compile(r"Could not resolve host"), lambda host: Sentence("There is no host {host}.", host=host)),
    (
        re.compile(r"certificate|SSL|TLS|handshake", re.IGNORECASE),
        lambda host: Sentence("{host} cannot prove that it is who it says.", host=host),
    ),
    (
        re.compile(r"Failed to connect|refused|timed out|unreachable", re.IGNORECASE),
        lambda host: Sentence("{host} does not answer.", host=host),
    ),
    (
        re.compile(r"returned error: 429"),
        lambda host: Sentence("{host} gets too many requests just now.", host=host),
    ),
    (
        re.compile(r"returned error: 5\d\d"),
        lambda host: Sentence("{host} is in trouble just now.", host=host),
    ),
)


def redirects(complaint: str) -> bool:
    """Whether git gave up because it was led elsewhere."""
    return _REDIRECTED.search(complaint) is not None


def explain(complaint: str, url: str) -> ResolveError:
    """Git's complaint in our words: its own would quote the host's."""
    if _UNKNOWN.search(complaint):
        return not_found(url)
    host = host_of(url)
    known = (sentence(host) for pattern, sentence in _REASONS if pattern.search(complaint))
    return RepositoryUnreachable(
        next(known, None) or Sentence("git could not read what {host} answered.", host=host)
    )


def not_found(url: str) -> RepositoryNotFound:
    """That a repository is not to be seen by anybody."""
    return RepositoryNotFound(
        Sentence("There is no public repository {repository}.", repository=named(url)),
        hint=Sentence("Is it private, or spelled differently?"),
    )


def named(url: str) -> str:
    """`owner/repo on host`."""
    path = urlsplit(url).path.strip("/").removesuffix(".git")
    return Sentence("{path} on {host}", path=path, host=host_of(url))


def host_of(url: str) -> str:
    """Host and port."""
    return urlsplit(url).netloc
