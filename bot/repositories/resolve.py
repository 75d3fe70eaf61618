"""RepoSpec -> exact commit. The only part of the bot that speaks to hosts which people name.

Such a host is hostile: it may lie inside of our own network, move there between two look-ups, redirect there,
answer for ever, or not at all. Unless private addresses are allowed, every host is therefore looked up once,
all of its addresses are checked, and the connection is pinned to them; redirects are followed by hand, with
the same checks at each; and all of it ends at one deadline.
"""

import http.client
import json
import queue
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from bot.errors import (
    ForbiddenAddress,
    RefNotFound,
    RepositoryNotFound,
    RepositoryUnreachable,
    ResolveError,
)
from bot.repositories.git_process import GitComplaint, GuardedGit, environment
from bot.repositories.launch_text import Provider, RepoSpec

Lookup = Callable[[str, int], Sequence[str]]
"""Host and port -> all its addresses. May block; raises OSError if there is no such host."""

_MAX_REDIRECTS: Final = 4
_MAX_ANSWER: Final = 64 * 1024
_PINNING_GIT: Final = (2, 37)
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_SHA = re.compile(r"[0-9a-f]{4,63}")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SUFFIX: Final = "/info/refs"
_MOVED: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a `RepoSpec` means at this moment.

    Args:
        spec: The same repository; the border between ref and path is where it really is.
        commit: The full commit id; None where there are no commits (archives).
        ref_name: The full name of the ref that led there (`refs/heads/main`), or None.
        is_tip: Whether the commit is the tip of the default branch, which a shallow clone gets at once.
    """

    spec: RepoSpec
    commit: str | None
    ref_name: str | None = None
    is_tip: bool = False


class Resolver:
    """Looks repositories up. Keeps no state between two of them, and may be used by many threads.

    Args:
        allow_private: Let repositories lie on private, loopback or link-local addresses. Also lets git use
            the proxy of the environment; without it there is none, for a proxy would look the host up anew,
            and our checks would be worth nothing.
        timeout: Seconds for one whole look-up.
        doi_url: Where DOIs are looked up.
        lookup: How hosts are looked up.
        max_bytes: How much a host may answer to `git ls-remote`. The largest public repositories, with some
            500,000 pull requests, have 60 MB of refs.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        timeout: float = 15.0,
        doi_url: str = "https://doi.org",
        lookup: Lookup | None = None,
        max_bytes: int = 80_000_000,
    ) -> None:
        self._allow_private = allow_private
        self._timeout = timeout
        self._doi_url = doi_url.rstrip("/")
        self._lookup = lookup or _system_lookup
        self._max_bytes = max_bytes

    def resolve(self, spec: RepoSpec) -> Resolved:
        """Find the exact commit that a specification means now.

        Raises:
            RepositoryNotFound: There is no such repository, or it is private.
            RefNotFound: It has no such branch, tag or commit; the hint names the nearest.
            ForbiddenAddress: Its host is not on the public internet.
            RepositoryUnreachable: Its host did not answer in time, or made no sense.
            ResolveError: The bot's own host lacks a git that can do this.
        """
        deadline = time.monotonic() + self._timeout
        if spec.provider.is_git:
            return _choose(spec, self._refs(spec, deadline))
        if spec.provider is Provider.SOFTWARE_HERITAGE:
            _, _, kind, digits = spec.url.split(":")
            return Resolved(spec, digits if kind == "rev" else None)
        self._check_archive(spec, deadline)
        return Resolved(spec, None)

    # --- git ------------------------------------------------------------------------------------------

    def git_for(self, spec: RepoSpec, deadline: float) -> GuardedGit:
        """A git that reaches a repository, and nothing else that its host may name.

        Args:
            spec: The repository, of a provider that has git.
            deadline: On the monotonic clock, in seconds.

        Raises:
            ForbiddenAddress: Its host is not on the public internet.
            RepositoryNotFound: It redirects to no repository.
            RepositoryUnreachable: Its host did not answer in time.
            ResolveError: The bot's own host lacks a git that can do this.
        """
        url = _git_url(spec)
        for _ in range(_MAX_REDIRECTS):
            pin = self._pin(url, deadline)
            if self._allow_private or not _redirects(url, pin, deadline):
                return self._git_at(url, pin)
            url = self._follow(url, pin, deadline)
        raise RepositoryUnreachable(f"{_host(url)} redirects in circles.")

    def _refs(self, spec: RepoSpec, deadline: float) -> "_Refs":
        url = _git_url(spec)
        for _ in range(_MAX_REDIRECTS):
            pin = self._pin(url, deadline)
            output, complaint = self._ls_remote(url, pin, deadline, spec.ref)
            if complaint is None:
                return output
            if not _REDIRECTED.search(complaint):
                raise _explain(complaint, url)
            url = self._follow(url, pin, deadline)
        raise RepositoryUnreachable(f"{_host(url)} redirects in circles.")

    def _pin(self, url: str, deadline: float) -> "_Pin":
        """The addresses that the host of a URL may be reached at.

        Raises:
            ForbiddenAddress: One of them is private.
            RepositoryUnreachable: There is no such host.
        """
        parts = urlsplit(url)
        if not _PLAIN_NETLOC.fullmatch(parts.netloc):
            # curl might read another host out of it than we do.
            raise ForbiddenAddress("The link has a host that cannot be read.")
        host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
        addresses = _within(deadline, host, lambda: self._lookup(host, port))
        if not self._allow_private:
            _refuse_private(host, addresses)
        return _Pin(host, port, tuple(addresses))

    def _ls_remote(
        self, url: str, pin: "_Pin", deadline: float, ref: str | None
    ) -> tuple["_Refs", str | None]:
        """The refs, and None; or no refs, and git's complaint."""
        git = self._git_at(url, pin)
        try:
            output = git.run("ls-remote", "--symref", "--", url, deadline=deadline, most=self._max_bytes)
        except GitComplaint as complaint:
            return _Refs({}, None), str(complaint)
        return _Refs.parse(output, ref), None

    def _git_at(self, url: str, pin: "_Pin") -> GuardedGit:
        command = (self._git, *self._options(pin))
        return GuardedGit(url, command, environment(proxies=self._allow_private))

    def _options(self, pin: "_Pin") -> list[str]:
        settings = [
            "protocol.allow=never",
            "protocol.https.allow=always",
            "protocol.http.allow=always",
            "credential.helper=",
            f"http.followRedirects={'initial' if self._allow_private else 'false'}",
        ]
        if not self._allow_private and not pin.is_literal:
            settings.append(f"http.curloptResolve={pin}")
        return [word for setting in settings for word in ("-c", setting)]

    @cached_property
    def _git(self) -> str:
        """The git of this host.

        Raises:
            ResolveError: There is none, or it cannot pin an address, so that checking one would be in vain.
        """
        git = shutil.which("git")
        if git is None:
            raise ResolveError("git is not installed on the bot's own host.")
        answer = subprocess.run([git, "--version"], capture_output=True, text=True, check=False, timeout=10)  # noqa: S603 - our own words
        found = re.search(r"(\d+)\.(\d+)", answer.stdout)
        version = (int(found[1]), int(found[2])) if found else (0, 0)
        if version < _PINNING_GIT and not self._allow_private:
            raise ResolveError(
                "The bot's own host has a git older than 2.37, which cannot be kept off private addresses.",
                hint="Its operator can install a newer one.",
            )
        return git

    def _follow(self, url: str, pin: "_Pin", deadline: float) -> str:
        """Where a redirect leads. The new place is not yet checked.

        Raises:
            RepositoryNotFound: To no repository: mostly a page to log in.
            RepositoryUnreachable: To nothing that can be followed.
        """
        asked = _first_question(url)
        answer = _get(asked, pin, deadline)
        target = urlsplit(urljoin(asked, answer.location))
        if not answer.location or not _may_follow(urlsplit(url), target):
            raise RepositoryUnreachable(f"{_host(url)} redirects to nowhere.")
        if not target.path.endswith(_SUFFIX):
            raise _not_found(url)
        return f"{target.scheme}://{target.netloc}{target.path.removesuffix(_SUFFIX)}"

    # --- archives -------------------------------------------------------------------------------------

    def _check_archive(self, spec: RepoSpec, deadline: float) -> None:
        if spec.url.startswith("10."):
            self._check_doi(spec.url, deadline)
        else:
            # It is the instance that fetches it, but an address that nobody may reach is worth no instance.
            self._pin(spec.url, deadline)

    def _check_doi(self, doi: str, deadline: float) -> None:
        """Refuse a DOI that is registered nowhere. If nobody can say, the build will tell."""
        url = f"{self._doi_url}/api/handles/{quote(doi)}"
        try:
            answer = _get(url, self._pin(url, deadline), deadline)
        except ResolveError:
            return
        if answer.status == http.HTTPStatus.NOT_FOUND and _handle_code(answer.body) == _HANDLE_MISSING:
            raise RepositoryNotFound(f"There is no DOI {doi}.", hint="Is a digit missing?")


