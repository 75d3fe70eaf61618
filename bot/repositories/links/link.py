"""An http(s) link in its parts, and what is refused of any link, whoever reads it. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, quote, unquote, urlsplit

from bot.errors import SpecError
from bot.repositories.parts import LEAK, echo
from bot.sentences import Sentence, joined

PUBLIC_HOSTS = frozenset(
    {
        "github.com",
        "gist.github.com",
        "gitlab.com",
        "bitbucket.org",
        "codeberg.org",
        "gitea.com",
        "framagit.org",
        "dev.azure.com",
        "huggingface.co",
        "git.sr.ht",
        "salsa.debian.org",
        "gitlab.gnome.org",
        "gitlab.freedesktop.org",
        "gitlab.inria.fr",
    }
)
"""Where a repository is the same over ssh, git:// and http as over https."""

DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443}
DOUBLE_SLASHES = re.compile(r"(?<!:)/{2,}")
_HOST = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_IPV6 = re.compile(r"[0-9a-f:.]{2,45}")
_TOKENS = frozenset(
    {
        "token",
        "access_token",
        "private_token",
        "auth_token",
        "api_token",
        "feed_token",
        "job_token",
        "password",
    }
)
_TOKEN = re.compile(
    r"(?:gh[pousr]_|github_pat_|glpat-|gldt-|hf_|ATBB|ATCTT|xox[a-z]-)[\w-]{8,}|(?=\w*\d)(?=\w*[A-Za-z])\w{32,}"
    r"|[a-z2-7]{52}"  # Azure's
)
_SESSION = re.compile(
    r".*/user/[^/]+/(?:lab|tree|notebooks|edit|doc|voila|rstudio|shiny|api|terminals|proxy|desktop|vscode)(?:/.*)?"
    r"|/(?:lab|tree|rstudio|desktop)/?|/(?:lab|doc)/tree/.*|/(?:tree|notebooks|edit)/.*\.(?:ipynb|py|md|R|Rmd)"
    r"|/voila/render/.*"
)
"""Paths of Jupyter's servers, behind a JupyterHub and without one."""
_HUB = re.compile(r"(?:.*[.-])?(?:jupyter\w*|hub|binder\w*)[.-].*")
_OF_HUB = re.compile(r".*/(?:hub/)?user(?:-redirect)?/.*|/hub(?:/.*)?")


@dataclass(frozen=True, slots=True)
class Link:
    """An http(s) link in its parts; `path` and `segments` are as they were written, percent signs and all."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: str = ""
    fragment: str = ""

    @property
    def segments(self) -> list[str]:
        """The parts of its path that are not empty."""
        return [segment for segment in self.path.split("/") if segment]

    @property
    def origin(self) -> str:
        """Scheme, host and port, as an address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port else "")

    @property
    def site(self) -> str:
        """The host by which well-known sites are recognized: nothing if it is on a port of its own."""
        return "" if self.port else self.host.removeprefix("www.")

    @property
    def shown(self) -> str:
        """Host and path, fit to be repeated."""
        return echo(self.host + self.path)

    @property
    def parameters(self) -> dict[str, str]:
        """The query; of a parameter that is given twice, the last."""
        return {name: values[-1] for name, values in parse_qs(self.query).items()}

    def at(self, segments: Sequence[str]) -> "Link":
        """The link with another path."""
        return replace(self, path="/" + "/".join(segments))

    def url(self, segments: Sequence[str]) -> str:
        """The address of another path on this host; the segments are plain text."""
        return f"{self.origin}/{quoted(segments)}"


def quoted(segments: Sequence[str]) -> str:
    """Plain text as the path of a URL."""
    return "/".join(quote(segment, safe="~:+$,!") for segment in segments)


def split(text: str) -> Link:
    """Take an http(s) link apart. A user's name in it, as clone buttons write it, is left out.

    Raises:
        SpecError: It holds a secret, or cannot be read.
    """
    try:
        parts = urlsplit(text)
        password, host, port = parts.password, parts.hostname or "", parts.port
    except ValueError:
        raise SpecError(Sentence("The link has an address or a port that cannot be read.")) from None
    user = unquote(parts.username or "")
    if password is not None or ":" in user or looks_like_token(user):
        raise SpecError(LEAK)
    host = _clean_host(host)
    public = host.removeprefix("www.") in PUBLIC_HOSTS
    port = None if port in {DEFAULT_PORTS[parts.scheme], 0} else port
    scheme = "https" if public else parts.scheme
    link = Link(scheme, host, port, DOUBLE_SLASHES.sub("/", parts.path), parts.query, parts.fragment)
    _refuse_tokens(link)
    return link


def looks_like_token(user: str) -> bool:
    """Whether what stands where a user's name belongs is a secret that identifies by itself."""
    return _TOKEN.fullmatch(user) is not None


def _refuse_tokens(link: Link) -> None:
    if not _TOKENS & {name.lower() for name in parse_qs(link.query)}:
        return
    refuse_session(link)
    raise SpecError(LEAK)


def refuse_session(link: Link) -> None:
    """Refuse the address of a server that runs already.

    Raises:
        SpecError: It is one.
    """
    has_token = "token" in parse_qs(link.query)
    is_server = _SESSION.fullmatch(link.path) or (_HUB.fullmatch(link.host) and _OF_HUB.fullmatch(link.path))
    if not is_server and not (has_token and link.path in {"", "/"}):
        return
    secret = Sentence("The token in it is a secret: whoever has it can use that server.")
    sentence = Sentence(
        "That is the address of a running session on {host}, not of a repository.", host=echo(link.host)
    )
    raise SpecError(
        joined(sentence, secret if has_token else ""),
        hint=Sentence("Give the link of the repository that it was launched from."),
    )


def _clean_host(host: str) -> str:
    """The host in lower case, and in ASCII.

    Raises:
        SpecError: No host can have that name.
    """
    name = host.lower().rstrip(".")
    if ":" in name and _IPV6.fullmatch(name):
        return name
    try:
        name = name if name.isascii() else name.encode("idna").decode("ascii").lower()
    except UnicodeError:
        name = ""
    if not _HOST.fullmatch(name):
        raise SpecError(Sentence("{host} is not the name of a host.", host=echo(host)))
    return name
