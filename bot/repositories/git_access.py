"""git, kept to the one host that a repository lies on: pinned to checked addresses, led nowhere unseen."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final
from urllib.parse import urljoin, urlsplit

from bot.errors import RepositoryUnreachable, ResolveError
from bot.repositories.addresses import AddressGuard, Pin, may_follow
from bot.repositories.complaints import explain, host_of, not_found, redirects
from bot.repositories.git_process import GitComplaint, GuardedGit, environment
from bot.repositories.pinned_http import get
from bot.repositories.refs import Refs
from bot.repositories.spec import Provider, RepoSpec
from bot.sentences import Sentence

NOTHING: Final[Mapping[str, str]] = {}
"""No more variables for git."""
_MAX_REDIRECTS: Final = 4
_PINNING_GIT: Final = (2, 37)
_SUFFIX: Final = "/info/refs"
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_REDIRECTING: Final = re.compile(r"^warning: redirecting to (\S+)", re.MULTILINE)
"""What git says where it follows a redirect by itself."""


@dataclass(frozen=True)
class GitAccess:
    """How repositories are reached.

    Args:
        guard: Which addresses may be spoken to. Where private ones are allowed, git also uses the proxy of
            the environment; otherwise there is none, for a proxy would look the host up anew, and our
            checks would be worth nothing.
        max_bytes: How much a host may answer to `git ls-remote`.
    """

    guard: AddressGuard
    max_bytes: int

    def git_for(self, spec: RepoSpec, deadline: float, variables: Mapping[str, str] = NOTHING) -> GuardedGit:
        """A git that reaches a repository, and nothing else that its host may name.

        Args:
            spec: The repository.
            deadline: On the monotonic clock, in seconds.
            variables: Added to git's environment, such as a right to read the repository; secret.

        Raises:
            ForbiddenAddress: Its host is not on the public internet.
            RepositoryNotFound: It redirects to no repository.
            RepositoryUnreachable: Its host did not answer in time.
            ResolveError: The bot's own host lacks a git that can do this.
        """
        url = _git_url(spec)
        for _ in range(_MAX_REDIRECTS):
            pin = self.guard.pin(url, deadline)
            if self.guard.allow_private or not _is_redirected(url, pin, deadline):
                return self._git_at(url, pin, variables)
            url = _follow(url, pin, deadline)
        raise RepositoryUnreachable(Sentence("{host} redirects in circles.", host=host_of(url)))

    def refs(
        self, spec: RepoSpec, deadline: float, variables: Mapping[str, str] = NOTHING
    ) -> tuple[Refs, GuardedGit]:
        """All refs of a repository, and a git that knows where it really is.

        Takes and raises what `git_for` does.
        """
        url = _git_url(spec)
        for _ in range(_MAX_REDIRECTS):
            pin = self.guard.pin(url, deadline)
            git = self._git_at(url, pin, variables)
            try:
                listed, said = git.run_and_hear(
                    "ls-remote", "--symref", "--", url, deadline=deadline, most=self.max_bytes
                )
            except GitComplaint as complaint:
                if not redirects(str(complaint)):
                    raise explain(str(complaint), url) from None
            else:
                moved = _REDIRECTING.search(said)
                return Refs.parse(listed, spec.ref), replace(git, url=moved[1].rstrip("/")) if moved else git
            url = _follow(url, pin, deadline)
        raise RepositoryUnreachable(Sentence("{host} redirects in circles.", host=host_of(url)))

    def _git_at(self, url: str, pin: Pin, variables: Mapping[str, str]) -> GuardedGit:
        command = (self._git, *self._options(pin))
        return GuardedGit(url, command, environment(proxies=self.guard.allow_private) | dict(variables))

    def _options(self, pin: Pin) -> list[str]:
        settings = [
            "protocol.allow=never",
            "protocol.https.allow=always",
            "protocol.http.allow=always",
            "credential.helper=",
            f"http.followRedirects={'initial' if self.guard.allow_private else 'false'}",
        ]
        if not self.guard.allow_private and not pin.is_literal:
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
            raise ResolveError(Sentence("git is not installed on the bot's own host."))
        answer = subprocess.run([git, "--version"], capture_output=True, text=True, check=False, timeout=10)  # noqa: S603 - our own words
        found = re.search(r"(\d+)\.(\d+)", answer.stdout)
        version = (int(found[1]), int(found[2])) if found else (0, 0)
        if version < _PINNING_GIT and not self.guard.allow_private:
            raise ResolveError(
                Sentence(
                    "The bot's own host has a git older than 2.37, which cannot be kept off private "
                    "addresses."
                ),
                hint=Sentence("Its operator can install a newer one."),
            )
        return git


def _follow(url: str, pin: Pin, deadline: float) -> str:
    """Where a redirect leads. The new place is not yet checked.

    Raises:
        RepositoryNotFound: To no repository: mostly a page to log in.
        RepositoryUnreachable: To nothing that can be followed.
    """
    asked = _first_question(url)
    answer = get(asked, pin, deadline)
    target = urlsplit(urljoin(asked, answer.location))
    if not answer.location or not may_follow(urlsplit(url), target):
        raise RepositoryUnreachable(Sentence("{host} redirects to nowhere.", host=host_of(url)))
    if not target.path.endswith(_SUFFIX):
        raise not_found(url)
    return f"{target.scheme}://{target.netloc}{target.path.removesuffix(_SUFFIX)}"


def _is_redirected(url: str, pin: Pin, deadline: float) -> bool:
    return get(_first_question(url), pin, deadline).status in _MOVED


def _first_question(url: str) -> str:
    """What git asks a repository first."""
    return f"{url.rstrip('/')}{_SUFFIX}?service=git-upload-pack"


def _git_url(spec: RepoSpec) -> str:
    """What git is given: the public hosts answer at `.git` without a detour."""
    return spec.url if spec.provider is Provider.GIT else f"{spec.url}.git"
