"""RepoSpec -> exact commit. The only part of the bot that speaks to hosts which people name.

Such a host is hostile: it may lie inside of our own network, move there between two look-ups, redirect there,
answer for ever, or not at all. Unless private addresses are allowed, the connection is therefore pinned to
addresses that were checked (`bot.repositories.addresses`); redirects are followed by hand, with the same
checks at each; and all of it ends at a deadline.
"""

import http
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from unicodedata import normalize
from urllib.parse import quote, urljoin, urlsplit

from bot.errors import RefNotFound, RepositoryNotFound, RepositoryUnreachable, ResolveError
from bot.repositories.addresses import AddressGuard, Lookup, system_lookup
from bot.repositories.complaints import named
from bot.repositories.forge_api import FORGE_APIS, full_commit
from bot.repositories.git_access import NOTHING, GitAccess
from bot.repositories.git_process import GitComplaint, GuardedGit
from bot.repositories.history import history
from bot.repositories.pinned_http import get
from bot.repositories.refs import Refs, choose, is_commit, is_full_commit, no_ref, resolved, shown
from bot.repositories.spec import Provider, RepoSpec, Resolved
from bot.sentences import Sentence

_HANDLE_MISSING: Final = 100
_SHORTEST_COMMIT: Final = 7
"""Digits: what git itself prints at least."""


