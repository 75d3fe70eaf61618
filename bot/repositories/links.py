"""One pasted location -> RepoSpec: what links, DOIs and shorthands name. Pure: no network, no clock.

A link with a tree in it (`/tree/feature/main/dir`) does not tell where its ref ends. The first segment is
taken for the ref here, the rest for the path; `bot.repositories.resolve` knows the real refs and moves the
border.

    text --_FORMS--> what kind of thing it is --_SITES--> whose link it is --_PAGES--> which ref and path
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import parse_qs, quote, unquote, urlsplit

from bot.errors import SpecError
from bot.interfaces import catalogue

_MAX_REF = 255
_MAX_PATH = 1_000
_MAX_ECHO = 60

LEAK = (
    "The text holds a password or token. Never paste secrets here: "
    "revoke that one, and give the link without it."
)
"""What is said of a secret, which must never be repeated."""


class Provider(StrEnum):
    """Where a repository lies, in the abbreviations of mybinder.org."""

    GITHUB = "gh"
    GITLAB = "gl"
    GIST = "gist"
    GIT = "git"
    ZENODO = "zenodo"
    FIGSHARE = "figshare"
    HYDROSHARE = "hydroshare"
    DATAVERSE = "dataverse"
    CKAN = "ckan"
    SOFTWARE_HERITAGE = "swh"
    DOI = "doi"

    @property
    def is_git(self) -> bool:
        """Whether the repository has refs; the others are archives of one state."""
        return self in {Provider.GITHUB, Provider.GITLAB, Provider.GIST, Provider.GIT}


@dataclass(frozen=True, slots=True)
class RepoSpec:
    """A repository, and what of it is wanted.

    Args:
        provider: Where it lies.
        url: The repository itself, with no tree or file in it: `https://github.com/owner/repo`, a bare DOI
            (`10.5281/zenodo.3242074`), a Software Heritage id, or the link of an archive.
        ref: A branch, tag, commit or full ref name; None is the default branch.
        path: A file or directory, relative to the root of the repository.
        interface: A key of `bot.interfaces.catalogue`, or a relative URL that begins with `/`, or None.
    """

    provider: Provider
    url: str
    ref: str | None = None
    path: str | None = None
    interface: str | None = None

    def to_json(self) -> dict[str, str | None]:
        """The fields as plain values."""
        return {
            "provider": self.provider.value,
            "url": self.url,
            "ref": self.ref,
            "path": self.path,
            "interface": self.interface,
        }


# --- what every part must keep to ----------------------------------------------------------------------

_USERINFO = re.compile(r"(://)\S*@|[^\s/@:]+:[^\s/@]*@")


def echo(text: str) -> str:
    """What may be repeated of hostile text: short, on one line, without what looks like a password."""
    shown = _USERINFO.sub(r"\1...@", text)
    shown = "".join(char if char.isprintable() else "." for char in shown)
    return f"“{shown[:_MAX_ECHO]}…”" if len(shown) > _MAX_ECHO else f"“{shown}”"


def only_one(what: str, *values: str | None) -> str | None:
    """The one value that was given.

    Raises:
        SpecError: There are two.
    """
    given = list(dict.fromkeys(value for value in values if value))
    if len(given) > 1:
        raise SpecError(f"The {what} is given twice: {echo(given[0])} and {echo(given[1])}.")
    return given[0] if given else None


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
        raise SpecError(f"The ref is longer than {_MAX_REF} characters.")
    if ref.startswith(("-", "/", ".")) or ref.endswith(("/", ".")) or ref == "@":
        raise SpecError(f"{echo(ref)} cannot be a branch, tag or commit.")
    if _REF_NEVER.search(ref) or _has_hidden(ref):
        raise SpecError(f"{echo(ref)} holds a character that no branch, tag or commit can have.")
    return ref


def clean_path(text: str | None) -> str | None:
    """A path inside the repository; None is its root.

    Raises:
        SpecError: The path leaves the repository, or cannot be one.
    """
    if text is None:
        return None
    if len(text) > _MAX_PATH:
        raise SpecError(f"The path is longer than {_MAX_PATH:,} characters.")
    if "\\" in text or _has_hidden(text):
        raise SpecError(f"The path {echo(text)} holds a character that cannot be used: write it with “/”.")
    parts = [part for part in (each.strip() for each in text.split("/")) if part not in {"", "."}]
    if ".." in parts:
        raise SpecError(f"The path {echo(text)} leaves the repository.")
    if parts and parts[0].startswith("-"):
        raise SpecError(f"The path {echo(text)} begins with “-” and would be taken for an option.")
    return "/".join(parts) or None


def _has_hidden(text: str) -> bool:
    return any(_is_hidden(char) for char in text)


def _is_hidden(char: str) -> bool:
    return char != " " and (char.isspace() or unicodedata.category(char) in {"Cc", "Cf", "Cs"})


# --- what kind of thing the repository's text is ----------------------------------------------------------


def parse_location(text: str) -> RepoSpec:
    """The repository that one word names, and what of it a link points at.

    Raises:
        SpecError: Its sentence names what was wrong, and never repeats a secret.
    """
    spec = _read(_trim(text) or text)
    if _read(_trim(spec.url)) != RepoSpec(spec.provider, spec.url):
        # Whoever pastes what the bot shows must get the same repository, not a dataset or another page.
        raise SpecError(f"{echo(spec.url)} can be read in two ways: paste the plain link of the repository.")
    return spec


def _read(location: str) -> RepoSpec:
    for pattern, read in _FORMS:
        if pattern.match(location):
            return read(location)
    raise SpecError(
        f"{echo(location)} is not a repository that can be understood.",
        hint="For example: owner/repo, a link to GitHub, GitLab or any git host, or a DOI.",
    )


_BRACKETS = {")": "(", "]": "[", "}": "{", ">": "<"}


def _trim(text: str) -> str:
    """Without the punctuation of the sentence around it."""
    text = text.lstrip("<([{`*'\"")
    while text and text[-1] in ".,;:!?`*'\")]}>":
        opening = _BRACKETS.get(text[-1])
        if opening and text.count(opening) >= text.count(text[-1]):
            break
        text = text[:-1]
    return text


def _read_option(text: str) -> RepoSpec:
    raise SpecError(f"{echo(text)} looks like an option, not like a repository.")


def _read_transport(text: str) -> RepoSpec:
    raise SpecError(f"{echo(text)} asks git for a special transport; only https links can be launched.")


def _read_local(text: str) -> RepoSpec:
    raise SpecError(
        f"{echo(text)} is a path on somebody's own machine; only public repositories can be launched."
    )


def _read_shorthand(text: str) -> RepoSpec:
    if text.count("#") == 1 and "@" not in text:
        text = text.replace("#", "@")
    return _read_link(f"https://github.com/{text}")


_SWH = re.compile(r"swh:1:(rev|dir):([0-9a-f]{40})((?:;[^;]*)*)$", re.IGNORECASE)
_SWH_PATH = re.compile(r";path=([^;]+)")


def _read_swh(text: str) -> RepoSpec:
    match = _SWH.match(text)
    if not match:
        raise SpecError(
            f"{echo(text)} cannot be launched: of Software Heritage's ids only revisions (swh:1:rev:…) and "
            "directories (swh:1:dir:…) of 40 hexadecimal digits can."
        )
    path = _SWH_PATH.search(match[3])
    return RepoSpec(
        Provider.SOFTWARE_HERITAGE,
        f"swh:1:{match[1].lower()}:{match[2].lower()}",
        path=clean_path(_decode(path[1])) if path else None,
    )


_DOI = re.compile(r"10\.\d{4,9}(?:\.\d{1,9})*/[A-Za-z0-9._;()/:+-]+")
_DOI_PROVIDERS: tuple[tuple[str, Provider], ...] = (
    ("10.5281/zenodo.", Provider.ZENODO),
    ("10.5072/zenodo.", Provider.ZENODO),  # Zenodo's sandbox
    ("10.6084/", Provider.FIGSHARE),
    ("10.4211/hs.", Provider.HYDROSHARE),
    ("10.7910/dvn/", Provider.DATAVERSE),  # Harvard
    ("10.5683/sp", Provider.DATAVERSE),  # Borealis
    ("10.34894/", Provider.DATAVERSE),  # DataverseNL
    ("10.18710/", Provider.DATAVERSE),  # DataverseNO
    ("10.21979/", Provider.DATAVERSE),  # NTU Singapore
)


def _read_doi(text: str) -> RepoSpec:
    doi = re.sub(r"^doi:\s*", "", text, flags=re.IGNORECASE).rstrip("/")
    if not _DOI.fullmatch(doi) or {".", ".."} & set(doi.split("/")):
        raise SpecError(f"{echo(text)} is not a DOI.")
    return RepoSpec(_provider_of(doi), doi)


def _provider_of(doi: str) -> Provider:
    known = (provider for prefix, provider in _DOI_PROVIDERS if doi.lower().startswith(prefix))
    return next(known, Provider.FIGSHARE if "figshare" in doi.lower() else Provider.DOI)


_SCP = re.compile(r"(?P<user>[\w.+-]+)@(?P<host>[\w.-]+):(?P<path>.*)")


def _read_scp(text: str) -> RepoSpec:
    match = _SCP.fullmatch(text)
    if not match:
        raise SpecError(f"{echo(text)} is not a git address.")
    return _read_ssh(match["host"], match["path"])


def _read_ssh(host: str, path: str) -> RepoSpec:
    host = _SSH_HOSTS.get(host.lower(), host.lower())
    if host not in _PUBLIC_HOSTS:
        raise SpecError(
            f"ssh to {echo(host)} needs a key, and the bot has none: give the https link of the repository.",
            hint=f"Perhaps https://{echo(host)[1:-1]}/…",
        )
    return _read_link(f"https://{host}/{path.lstrip('/')}")


# --- links ------------------------------------------------------------------------------------------------

_PUBLIC_HOSTS = frozenset(
    {
        "github.com",
        "gist.github.com",
        "gitlab.com",
        "bitbucket.org",
        "codeberg.org",
        "gitea.com",
        "framagit.org",
    }
    | {"git.sr.ht", "salsa.debian.org", "gitlab.gnome.org", "gitlab.freedesktop.org", "gitlab.inria.fr"}
)
_SSH_HOSTS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "www.github.com": "github.com",
}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SLASHES = re.compile(r"(?<!:)/{2,}")
_HOST = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_IPV6 = re.compile(r"[0-9a-f:.]{2,45}")


@dataclass(frozen=True, slots=True)
class _Link:
    """An http(s) link in its parts; `path` and `segments` are as they were written, percent signs and all."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: str

    @property
    def segments(self) -> list[str]:
        return [segment for segment in self.path.split("/") if segment]

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port else "")

    @property
    def site(self) -> str:
        """The host by which well-known sites are recognized: nothing if it is on a port of its own."""
        return "" if self.port else self.host.removeprefix("www.")

    def url(self, segments: Sequence[str]) -> str:
        return "/".join([self.origin, *(quote(segment, safe="~:+$,!") for segment in segments)])


