"""`binder-bot check`: try all that the bot depends on with the settings, before the first launch."""

from collections.abc import Iterator
from contextlib import closing

from bot.access.factory import github_api
from bot.access.github import GitHubApi
from bot.admin.check_slack import slack
from bot.admin.rekey import secrets_advice
from bot.config import Settings
from bot.errors import ConfigError, RegistryError, RepositoryUnreachable
from bot.images.factory import ImageStore, image_store_of
from bot.plain_links import ADVICE, is_plain
from bot.provisioning.base import Cloud
from bot.provisioning.registry import build_cloud
from bot.wiring import open_store


def check(settings: Settings) -> Iterator[str]:
    """Try everything that the bot depends on, and say how it went, a line each.

    Raises:
        BinderBotError: The first part that does not work, with what to do about it.
    """
    yield from _database(settings)
    yield from check_cloud(settings)
    if (kept := image_store_of(settings)) is not None:
        yield from _images(kept)
    if (github := github_api(settings)) is not None:
        yield f"github     {github.host} knows the App; it is installed at {_app_page(github)}"
    yield from slack(settings)


def check_cloud(settings: Settings) -> Iterator[str]:
    """Try what the operator chose on the cloud; raises as `check` does."""
    with closing(build_cloud(settings)) as cloud:
        yield _cloud(cloud)
        if quota := cloud.quota():
            yield f"quota      {quota}"
        if is_plain(cloud.example_url):
            yield f"advice     {ADVICE}"
        for advice in cloud.advice():
            yield f"advice     {advice}"


def _app_page(github: GitHubApi) -> str:
    try:
        return github.app_page()
    except RepositoryUnreachable as error:
        raise ConfigError(
            error.sentence, hint="Look at GITHUB_APP_ID, GITHUB_APP_KEY and GITHUB_API_URL."
        ) from None


def _database(settings: Settings) -> Iterator[str]:
    with closing(open_store(settings)) as store:
        store.migrate()
        yield f"database   {store!r} answers"
        for advice in secrets_advice(store):
            yield f"secrets    {advice}"


def _cloud(cloud: Cloud) -> str:
    if problems := cloud.check():
        raise ConfigError("\n".join(problems))
    count = len(cloud.survey().instances)
    return f"cloud      {cloud.name} answers; instances of this deployment: {count}"


def _images(kept: ImageStore) -> Iterator[str]:
    with closing(kept.registry()) as registry:
        registry.check()
        yield f"images     {kept.place.host} answers, and takes the bot's rights"
        try:
            registry.check_deletion()
        except RegistryError as error:
            yield f"images     what the bot removes is not deleted there. {error.sentence}"
    if not kept.rights.can_push:
        yield "images     nothing is pushed: IMAGE_REGISTRY_PUSH is not set"
