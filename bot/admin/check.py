"""`binder-bot check`: try all that the bot depends on with the settings, before the first launch."""

from collections.abc import Iterator
from contextlib import closing

from slack_sdk.errors import SlackApiError

from bot.admin.public_address import require_reachable
from bot.admin.rekey import secrets_advice
from bot.config import Settings
from bot.errors import ConfigError, RegistryError, ServiceUnreachable
from bot.images.factory import ImageStore, image_store_of
from bot.plain_links import ADVICE, is_plain
from bot.provisioning.base import Cloud
from bot.provisioning.registry import build_cloud
from bot.wiring import open_store, web_client


def check(settings: Settings) -> Iterator[str]:
    """Try everything that the bot depends on, and say how it went, a line each.

    Raises:
        BinderBotError: The first part that does not work, with what to do about it.
    """
    yield from _database(settings)
    yield from check_cloud(settings)
    if (kept := image_store_of(settings)) is not None:
        yield from _images(kept)
    yield from _slack(settings)


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


def _slack(settings: Settings) -> Iterator[str]:
    client = web_client(settings)
    try:
        bot = client.auth_test()
        if token := settings.slack_app_token:
            client.apps_connections_open(app_token=token.get_secret_value())
    except SlackApiError as error:
        raise ConfigError(f"Slack refuses a token: {error.response['error']}.") from error
    yield f"slack      {bot['user']} in {bot['team']}"
    if secret := settings.key_to_requests:
        yield _public_address(settings.public_url, secret)


def _public_address(public_url: str, signing_secret: str) -> str:
    if not public_url:
        return "advice     PUBLIC_URL is not set, so whether Slack reaches the bot is not tried."
    try:
        require_reachable(public_url, signing_secret)
    except ServiceUnreachable as error:
        return f"advice     {error.sentence} Try again while `serve` runs."
    return f"http       the bot answers at {public_url}"