def _read_link(text: str) -> RepoSpec:
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower().removeprefix("git+")
    if "\\" in text:
        raise SpecError(f"{echo(text)} holds a backslash, which no link has.")
    if scheme in {"ssh", "git"}:
        return _read_git_scheme(scheme, rest)
    if scheme not in _DEFAULT_PORTS:
        raise SpecError(f"Links that begin with {echo(scheme + '://')} cannot be launched; https:// can.")
    return _read_parts(_split_link(f"{scheme}://{rest}"))


def _read_git_scheme(scheme: str, rest: str) -> RepoSpec:
    address, _, path = rest.partition("/")
    user, _, host = address.rpartition("@")
    if ":" in user:
        raise SpecError(LEAK)
    host, _, port = host.partition(":")
    if port and not port.isdigit():
        # Half of the people write ssh://git@host:owner/repo, which is neither of the two forms.
        path = f"{port}/{path}"
    if scheme == "ssh":
        return _read_ssh(host, path)
    if host.lower() not in _PUBLIC_HOSTS:
        raise SpecError("git:// is neither encrypted nor checked: give the https link of the repository.")
    return _read_link(f"https://{host}/{path}")


def _split_link(text: str) -> _Link:
    try:
        parts = urlsplit(text)
        user, password, host, port = parts.username, parts.password, parts.hostname or "", parts.port
    except ValueError:
        raise SpecError("The link has an address or a port that cannot be read.") from None
    if password is not None or user not in {None, "git"}:
        raise SpecError(LEAK)
    host = _clean_host(host)
    public = host.removeprefix("www.") in _PUBLIC_HOSTS
    port = None if port in {_DEFAULT_PORTS[parts.scheme], 0} else port
    return _Link("https" if public else parts.scheme, host, port, _SLASHES.sub("/", parts.path), parts.query)


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
        raise SpecError(f"{echo(host)} is not the name of a host.")
    return name