_HANDLE_MISSING: Final = 100


def _handle_code(body: bytes) -> int | None:
    """The `responseCode` of the Handle System: 1 is found, 100 is not."""
    try:
        code = json.loads(body)["responseCode"]
    except (ValueError, KeyError, TypeError):
        return None
    return code if isinstance(code, int) else None


def nearest(wanted: str, names: Iterable[str], *, count: int = 3) -> list[str]:
    """The names that somebody may have meant, best first."""
    known = list(dict.fromkeys(names))
    last = wanted.casefold().rsplit("/", 1)[-1]
    same = [name for name in known if name.casefold().rsplit("/", 1)[-1] == last]
    folded = {name.casefold(): name for name in known[:_MOST_COMPARED]}
    close = [folded[name] for name in get_close_matches(wanted.casefold(), folded, count, 0.6)]
    return list(dict.fromkeys([*same, *close]))[:count]


_MOST_COMPARED: Final = 5_000

# --- what the refs of a repository say --------------------------------------------------------------------

_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"


@dataclass(frozen=True, slots=True)
class _Refs:
    """The refs of a repository: full names -> commits, tags peeled; and the name of the default branch."""

    commits: Mapping[str, str]
    default: str | None

    @classmethod
    def parse(cls, output: bytes, wanted: str | None) -> "_Refs":
        """Read what `git ls-remote --symref` printed; of refs that are no branch or tag, only `wanted`."""
        commits: dict[str, str] = {}
        default = None
        for line in output.decode(errors="replace").splitlines():
            value, _, name = line.partition("\t")
            if name == "HEAD" and value.startswith("ref: "):
                default = value.removeprefix("ref: ")
            elif name.startswith((_HEADS, _TAGS)) or name in {"HEAD", wanted, f"refs/{wanted}"}:
                # The peeled line of an annotated tag follows its own, and replaces it.
                commits[name.removesuffix("^{}")] = value
        return cls(commits, default)

    @property
    def tip(self) -> str | None:
        return self.commits.get("HEAD")

    def full_name(self, ref: str) -> str | None:
        """The full name of a ref as people shorten it: a branch goes before a tag."""
        candidates = (_HEADS + ref, _TAGS + ref, ref, f"refs/{ref}")
        return next((name for name in candidates if name in self.commits and name != "HEAD"), None)

    def short_names(self) -> list[str]:
        default = [self.default] if self.default else []
        return [
            name.removeprefix(_HEADS).removeprefix(_TAGS)
            for name in [*default, *self.commits]
            if name != "HEAD"
        ]

    def at(self, commit: str) -> str | None:
        """The name of a ref that is at this commit, preferably the default branch."""
        if self.default and self.commits.get(self.default) == commit:
            return self.default
        return next((name for name, at in self.commits.items() if at == commit and name != "HEAD"), None)