class Resolver:
    """Looks repositories up. Keeps no state between two of them, and may be used by many threads.

    Args:
        allow_private: Let repositories lie on private, loopback or link-local addresses.
        timeout: Seconds for one look-up.
        doi_url: Where DOIs are looked up.
        lookup: How hosts are looked up.
        max_bytes: How much a host may answer to `git ls-remote`. The largest public repositories, with some
            500,000 pull requests, have 60 MB of refs.
        history_timeout: Seconds to look into the history, where the refs alone do not answer.
        forge_apis: Where shortened commits are looked up.
    """

    def __init__(  # noqa: PLR0913 - what a test or an operator may choose
        self,
        *,
        allow_private: bool = False,
        timeout: float = 15.0,
        doi_url: str = "https://doi.org",
        lookup: Lookup | None = None,
        max_bytes: int = 80_000_000,
        history_timeout: float = 45.0,
        forge_apis: Mapping[Provider, str] = FORGE_APIS,
    ) -> None:
        self._guard = AddressGuard(allow_private, lookup or system_lookup)
        self._access = GitAccess(self._guard, max_bytes)
        self._timeout = timeout
        self._history_timeout = history_timeout
        self._doi_url = doi_url.rstrip("/")
        self._forge_apis = forge_apis

    def resolve(self, spec: RepoSpec, variables: Mapping[str, str] = NOTHING) -> Resolved:
        """Find the exact commit that a specification means now.

        Args:
            spec: What is wanted.
            variables: Added to git's environment, such as a right to read the repository; secret.

        Raises:
            RepositoryNotFound: There is no such repository, or it is private.
            RefNotFound: It has no such branch, tag or commit; the hint names the nearest.
            ForbiddenAddress: Its host is not on the public internet.
            RepositoryUnreachable: Its host did not answer in time, or made no sense.
            ResolveError: The bot's own host lacks a git that can do this.
        """
        deadline = time.monotonic() + self._timeout
        if spec.provider.is_git:
            return self._resolve_git(spec, deadline, variables)
        if spec.provider is Provider.SOFTWARE_HERITAGE:
            _, _, kind, digits = spec.url.split(":")
            return Resolved(spec, digits if kind == "rev" else None)
        return Resolved(spec, None, places=self._check_archive(spec, deadline))

    def refs(self, spec: RepoSpec, variables: Mapping[str, str] = NOTHING) -> Refs:
        """The branches and tags of a repository, of a provider that has git.

        Takes and raises what `resolve` does.
        """
        return self._access.refs(spec, time.monotonic() + self._timeout, variables)[0]

    def git_for(self, spec: RepoSpec, deadline: float, variables: Mapping[str, str] = NOTHING) -> GuardedGit:
        """A git that reaches a repository, and nothing else that its host may name.

        Args:
            spec: The repository, of a provider that has git.
            deadline: On the monotonic clock, in seconds.
            variables: See `resolve`.

        Raises:
            ForbiddenAddress: Its host is not on the public internet.
            RepositoryNotFound: It redirects to no repository.
            RepositoryUnreachable: Its host did not answer in time.
            ResolveError: The bot's own host lacks a git that can do this.
        """
        return self._access.git_for(spec, deadline, variables)

    # --- git ------------------------------------------------------------------------------------------

    def _resolve_git(self, spec: RepoSpec, deadline: float, variables: Mapping[str, str]) -> Resolved:
        refs, git = self._access.refs(spec, deadline, variables)
        places = (git.url, *self._owner_of_gist(spec, deadline))
        return replace(self._commit(spec, refs, git), places=places)

    def _commit(self, spec: RepoSpec, refs: Refs, git: GuardedGit) -> Resolved:
        found = choose(spec, refs)
        if found:
            return found
        if is_full_commit(spec.ref or ""):
            return self._full(spec, refs, git)
        return self._short(spec, refs, git) or self._file(spec, refs, git)

    def _owner_of_gist(self, spec: RepoSpec, deadline: float) -> tuple[str, ...]:
        """The whole address of a gist that was named by its id alone; nothing where its host does not say."""
        if spec.provider is not Provider.GIST or urlsplit(spec.url).path.count("/") > 1:
            return ()
        try:
            answer = get(spec.url, self._guard.pin(spec.url, deadline), deadline)
        except ResolveError:
            return ()
        return (urljoin(spec.url, answer.location),) if answer.location else ()

    def _full(self, spec: RepoSpec, refs: Refs, git: GuardedGit) -> Resolved:
        """A commit by its full id, unless the host says that it has none."""
        commit = (spec.ref or "").lower()
        try:
            with history(git, time.monotonic() + self._history_timeout) as past:
                is_there = past.has(commit)
        except (GitComplaint, RepositoryUnreachable):
            is_there = None
        if is_there is False:
            raise RefNotFound(
                Sentence(
                    "{repository} has no commit {commit}.",
                    repository=named(spec.url),
                    commit=shown(commit[:12]),
                ),
                hint=Sentence("Is it a commit of a fork? Then give the link of the fork."),
            )
        return resolved(spec, refs, commit)

    def _short(self, spec: RepoSpec, refs: Refs, git: GuardedGit) -> Resolved | None:
        """A commit by the beginning of its id; None where no commit begins so."""
        beginning = (spec.ref or "").lower()
        if len(beginning) < _SHORTEST_COMMIT or not is_commit(beginning):
            return None
        deadline = time.monotonic() + self._history_timeout
        commit = full_commit(self._forge_apis, spec, beginning, self._guard, deadline)
        if commit:
            return resolved(spec, refs, commit)
        try:
            with history(git, deadline) as past:
                found = past.commits_from(beginning)
        except (GitComplaint, RepositoryUnreachable):
            raise RefNotFound(
                Sentence(
                    "{repository} has no branch or tag {beginning}; its commits cannot be searched.",
                    repository=named(spec.url),
                    beginning=shown(beginning),
                ),
                hint=Sentence("If it is a shortened commit, copy its full id of 40 digits from its page."),
            ) from None
        if len(found) > 1:
            raise RefNotFound(
                Sentence(
                    "Several commits of {repository} begin with {beginning}.",
                    repository=named(spec.url),
                    beginning=shown(beginning),
                ),
                hint=Sentence(
                    "Give more digits: {commits}.", commits=", ".join(each[:12] for each in found[:3])
                ),
            )
        return resolved(spec, refs, found[0]) if found else None

    def _file(self, spec: RepoSpec, refs: Refs, git: GuardedGit) -> Resolved:
        """A file of the default branch, which somebody named where a ref is expected.

        Raises:
            RefNotFound: It is none either.
        """
        files = self._files(refs.tip, git) if spec.path is None and refs.tip else None
        name = normalize("NFC", spec.ref or "")
        path = next((path for path in files or () if normalize("NFC", path) == name), None)
        if path is None or refs.tip is None:
            raise no_ref(spec, refs, files)
        return resolved(replace(spec, ref=None, path=path), refs, refs.tip, refs.default)

    def _files(self, commit: str, git: GuardedGit) -> list[str] | None:
        """All paths of a commit; None where they cannot be known."""
        try:
            with history(git, time.monotonic() + self._history_timeout) as past:
                return past.files(commit)
        except (GitComplaint, RepositoryUnreachable):
            return None

    # --- archives -------------------------------------------------------------------------------------

    def _check_archive(self, spec: RepoSpec, deadline: float) -> tuple[str, ...]:
        """Where an archive really is, as far as that is told."""
        if spec.url.startswith("10."):
            return self._check_doi(spec.url, deadline)
        # It is the instance that fetches it, but an address that nobody may reach is worth no instance.
        self._guard.pin(spec.url, deadline)
        return ()

    def _check_doi(self, doi: str, deadline: float) -> tuple[str, ...]:
        """Refuse a DOI that is registered nowhere. If nobody can say, the build will tell.

        Returns:
            The pages to which it leads.
        """
        url = f"{self._doi_url}/api/handles/{quote(doi)}"
        try:
            answer = get(url, self._guard.pin(url, deadline), deadline)
        except ResolveError:
            return ()
        if answer.status == http.HTTPStatus.NOT_FOUND and _handle_code(answer.body) == _HANDLE_MISSING:
            raise RepositoryNotFound(
                Sentence("There is no DOI {doi}.", doi=doi), hint=Sentence("Is a digit missing?")
            )
        return _landing_pages(answer.body)


def _handle_code(body: bytes) -> int | None:
    """The `responseCode` of the Handle System: 1 is found, 100 is not."""
    try:
        code = json.loads(body)["responseCode"]
    except (ValueError, KeyError, TypeError):
        return None
    return code if isinstance(code, int) else None


def _landing_pages(body: bytes) -> tuple[str, ...]:
    """The addresses that are registered for a DOI, of those that are links."""
    try:
        values = json.loads(body)["values"]
        found = [each["data"]["value"] for each in values if each["type"] == "URL"]
    except (ValueError, KeyError, TypeError):
        return ()
    return tuple(each for each in found if isinstance(each, str) and each.startswith(("http://", "https://")))