def _read_parts(link: _Link) -> RepoSpec:
    read = _SITES.get(link.site)
    if read is None and link.site.endswith(".figshare.com"):
        read = _read_figshare
    return read(link) if read else _read_any_host(link)


def _read_any_host(link: _Link) -> RepoSpec:
    """A link to a host that is not known by name: its shape tells what it is."""
    if _BINDER.match(link.path):
        return _read_binder(link)
    persistent = parse_qs(link.query).get("persistentId")
    if persistent and link.path.endswith(("/dataset.xhtml", "/citation", "/file.xhtml")):
        return _read_dataverse(link, persistent[0])
    if _CKAN.search(link.path):
        return _read_ckan(link)
    return _read_git(link)


# --- git hosts --------------------------------------------------------------------------------------------

_GITHUB_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_GIST_ID = re.compile(r"[0-9a-f]{20,40}|[0-9]{1,20}", re.IGNORECASE)
_SHA = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)
_TREE_WORDS = frozenset({"-", "tree", "blob", "src", "raw", "commit"})


def _read_github(link: _Link) -> RepoSpec:
    owner, name, ref, path = _owner_and_name(link)
    if not _GITHUB_OWNER.fullmatch(owner):
        raise SpecError(f"{echo(owner)} cannot be the name of an owner on GitHub.")
    return RepoSpec(Provider.GITHUB, f"https://github.com/{owner}/{name}", ref, path)