def _choose(spec: RepoSpec, refs: _Refs) -> Resolved:
    if not refs.commits:
        raise RepositoryNotFound(f"{_named(spec.url)} is empty, or no git repository.")
    if spec.ref is None:
        return _default(spec, refs)
    for candidate in _borders(spec):
        name = refs.full_name(candidate.ref or "")
        if name:
            return _resolved(candidate, refs, refs.commits[name], name)
    commit = _commit_of(spec.ref.lower(), refs)
    if commit:
        return _resolved(spec, refs, commit, refs.at(commit))
    raise _no_ref(spec, refs)


def _default(spec: RepoSpec, refs: _Refs) -> Resolved:
    if refs.tip is None:
        raise RefNotFound(
            f"{_named(spec.url)} has no default branch: name one.", hint=_suggestion(refs.short_names()[:3])
        )
    return _resolved(spec, refs, refs.tip, refs.default)


def _resolved(spec: RepoSpec, refs: _Refs, commit: str, name: str | None) -> Resolved:
    return Resolved(spec, commit, name, is_tip=commit == refs.tip)


def _borders(spec: RepoSpec) -> Iterator[RepoSpec]:
    """The specification as it is, then with more and more of its path in the ref's place, longest first.

    git allows no branch `a` beside a branch `a/b`: where the shorter one exists, it was meant.
    """
    yield spec
    parts = spec.path.split("/") if spec.path else []
    for length in range(len(parts), 0, -1):
        ref = "/".join([spec.ref or "", *parts[:length]])
        yield replace(spec, ref=ref, path="/".join(parts[length:]) or None)


