"""People's own rights at GitHub, turned into a right to read one repository for an hour."""

import re
from urllib.parse import urlsplit

from bot.access.github import GitHubApi, TokenRefused
from bot.access.rights import Reader, not_readable
from bot.errors import RepositoryUnreachable
from bot.provisioning.agent.git_right import GitRight
from bot.sentences import Sentence
from storage import connections
from storage.access_models import ConnectionState, GitHubConnection
from storage.engine import Store

USER = "x-access-token"
"""The user name that GitHub wants with a token of an App."""
_PART = re.compile(r"[\w-][\w.-]*|\.[\w-][\w.-]*", re.ASCII)


class GitHubRights:
    """Asks GitHub with a person's own token, then has a token made that reads this one repository.

    Args:
        store: Where people's connections are.
        api: GitHub.
        url: Where its repositories are.
    """

    hint = Sentence(
        "Is it spelled differently? If it is private, type `/binder connect github`, and have its owner "
        "install the GitHub App of this site there."
    )

    def __init__(self, store: Store, api: GitHubApi, url: str) -> None:
        self._store, self._api = store, api
        self._place = _place_of(url)

    def is_host(self, url: str) -> bool:
        """Whether a repository lies there."""
        return _place_of(url) == self._place

    def of(self, url: str, reader: Reader) -> GitRight | None:
        """See `bot.access.rights.HostRights.of`."""
        name = name_of(url)
        with self._store.read() as session:
            connection = connections.get(session, reader.team_id, reader.user)
        if name is None or connection is None:
            return None
        token = self._token_of(url, connection)
        if token is None or not self._may_read(url, connection, token, *name):
            return None
        given = self._api.one_repository(*name)
        return GitRight(url, USER, given.token, given.until) if given is not None else None

    def _token_of(self, url: str, connection: GitHubConnection) -> str | None:
        """Somebody's own token; None where they are not connected."""
        if connection.state == ConnectionState.LOST:
            raise not_readable(url, _ENDED)
        if connection.state != ConnectionState.CONNECTED:
            return None
        if connection.access_until is not None and connection.access_until <= self._store.now():
            raise RepositoryUnreachable(Sentence("Your connection with GitHub is being renewed."))
        return connection.access_token

    def _may_read(self, url: str, connection: GitHubConnection, token: str, owner: str, name: str) -> bool:
        try:
            return self._api.may_read(token, owner, name)
        except TokenRefused:
            with self._store.write() as session:
                connections.lose(session, connection)
            raise not_readable(url, _ENDED) from None


def name_of(url: str) -> tuple[str, str] | None:
    """The owner and the name of a repository; None where the address is that of none."""
    parts = urlsplit(url).path.strip("/").removesuffix(".git").split("/")
    if len(parts) != 2 or not all(_PART.fullmatch(each) for each in parts):  # noqa: PLR2004 - owner and name
        return None
    return parts[0], parts[1]


def _place_of(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


_ENDED = Sentence("Your connection with GitHub has ended. Type `/binder connect github` to connect again.")