def _read_bitbucket(link: _Link) -> RepoSpec:
    owner, name, ref, path = _owner_and_name(link)
    return RepoSpec(Provider.GIT, link.url([owner, name]), ref, path)


def _owner_and_name(link: _Link) -> tuple[str, str, str | None, str | None]:
    repository, ref, path = _layout(link, depth=2)
    if len(repository) != 2:  # noqa: PLR2004 - an owner and a name
        raise SpecError(f"{echo(link.host + link.path)} names no repository: an owner and a name are needed.")
    owner, name = repository[0], repository[1].removesuffix(".git")
    if not _NAME.fullmatch(owner) or not _NAME.fullmatch(name) or name in {".", ".."}:
        raise SpecError(f"{echo(f'{owner}/{name}')} cannot be the name of a repository.")
    return owner, name, ref, path


def _read_gitlab(link: _Link) -> RepoSpec:
    repository, ref, path = _layout(link)
    repository = [*repository[:-1], *(name.removesuffix(".git") for name in repository[-1:])]
    if len(repository) < 2 or not all(_NAME.fullmatch(each) for each in repository):  # noqa: PLR2004 - as above
        raise SpecError(f"{echo(link.host + link.path)} names no repository: a group and a name are needed.")
    return RepoSpec(Provider.GITLAB, f"https://gitlab.com/{'/'.join(repository)}", ref, path)


def _read_git(link: _Link) -> RepoSpec:
    repository, ref, path = _layout(link)
    if not repository:
        raise SpecError(f"{echo(link.host)} is a host, but names no repository on it.")
    return RepoSpec(Provider.GIT, link.url(repository), ref, path)


def _read_gist(link: _Link) -> RepoSpec:
    repository, at, marked = "/".join(link.segments).partition("@")
    owner, gist, rest = _split_gist(_decoded(repository.split("/")))
    path = None
    if rest[:1] == ["raw"]:
        rest, path = rest[1:], "/".join(rest[2:])
    revision = rest[0] if rest and _SHA.fullmatch(rest[0]) else None
    ref = only_one("ref", revision, _marked_ref([marked]) if at else None)
    return RepoSpec(Provider.GIST, f"https://gist.github.com/{owner}{gist}", ref, clean_path(path))


def _split_gist(segments: Sequence[str]) -> tuple[str, str, list[str]]:
    """Owner (with its slash, or nothing), id, and what follows."""
    for index, segment in enumerate(segments[:2]):
        gist = segment.removesuffix(".git")
        # An owner may look like an id: then the id is what follows it.
        last = index == 1 or not _GIST_ID.fullmatch((*segments, "", "")[1].removesuffix(".git"))
        if _GIST_ID.fullmatch(gist) and (last or _SHA.fullmatch(segments[1])):
            owner = f"{segments[0]}/" if index else ""
            if not owner or _GITHUB_OWNER.fullmatch(owner[:-1]):
                return owner, gist, list(segments[index + 1 :])
    raise SpecError(f"{echo('/'.join(segments))} names no gist: its id is missing.")


