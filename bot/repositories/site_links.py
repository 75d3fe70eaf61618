"""Launch links of the site itself: `https://binder.example.org/launch?repo=owner/repo&ref=main`. Pure.

They stand in READMEs and on course pages. In Slack they become a *Launch* button, and `launch` takes them.
"""

import re
from html import unescape
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

from bot.repositories.spec import RepoSpec

_PAGE = "/launch"
_REPOSITORY = "repo"
_FLAGS = {"ref": "--ref", "path": "--path", "open": "--open"}
"""The other parameters of a link, and the option that each stands for in a command."""
_NEEDS_QUOTES = re.compile(r"^[\"'-]|\s")
_LINK = re.compile(r"<?(?P<url>https?://[^<>|\s]+)(?:\|[^<>]*)?>?")
MOST = 2_000
"""Characters of a launch text that comes from a link: the value of a button takes no more."""


def link_to(host: str, spec: RepoSpec) -> str:
    """The launch link of a repository; `host` is the address of the site, without a slash at its end."""
    wanted = {_REPOSITORY: spec.url, "ref": spec.ref, "path": spec.path, "open": spec.interface}
    query = urlencode({name: value for name, value in wanted.items() if value}, safe="/:")
    return f"{host}{_PAGE}?{query}"


def launch_text(host: str, url: str) -> str | None:
    """What a launch link asks for, as it would be typed after `launch`; None if the link is another."""
    parts = _split(url)
    if not host or parts is None or f"{parts.scheme}://{parts.netloc}{parts.path}" != f"{host}{_PAGE}":
        return None
    try:
        given = {name: values[0].strip() for name, values in parse_qs(parts.query, max_num_fields=20).items()}
    except ValueError:
        return None
    words = [given.get(_REPOSITORY, ""), *_options(given)]
    if None in words or not words[0] or _NEEDS_QUOTES.search(words[0]):
        return None
    text = " ".join(str(each) for each in words)
    return text if len(text) <= MOST else None


def expanded(host: str, text: str) -> str:
    """A text in which launch links of this site are replaced by what they ask for."""
    return _LINK.sub(lambda found: launch_text(host, unescape(found["url"])) or found[0], text)


def is_of_mybinder(url: str) -> bool:
    """Whether a link leads to mybinder.org."""
    parts = _split(url)
    return parts is not None and parts.scheme == "https" and parts.netloc == "mybinder.org"


def quoted(value: str) -> str | None:
    """A value as it can be typed behind an option; None if it holds both kinds of quotes."""
    quote = next((each for each in "\"'" if each not in value), None)
    if quote is None:
        return None if _NEEDS_QUOTES.search(value) else value
    return f"{quote}{value}{quote}"


def _options(given: dict[str, str]) -> list[str | None]:
    options: list[str | None] = []
    for name, flag in _FLAGS.items():
        if value := given.get(name):
            options += [flag, quoted(value)]
    return options


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None
