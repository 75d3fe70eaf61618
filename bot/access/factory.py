"""How access to private repositories is built from the settings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.access.connecting import CONNECTION_SECONDS, ConnectionKeeper
from bot.access.github import GitHubApi
from bot.access.github_rights import GitHubRights
from bot.access.reading import RepositoryReader
from bot.access.rights import Reader, Rights, SiteRights, reader_of
from bot.access.settings import AccessSettings
from bot.errors import ConfigError
from bot.repositories.preview import Preview, preview
from bot.repositories.resolve import Resolver
from bot.repositories.spec import RepoSpec
from storage.engine import Store
from storage.models import Binder


@dataclass(frozen=True, slots=True)
class Access:
    """What a site has for private repositories.

    Attributes:
        rights: Gives rights to read them.
        keeper: Connects people with GitHub; None where the site has no GitHub App.
    """

    rights: Rights
    keeper: ConnectionKeeper | None

    def schedule(self, every: Callable[..., Any]) -> None:
        """Have people connected from now on; `every` takes seconds, a name, and what is done."""
        if self.keeper is not None:
            every(CONNECTION_SECONDS, "connections", self.keeper.tick)

    def reader_of(self, binder: Binder, resolver: Resolver) -> RepositoryReader:
        """What reads the repository of a binder, with the right of whose it was launched."""
        return RepositoryReader(resolver, self.rights, reader_of(binder), needs_right=binder.needs_right)

    def look(self, resolver: Resolver, asked: tuple[RepoSpec, Reader]) -> Preview | None:
        """Look at a repository as one person, for a form; see `preview`."""
        spec, reader = asked
        return preview(RepositoryReader(resolver, self.rights, reader), spec)


def access_of(settings: AccessSettings, store: Store, home: str) -> Access:
    """Build it; raises as `github_api` does.

    Args:
        settings: See there.
        store: The database.
        home: See `SiteRights`.
    """
    api = github_api(settings)
    github = GitHubRights(store, api, settings.github_url) if api is not None else None
    return Access(SiteRights(store, github, home), ConnectionKeeper(store, api) if api is not None else None)


def github_api(settings: AccessSettings) -> GitHubApi | None:
    """Build what speaks to GitHub; None where the site has no GitHub App.

    Raises:
        ConfigError: GITHUB_APP_KEY is no key.
    """
    if not settings.has_github_app:
        return None
    try:
        key = settings.read_github_app_key()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(f"GITHUB_APP_KEY names a file that cannot be read: {why}.") from None
    return GitHubApi(
        settings.github_url,
        settings.github_api_url,
        app_id=settings.github_app_id,
        client_id=settings.github_app_client_id,
        key=key,
    )