def _layout(link: _Link, depth: int | None = None) -> tuple[list[str], str | None, str | None]:
    """Repository, ref and path of a page on a git host; `depth` is how many segments name a repository."""
    segments = link.segments
    end = depth or _repository_length(segments)
    mark = _ref_mark(segments[:end], depth)
    if mark is not None:
        name, _, ref = segments[mark].partition("@")
        return _decoded([*segments[:mark], name]), _marked_ref([ref, *segments[mark + 1 :]]), None
    repository = _decoded(segments[:end])
    return repository, *_read_page(_decoded(segments[end:]))


def _ref_mark(repository: Sequence[str], depth: int | None) -> int | None:
    """Which segment holds the `@` of `owner/repo@ref`; one that a name begins with is something else."""
    first = depth - 1 if depth else 0
    return next((i for i, name in enumerate(repository) if i >= first and "@" in name[1:]), None)


def _marked_ref(segments: Sequence[str]) -> str:
    ref = clean_ref("/".join(_decoded(segments)))
    if ref is None:
        raise SpecError("The link ends in “@”, with no branch, tag or commit after it.")
    return ref


def _repository_length(segments: Sequence[str]) -> int:
    for index, segment in enumerate(segments):
        if segment.endswith(".git"):
            return index + 1
        if index > 1 and segment in _TREE_WORDS:
            return index
    return len(segments)


def _decoded(segments: Sequence[str]) -> list[str]:
    """Segments of a URL, percent signs resolved.

    Raises:
        SpecError: One of them leaves its place, or hides something.
    """
    decoded = [_decode(segment) for segment in segments]
    for segment in decoded:
        if {".", ".."} & set(segment.split("/")) or "\\" in segment or _has_hidden(segment):
            raise SpecError(f"The link holds {echo(segment)}, which leads elsewhere.")
    return decoded


