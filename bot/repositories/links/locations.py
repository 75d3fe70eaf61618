"""What stands in place of a link: shorthands, addresses of git over ssh, and what nobody can launch. Pure."""

import re
from collections.abc import Callable

from bot.errors import SpecError
from bot.repositories.links.doi import read_doi, read_swh
from bot.repositories.links.github import read_shorthand
from bot.repositories.links.link import DEFAULT_PORTS, PUBLIC_HOSTS, Link, looks_like_token, split
from bot.repositories.parts import LEAK, echo
from bot.repositories.spec import RepoSpec
from bot.sentences import Sentence

_SSH_HOSTS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "www.github.com": "github.com",
    "hf.co": "huggingface.co",
}
_DOUBLED = re.compile(r"^(?:https?://)+(?=https?://)", re.IGNORECASE)
"""What is left in a form when a whole link is pasted behind it."""
_AZURE = re.compile(r"(?:ssh\.dev\.azure\.com|(?:vs-)?ssh\.visualstudio\.com)")
_AZURE_PATH = re.compile(r"/?v3/([^/]+)/([^/]+)/([^/]+?)/?")
_SCP = re.compile(r"(?:[\w.+-]+@)?(?P<host>[\w.-]+):(?P<path>.*)")

_EXAMPLES = Sentence("For example: owner/repo, a link to GitHub, GitLab or any git host, or a DOI.")

Read = RepoSpec | Link
"""What a location is: a repository already, or a link that is to be read further."""


def read_location(text: str) -> Read:
    """A repository, or the link that a text stands for.

    Raises:
        SpecError: It is neither.
    """
    for pattern, read in _FORMS:
        if pattern.match(text):
            return read(text)
    raise SpecError(
        Sentence("{text} is not a repository that can be understood.", text=echo(text)),
        hint=_EXAMPLES,
    )


def _read_option(text: str) -> Read:
    raise SpecError(
        Sentence("{text} looks like an option, not like a repository.", text=echo(text)), hint=_EXAMPLES
    )


def _read_transport(text: str) -> Read:
    raise SpecError(
        Sentence(
            "{text} asks git for a special transport; only https links can be launched.", text=echo(text)
        )
    )


def _read_local(text: str) -> Read:
    raise SpecError(
        Sentence(
            "{text} is a path on somebody's own machine; only public repositories can be launched.",
            text=echo(text),
        ),
        hint=Sentence("Push it to a git host, and give the link of the repository there."),
    )


def _read_link(text: str) -> Read:
    scheme, _, rest = _DOUBLED.sub("", text).partition("://")
    scheme = scheme.lower().removeprefix("git+")
    if "\\" in text:
        raise SpecError(Sentence("{text} holds a backslash, which no link has.", text=echo(text)))
    if scheme in {"ssh", "git"}:
        return _read_git_scheme(scheme, rest)
    if scheme not in DEFAULT_PORTS:
        raise SpecError(
            Sentence(
                "Links that begin with {scheme} cannot be launched; https:// can.",
                scheme=echo(scheme + "://"),
            )
        )
    return split(f"{scheme}://{rest}")


def _read_git_scheme(scheme: str, rest: str) -> Read:
    address, _, path = rest.partition("/")
    user, _, host = address.rpartition("@")
    if ":" in user or looks_like_token(user):
        raise SpecError(LEAK)
    host, _, port = host.partition(":")
    if port and not port.isdigit():
        # Half of the people write ssh://git@host:owner/repo, which is neither of the two forms.
        path = f"{port}/{path}"
    if scheme == "ssh":
        return _read_ssh(host, path)
    if host.lower() not in PUBLIC_HOSTS:
        raise SpecError(
            Sentence("git:// is neither encrypted nor checked: give the https link of the repository.")
        )
    return _read_link(f"https://{host}/{path}")


def _read_scp(text: str) -> Read:
    match = _SCP.fullmatch(text)
    if not match:
        raise SpecError(Sentence("{text} is not a git address.", text=echo(text)), hint=_EXAMPLES)
    return _read_ssh(match["host"], match["path"])


def _read_ssh(host: str, path: str) -> Read:
    host = _SSH_HOSTS.get(host.lower(), host.lower())
    if host not in PUBLIC_HOSTS:
        raise SpecError(
            Sentence(
                "ssh to {host} needs a key, and the bot has none: give the https link of the repository.",
                host=echo(host),
            ),
            hint=Sentence("Perhaps {link}", link=_over_https(host, path)),
        )
    return _read_link(f"https://{host}/{path.lstrip('/')}")


def _over_https(host: str, path: str) -> str:
    """Where a repository that is at this ssh address probably is for a browser."""
    azure = _AZURE_PATH.fullmatch(path) if _AZURE.fullmatch(host) else None
    if azure:
        address = f"https://dev.azure.com/{azure[1]}/{azure[2]}/_git/{azure[3]}"
    else:
        address = f"https://{host}/{path.strip('/')}"
    return echo(address)[1:-1]


def _read_host(text: str) -> Read:
    return _read_link(f"https://{text.lstrip('/')}")


_HOSTS_IN_SHORT = {
    **dict.fromkeys(("gh", "github"), "github.com"),
    **dict.fromkeys(("gl", "gitlab"), "gitlab.com"),
    **dict.fromkeys(("bb", "bitbucket"), "bitbucket.org"),
    **dict.fromkeys(("hf", "huggingface"), "huggingface.co"),
    "codeberg": "codeberg.org",
    "gist": "gist.github.com",
}


def _read_short_host(text: str) -> Read:
    """`gh:owner/repo`, as npm, pip and cookiecutter write it."""
    name, _, rest = text.partition(":")
    if rest.count("#") == 1 and "@" not in rest:
        rest = rest.replace("#", "@")
    return _read_link(f"https://{_HOSTS_IN_SHORT[name.lower()]}/{rest.lstrip('/')}")


def _read_launch_spec(text: str) -> Read:
    """`gh/owner/repo/main`: what stands behind `/v2/` in launch links."""
    return _read_link(f"https://mybinder.org/v2/{text}")


_LAUNCH_SPEC = re.compile(
    r"(?:gh|gl|gist)/[^/]+/[^/]+|(?:git|ckan)/https?(?::|%3a)|(?:zenodo|figshare|hydroshare|dataverse)/10\.",
    re.IGNORECASE,
)
_FORMS: tuple[tuple[re.Pattern[str], Callable[[str], Read]], ...] = (
    (re.compile(r"-"), _read_option),
    (re.compile(r"[\w+.-]*::"), _read_transport),
    (re.compile(r"swh:", re.IGNORECASE), read_swh),
    (re.compile(r"(?:urn:)?doi:|info:doi/|10\.\d{4,9}(?:[./]|$)", re.IGNORECASE), read_doi),
    (re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE), _read_link),
    (re.compile(rf"(?:{'|'.join(_HOSTS_IN_SHORT)}):(?=[^/]|//?[^/])", re.IGNORECASE), _read_short_host),
    (_LAUNCH_SPEC, _read_launch_spec),
    (re.compile(r"[\w.+-]+@[\w.-]+:|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}:(?!\d)", re.IGNORECASE), _read_scp),
    (re.compile(r"//[\w-]+(?:\.[\w-]+)+/"), _read_host),
    (re.compile(r"[/~\\]|\.{1,2}(?:[/\\]|$)|[A-Za-z]:[\\/]"), _read_local),
    (re.compile(r"(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d+)?(?:/|$)", re.IGNORECASE), _read_host),
    (re.compile(r"[\w.-]+/"), read_shorthand),
)
