"""Who may read a repository that not everybody can, and the right that shows it.

A refusal is one sentence, whatever its reason: it does not tell whether the repository exists.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

from bot.access.deploy_tokens import matching
from bot.errors import RepositoryNotFound
from bot.provisioning.agent.git_right import GitRight
from bot.repositories.complaints import named
from bot.sentences import Sentence
from storage import deploy_tokens, shares
from storage.access_models import DeployToken
from storage.engine import Store
from storage.models import Binder


@dataclass(frozen=True, slots=True)
class Reader:
    """A person who wants to read a repository: their workspace, and Slack's id of them."""

    team_id: str
    user: str


def reader_of(binder: Binder) -> Reader:
    """Whose right counts for a binder."""
    return Reader(binder.team_id, binder.read_as or binder.owner)


class Rights(Protocol):
    """Gives rights to read private repositories. May ask a host, for seconds."""

    def of(self, url: str, reader: Reader, /) -> GitRight | None:
        """The right of a person to read a repository.

        Returns:
            None where nobody can be given a right to repositories of that host.

        Raises:
            RepositoryNotFound: They have none, or there is no such repository.
            RepositoryUnreachable: The host did not tell.
        """

    def refusal(self, url: str, /) -> RepositoryNotFound:
        """What is said to whoever may not read a repository, whether it exists or not."""

    def require(self, url: str, reader: Reader, /) -> GitRight:
        """The right as `of` gives it; also raises where there is none."""


class NoRights:
    """Nobody has any right: the bot reads what everybody can read."""

    def of(self, _url: str, _reader: Reader) -> GitRight | None:
        """See `Rights.of`."""
        return None

    def refusal(self, url: str) -> RepositoryNotFound:
        """See `Rights.refusal`."""
        return not_readable(
            url, Sentence("Is it spelled differently? If it is private, ask who runs this bot.")
        )

    def require(self, url: str, _reader: Reader) -> GitRight:
        """See `Rights.require`."""
        raise self.refusal(url)


class HostRights(Protocol):
    """The rights that one host gives; `bot.access.github_rights.GitHubRights` is one."""

    hint: Sentence
    """What may help whoever is refused."""

    def is_host(self, url: str, /) -> bool:
        """Whether a repository lies there."""

    def of(self, url: str, reader: Reader, /) -> GitRight | None:
        """The right of a person, None where they have none; raises as `Rights.of` does."""


class SiteRights(NoRights):
    """The rights of a site: deploy tokens of its operator, and people's own at GitHub.

    Args:
        store: The database.
        github: People's own rights; None where the site has no GitHub App.
        home: The workspace whose people and groups are named without it; empty where there is only one.
    """

    def __init__(self, store: Store, github: HostRights | None = None, home: str = "") -> None:
        self._store, self._github, self._home = store, github, home

    def of(self, url: str, reader: Reader) -> GitRight | None:
        """See `Rights.of`."""
        tokens = self._tokens(url)
        if (token := self._token_for(tokens, reader)) is not None and is_confidential(url):
            return GitRight(url, token.user, token.token)
        if self._github is None or not self._github.is_host(url):
            if tokens:
                raise self.refusal(url)
            return None
        right = self._github.of(url, reader)
        if right is None:
            raise self.refusal(url)
        return right

    def refusal(self, url: str) -> RepositoryNotFound:
        """See `Rights.refusal`."""
        if self._github is not None and self._github.is_host(url):
            return not_readable(url, self._github.hint)
        return super().refusal(url)

    def require(self, url: str, reader: Reader) -> GitRight:
        """See `Rights.require`."""
        right = self.of(url, reader)
        if right is None:
            raise self.refusal(url)
        return right

    def _tokens(self, url: str) -> list[DeployToken]:
        with self._store.read() as session:
            return matching(url, deploy_tokens.listing(session))

    def _token_for(self, tokens: list[DeployToken], reader: Reader) -> DeployToken | None:
        for token in tokens:
            named = set(token.people.split(","))
            is_home = self._home in {"", reader.team_id}
            user = reader.user if is_home else f"{reader.team_id}/{reader.user}"
            if named & {user, reader.team_id} or (is_home and self._is_in(reader, named)):
                return token
        return None

    def _is_in(self, reader: Reader, groups: set[str]) -> bool:
        with self._store.read() as session:
            return bool(shares.groups_of(session, reader.user, groups))


def not_readable(url: str, hint: Sentence) -> RepositoryNotFound:
    """Say that a person may not read a repository, or that there is none."""
    return RepositoryNotFound(
        Sentence("There is no repository {repository} that you can read.", repository=named(url)), hint=hint
    )


def is_confidential(url: str) -> bool:
    """Whether a secret can be sent there unseen: by TLS, or on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"