def _commit_of(ref: str, refs: _Refs) -> str | None:
    """The commit that a full id is, or that a short one can only mean."""
    if _SHA.fullmatch(ref):
        return ref
    if not _SHORT_SHA.fullmatch(ref):
        return None
    found = {commit for commit in refs.commits.values() if commit.startswith(ref)}
    return found.pop() if len(found) == 1 else None


def _no_ref(spec: RepoSpec, refs: _Refs) -> RefNotFound:
    ref = spec.ref or ""
    if _SHORT_SHA.fullmatch(ref.lower()) and re.search(r"\d", ref):
        return RefNotFound(
            f"{_named(spec.url)} has no branch or tag {_shown(ref)}. If it is a shortened commit: "
            "only the full 40 digits can be looked up.",
            hint="Copy the full commit id from the page of the commit.",
        )
    near = nearest(ref, refs.short_names())
    if not near and refs.default:
        near = [refs.default.removeprefix(_HEADS)]
    return RefNotFound(
        f"{_named(spec.url)} has no branch, tag or commit {_shown(ref)}.", hint=_suggestion(near)
    )


def _suggestion(names: Sequence[str]) -> str:
    return f"There is {', '.join(_shown(name) for name in names)}." if names else ""


def _shown(name: str) -> str:
    printable = "".join(char if char.isprintable() else "." for char in name)
    return f"“{printable[:80]}”"


# --- which addresses may be spoken to ---------------------------------------------------------------------

_NAT64 = IPv6Network("64:ff9b::/96")
_PLAIN_NETLOC = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.IGNORECASE)
_NUMERIC_HOST = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*", re.IGNORECASE)
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class _Pin:
    """A host, and the addresses it was seen at. As text: what curl takes to look no further."""

    host: str
    port: int
    addresses: tuple[str, ...]

    @property
    def is_literal(self) -> bool:
        return ":" in self.host or self.addresses == (self.host,)

    def __str__(self) -> str:
        addresses = (f"[{each}]" if ":" in each else each for each in self.addresses)
        return f"{self.host}:{self.port}:{','.join(addresses)}"