def _decode(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise SpecError(f"{echo(text)} holds percent signs that mean no text.") from None


def _read_page(page: Sequence[str]) -> tuple[str | None, str | None]:
    """Ref and path of the page of a repository, on GitHub, GitLab, Gitea or Bitbucket alike."""
    words = list(page[1:] if page[:1] == ["-"] else page)
    if not words:
        return None, None
    kind, rest = words[0], words[1:]
    read = _PAGES.get(kind)
    if read is None:
        raise SpecError(
            f"The link leads to the page {echo(kind)} of a repository, not to its files.",
            hint="Give the link of the repository, of a directory or of a file.",
        )
    ref, path = read(rest)
    return clean_ref(ref), clean_path(path)


_Page = tuple[str, str]


def _page_of_tree(rest: list[str]) -> _Page:
    length = 3 if rest[:1] == ["refs"] and len(rest) > 2 else 1  # noqa: PLR2004 - refs/heads/main
    return "/".join(rest[:length]), "/".join(rest[length:])


def _page_of_gitea_tree(rest: list[str]) -> _Page:
    """Gitea says what kind of ref follows; GitHub and Bitbucket, which have this page too, do not."""
    has_kind = len(rest) > 1 and rest[0] in {"branch", "tag", "commit"}
    return _page_of_tree(rest[1:] if has_kind else rest)


def _page_of_ref(rest: list[str]) -> _Page:
    return "/".join(rest), ""


def _page_of_commit(rest: list[str]) -> _Page:
    return "/".join(rest[:1]), ""


def _page_of_release(rest: list[str]) -> _Page:
    if rest[:1] not in (["tag"], ["download"]) or len(rest) < 2:  # noqa: PLR2004 - tag/<name>
        raise SpecError("The link leads to the list of releases: give the link of one of them.")
    return ("/".join(rest[1:]), "") if rest[0] == "tag" else (rest[1], "")


def _page_of_archive(rest: list[str]) -> _Page:
    return re.sub(r"\.(?:zip|tar\.gz)$", "", "/".join(rest)), ""


def _page_of_pull(rest: list[str]) -> _Page:
    return _page_of_request(rest, "refs/pull/{}/head")


def _page_of_merge(rest: list[str]) -> _Page:
    return _page_of_request(rest, "refs/merge-requests/{}/head")


def _page_of_request(rest: list[str], form: str) -> _Page:
    if not rest or not re.fullmatch(r"[0-9]{1,9}", rest[0]):
        raise SpecError("The link leads to the list of pull requests: give the link of one of them.")
    if rest[1:2] == ["commits"] and len(rest) > 2:  # noqa: PLR2004 - 7/commits/<sha>
        return rest[2], ""
    return form.format(rest[0]), ""


_PAGES: Mapping[str, Callable[[list[str]], _Page]] = {
    "tree": _page_of_tree,
    "blob": _page_of_tree,
    "blame": _page_of_tree,
    "edit": _page_of_tree,
    "raw": _page_of_gitea_tree,
    "src": _page_of_gitea_tree,
    "commit": _page_of_commit,
    "commits": _page_of_tree,
    "branch": _page_of_ref,
    "tags": _page_of_ref,
    "releases": _page_of_release,
    "archive": _page_of_archive,
    "pull": _page_of_pull,
    "pulls": _page_of_pull,
    "merge_requests": _page_of_merge,
}


def _read_raw_github(link: _Link) -> RepoSpec:
    owner_and_name, rest = link.segments[:2], link.segments[2:]
    return _read_github(replace(link, path="/".join([*owner_and_name, *(["blob", *rest] if rest else [])])))


def _read_viewer(link: _Link) -> RepoSpec:
    """A page that shows a notebook which lies on GitHub."""
    read = {"github": _read_github, "gist": _read_gist}.get((link.segments or [""])[0])
    if read is None:
        raise SpecError(f"{echo(link.host + link.path)} shows a file that is in no repository on GitHub.")
    return read(replace(link, path="/".join(link.segments[1:])))


# --- archives ---------------------------------------------------------------------------------------------

_CKAN = re.compile(r"(?:^|/)dataset/([\w.-]*[\w-])(?:/resource/[^/]*)?/?$")
_ZENODO_RECORD = re.compile(r"/records?/(\d{1,12})(?:/.*)?$")
_ZENODO_DOI = re.compile(r"/(?:doi|badge/doi)/(.+?)(?:\.svg)?/?$", re.IGNORECASE)
_FIGSHARE_ARTICLE = re.compile(r"/articles/[^/]+(?:/[^/]+)?/\d+(?:/\d+)?/?$")
_HYDROSHARE_RESOURCE = re.compile(r"/resource/([0-9a-f]{32})(?:/.*)?$", re.IGNORECASE)
_SWH_BROWSE = re.compile(r"/browse/(revision|directory)/([0-9a-f]{40})(?:/.*)?$", re.IGNORECASE)


def _read_doi_link(link: _Link) -> RepoSpec:
    return _read_doi(_decode(link.path).strip("/"))


def _read_zenodo(link: _Link) -> RepoSpec:
    # repo2docker 2026.4 cannot read links of the form /doi/…: all of them become DOIs.
    if match := _ZENODO_DOI.match(link.path):
        return _read_doi(_decode(match[1]))
    match = _ZENODO_RECORD.match(link.path)
    if not match:
        raise SpecError(f"{echo(link.host + link.path)} is no record on Zenodo.")
    prefix = "10.5072" if link.host.startswith("sandbox.") else "10.5281"
    return _read_doi(f"{prefix}/zenodo.{match[1]}")


def _read_figshare(link: _Link) -> RepoSpec:
    if not _FIGSHARE_ARTICLE.match(link.path):
        raise SpecError(f"{echo(link.host + link.path)} is no article on Figshare.")
    origin = f"https://{link.host.removeprefix('www.')}"
    return RepoSpec(Provider.FIGSHARE, "/".join([origin, *map(_quoted, _decoded(link.segments))]))


def _quoted(segment: str) -> str:
    return quote(segment, safe="")


def _read_hydroshare(link: _Link) -> RepoSpec:
    match = _HYDROSHARE_RESOURCE.match(link.path)
    if not match:
        raise SpecError(f"{echo(link.host + link.path)} is no resource on HydroShare.")
    return RepoSpec(Provider.HYDROSHARE, f"https://www.hydroshare.org/resource/{match[1].lower()}")


def _read_dataverse(link: _Link, persistent: str) -> RepoSpec:
    if _has_hidden(persistent) or not re.fullmatch(r"(?:doi|hdl):[A-Za-z0-9._;()/:+-]+", persistent):
        raise SpecError(f"{echo(persistent)} is no persistent id of a dataset.")
    if persistent.startswith("doi:") and _read_doi(persistent).provider is Provider.DATAVERSE:
        return _read_doi(persistent)
    page = link.url(_decoded(link.segments))
    return RepoSpec(Provider.DATAVERSE, f"{page}?persistentId={persistent}")


def _read_ckan(link: _Link) -> RepoSpec:
    segments = _decoded(link.segments)
    end = len(segments) - segments[::-1].index("dataset") + 1
    if segments[end - 1].endswith(".git"):
        return _read_git(link)
    return RepoSpec(Provider.CKAN, link.url(segments[:end]))


def _read_swh_link(link: _Link) -> RepoSpec:
    if match := _SWH_BROWSE.match(link.path):
        return _read_swh(f"swh:1:{match[1].lower()[:3]}:{match[2]}")
    return _read_swh(_decode(link.path).strip("/"))


# --- links to BinderHubs ----------------------------------------------------------------------------------

_BINDER = re.compile(
    r"(?:/[\w.-]+){0,2}?/v2/(gh|gl|gist|git|zenodo|figshare|hydroshare|dataverse|ckan)/(.+)", re.IGNORECASE
)
_HTTP = re.compile(r"https?://", re.IGNORECASE)


def _read_mybinder(link: _Link) -> RepoSpec:
    if link.segments[:1] == ["repo"]:
        return _read_github(replace(link, path="/".join(link.segments[1:3])))
    if not _BINDER.match(link.path):
        raise SpecError(f"{echo(link.host + link.path)} is no launch link of a BinderHub.")
    return _read_binder(link)


def _read_binder(link: _Link) -> RepoSpec:
    match = _BINDER.match(link.path)
    if match is None:
        raise SpecError(f"{echo(link.host + link.path)} is no launch link of a BinderHub.")
    spec = _BINDER_PROVIDERS[match[1].lower()](match[2].rstrip("/"))
    opened = {name: values[-1] for name, values in parse_qs(link.query).items()}
    interface, path = _opened(opened)
    return replace(spec, interface=interface, path=only_one("path", spec.path, path))


def _binder_gh(rest: str) -> RepoSpec:
    owner, _, name_and_ref = rest.partition("/")
    name, _, ref = name_and_ref.partition("/")
    spec = _read_link(f"https://github.com/{owner}/{name}")
    return replace(spec, ref=only_one("ref", spec.ref, clean_ref(_decode(ref))))


def _binder_gl(rest: str) -> RepoSpec:
    project, _, ref = rest.partition("/")
    if "/" not in _with_slashes(project):
        # Somebody decoded the link on its way: the project is still two segments long, mostly.
        name, _, ref = ref.partition("/")
        project = f"{project}/{name}"
    return replace(_read_link(f"https://gitlab.com/{_with_slashes(project)}"), ref=clean_ref(_decode(ref)))


def _with_slashes(text: str) -> str:
    return re.sub("%2f", "/", text, flags=re.IGNORECASE)


def _binder_git(rest: str) -> RepoSpec:
    address, _, ref = rest.partition("/")
    if _HTTP.match(rest):
        address, _, ref = rest.rpartition("/")
    spec = _read_nested(_decode(address))
    return replace(spec, ref=only_one("ref", spec.ref, clean_ref(_decode(ref))))


def _binder_gist(rest: str) -> RepoSpec:
    owner, _, gist_and_ref = rest.partition("/")
    gist, _, ref = gist_and_ref.partition("/")
    spec = _read_link(f"https://gist.github.com/{owner}/{gist}")
    return replace(spec, ref=clean_ref(_decode(ref)))


def _binder_doi(rest: str) -> RepoSpec:
    return _read_doi(_decode(rest))


def _binder_ckan(rest: str) -> RepoSpec:
    return _read_nested(_decode(rest))


def _read_nested(text: str) -> RepoSpec:
    """A repository inside of a launch link, which cannot be a launch link itself."""
    if not text or _has_hidden(text) or " " in text or "/v2/" in text:
        raise SpecError(f"The launch link holds {echo(text)}, which is no repository.")
    return parse_location(text)


_BINDER_PROVIDERS: Mapping[str, Callable[[str], RepoSpec]] = {
    "gh": _binder_gh,
    "gl": _binder_gl,
    "gist": _binder_gist,
    "git": _binder_git,
    "ckan": _binder_ckan,
    **dict.fromkeys(("zenodo", "figshare", "hydroshare", "dataverse"), _binder_doi),
}


# --- what a launch link opens -----------------------------------------------------------------------------

_SCHEME = re.compile(r"\s*[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_MOST_DECODINGS = 4


def _opened(query: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Interface and path that the query of a launch link asks for."""
    if urlpath := query.get("urlpath"):
        return _read_urlpath(urlpath)
    if labpath := query.get("labpath"):
        return "lab", clean_path(_safe(labpath))
    if filepath := query.get("filepath"):
        return "notebook", clean_path(_safe(filepath))
    return None, None


def _read_urlpath(urlpath: str) -> tuple[str | None, str | None]:
    relative = _safe(urlpath).strip().removeprefix("/")
    page, _, _ = relative.partition("?")
    if found := catalogue.of_link(page):
        interface, path = found
        return interface.key, clean_path(_decode(path)) if path else None
    return (f"/{relative.replace(' ', '%20')}" if relative else None), None


def _safe(urlpath: str) -> str:
    """The path, if it stays on the server however often it is decoded.

    BinderHub follows an absolute `urlpath`, and hands the token of the server to that host.

    Raises:
        SpecError: It leads elsewhere.
    """
    seen = urlpath
    for _ in range(_MOST_DECODINGS):
        page = re.split(r"[?#]", seen, maxsplit=1)[0]
        leads_away = _SCHEME.match(page) or page.lstrip().startswith("//") or ".." in page.split("/")
        if leads_away or "\\" in seen or _has_hidden(seen):
            raise SpecError(f"The launch link would open {echo(urlpath)}, which leads away from the server.")
        seen = unquote(seen)
    if unquote(seen) != seen:
        raise SpecError("The launch link is encoded over and over, which only serves to hide where it leads.")
    return urlpath


# --- the tables of readers --------------------------------------------------------------------------------

_SITES: Mapping[str, Callable[[_Link], RepoSpec]] = {
    "github.com": _read_github,
    "github.dev": _read_github,
    "githubtocolab.com": _read_github,
    "raw.githubusercontent.com": _read_raw_github,
    "gist.github.com": _read_gist,
    "gist.githubusercontent.com": _read_gist,
    "gitlab.com": _read_gitlab,
    "bitbucket.org": _read_bitbucket,
    "codeberg.org": _read_bitbucket,
    "nbviewer.org": _read_viewer,
    "nbviewer.jupyter.org": _read_viewer,
    "nbviewer.ipython.org": _read_viewer,
    "colab.research.google.com": _read_viewer,
    "mybinder.org": _read_mybinder,
    "beta.mybinder.org": _read_mybinder,
    "doi.org": _read_doi_link,
    "dx.doi.org": _read_doi_link,
    "zenodo.org": _read_zenodo,
    "sandbox.zenodo.org": _read_zenodo,
    "figshare.com": _read_figshare,
    "hydroshare.org": _read_hydroshare,
    "archive.softwareheritage.org": _read_swh_link,
}

_FORMS: tuple[tuple[re.Pattern[str], Callable[[str], RepoSpec]], ...] = (
    (re.compile(r"-"), _read_option),
    (re.compile(r"[\w+.-]*::"), _read_transport),
    (re.compile(r"swh:", re.IGNORECASE), _read_swh),
    (re.compile(r"doi:|10\.\d{4,9}(?:[./]|$)", re.IGNORECASE), _read_doi),
    (re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE), _read_link),
    (re.compile(r"[\w.+-]+@[\w.-]+:"), _read_scp),
    (re.compile(r"[/~\\]|\.{1,2}(?:[/\\]|$)|[A-Za-z]:[\\/]"), _read_local),
    (
        re.compile(r"(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d+)?(?:/|$)", re.IGNORECASE),
        lambda text: _read_link(f"https://{text}"),
    ),
    (re.compile(r"[\w.-]+/"), _read_shorthand),
)
