"""git's complaints in our words, and how a repository is named in them. Pure."""

import re
from urllib.parse import urlsplit

from bot.errors import RepositoryNotFound, RepositoryUnreachable, ResolveError

_REDIRECTED = re.compile(r"returned error: 30[12378]\b")
_UNKNOWN = re.compile(
    r"' not found|Authentication failed|could not read Username|terminal prompts disabled"
    r"|returned error: (?:40[0134]|410|451)\b|not valid: is this a git repository|does not appear to be a git"
)
_REASONS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Could not resolve host"), "There is no host {}."),
    (re.compile(r"certificate|SSL|TLS|handshake", re.IGNORECASE), "{} cannot prove that it is who it says."),
    (re.compile(r"Failed to connect|refused|timed out|unreachable", re.IGNORECASE), "{} does not answer."),
    (re.compile(r"returned error: 429"), "{} gets too many requests just now."),
    (re.compile(r"returned error: 5\d\d"), "{} is in trouble just now."),
)


def redirects(complaint: str) -> bool:
    """Whether git gave up because it was led elsewhere."""
    return _REDIRECTED.search(complaint) is not None


def explain(complaint: str, url: str) -> ResolveError:
    """Git's complaint in our words: its own would quote the host's."""
    if _UNKNOWN.search(complaint):
        return not_found(url)
    known = (sentence for pattern, sentence in _REASONS if pattern.search(complaint))
    sentence = next(known, "git could not read what {} answered.")
    return RepositoryUnreachable(sentence.format(host_of(url)))


def not_found(url: str) -> RepositoryNotFound:
    """That a repository is not to be seen by anybody."""
    return RepositoryNotFound(
        f"There is no public repository {named(url)}.", hint="Is it private, or spelled differently?"
    )


def named(url: str) -> str:
    """`owner/repo on host`."""
    return f"{urlsplit(url).path.strip('/').removesuffix('.git')} on {host_of(url)}"


def host_of(url: str) -> str:
    """Host and port."""
    return urlsplit(url).netloc