def _system_lookup(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _within(deadline: float, host: str, lookup: Callable[[], Sequence[str]]) -> Sequence[str]:
    """Look a host up, in a thread that may be left behind: getaddrinfo knows no timeout."""
    answers: queue.SimpleQueue[Sequence[str]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(lookup())
        except (OSError, UnicodeError):
            answers.put(())

    threading.Thread(target=ask, name="host-lookup", daemon=True).start()
    try:
        addresses = answers.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise RepositoryUnreachable(f"The address of {host} could not be looked up in time.") from None
    if not addresses:
        raise RepositoryUnreachable(f"There is no host {host}.", hint="Is its name spelled right?")
    return addresses


def _refuse_private(host: str, addresses: Sequence[str]) -> None:
    # Of numbers in odd notations (2130706433, 0177.1), curl may make another address than we do.
    is_odd = _NUMERIC_HOST.fullmatch(host) and host not in addresses
    if is_odd or not all(_is_public(address) for address in addresses):
        raise ForbiddenAddress(
            f"{host} is not on the public internet.",
            hint="The bot's operator can allow private hosts: ALLOW_PRIVATE_REPOSITORIES.",
        )


def _is_public(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        return _is_public_v6(address)
    return address.is_global and not address.is_multicast


def _is_public_v6(address: IPv6Address) -> bool:
    """Whether the address is public, and so is the one of version 4 that may be inside of it."""
    if address in _COMPATIBLE or address in _LOCAL_NAT64 or address.teredo or address.is_site_local:
        return False
    inner = address.ipv4_mapped or address.sixtofour
    if address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    if inner is not None:
        return _is_public(str(inner))
    return address.is_global and not address.is_multicast


# --- one request of our own -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    location: str
    body: bytes


def _get(url: str, pin: _Pin, deadline: float) -> _Answer:
    """GET a URL at the pinned addresses. Follows nothing, and reads no more than 64 kB.

    Raises:
        RepositoryUnreachable: There was no answer in time.
    """
    parts = urlsplit(url)
    headers = {"Host": parts.netloc, "User-Agent": "git/binder-bot"}
    try:
        with _connected(parts, pin, deadline) as connection:
            connection.request("GET", parts._replace(scheme="", netloc="").geturl(), headers=headers)
            response = connection.getresponse()
            body = response.read(_MAX_ANSWER)
            return _Answer(response.status, response.headers.get("Location", ""), body)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise RepositoryUnreachable(f"{pin.host} did not answer.") from error


def _first_question(url: str) -> str:
    """What git asks a repository first."""
    return f"{url.rstrip('/')}{_SUFFIX}?service=git-upload-pack"


def _redirects(url: str, pin: _Pin, deadline: float) -> bool:
    return _get(_first_question(url), pin, deadline).status in _MOVED


@contextmanager
def _connected(parts: SplitResult, pin: _Pin, deadline: float) -> Iterator[http.client.HTTPConnection]:
    """A connection that is cut at the deadline, however slowly the other side drips."""
    remaining = max(0.1, deadline - time.monotonic())
    raw = _connect(pin, remaining)
    cut = threading.Timer(remaining, _shut, [raw])
    cut.daemon = True
    cut.start()
    connection = http.client.HTTPConnection(pin.host, pin.port, timeout=remaining)
    try:
        secure = parts.scheme == "https"
        context = ssl.create_default_context() if secure else None
        connection.sock = context.wrap_socket(raw, server_hostname=pin.host) if context else raw
        yield connection
    finally:
        cut.cancel()
        connection.close()
        raw.close()


def _connect(pin: _Pin, timeout: float) -> socket.socket:
    for address in pin.addresses[:-1]:
        try:
            return socket.create_connection((address, pin.port), timeout=timeout / len(pin.addresses))
        except OSError:
            continue
    return socket.create_connection((pin.addresses[-1], pin.port), timeout=timeout / len(pin.addresses))


def _shut(raw: socket.socket) -> None:
    try:
        raw.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def _may_follow(origin: SplitResult, target: SplitResult) -> bool:
    """Whether a redirect stays on the web, keeps its encryption, and carries no password."""
    try:
        legible = target.port is None or target.port > 0
    except ValueError:
        return False
    downgrade = origin.scheme == "https" and target.scheme == "http"
    return bool(
        legible
        and target.scheme in _DEFAULT_PORTS
        and target.hostname
        and not downgrade
        and _PLAIN_NETLOC.fullmatch(target.netloc)
        and not re.search(r"[\s\\]", target.geturl())
    )


# --- words ------------------------------------------------------------------------------------------------

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


def _explain(complaint: str, url: str) -> ResolveError:
    """Git's complaint in our words: its own would quote the host's."""
    if _UNKNOWN.search(complaint):
        return _not_found(url)
    known = (sentence for pattern, sentence in _REASONS if pattern.search(complaint))
    sentence = next(known, "git could not read what {} answered.")
    return RepositoryUnreachable(sentence.format(_host(url)))


def _not_found(url: str) -> RepositoryNotFound:
    return RepositoryNotFound(
        f"There is no public repository {_named(url)}.", hint="Is it private, or spelled differently?"
    )


def _named(url: str) -> str:
    """`owner/repo on host`."""
    return f"{urlsplit(url).path.strip('/').removesuffix('.git')} on {_host(url)}"


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _git_url(spec: RepoSpec) -> str:
    """What git is given: the public hosts answer at `.git` without a detour."""
    return spec.url if spec.provider is Provider.GIT else f"{spec.url}.git"
