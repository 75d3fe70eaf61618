"""What `binder-bot check` tries of Slack: the token, or those of all workspaces, and the channels."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.admin.public_address import require_reachable
from bot.config import Settings
from bot.config.slack import INSTALL_PATH
from bot.errors import ConfigError, ServiceUnreachable, UnreadableSecret
from bot.wiring import open_store, slack_client, web_client
from storage import installations
from storage.installation_models import Installation

_CHANNELS = ("admin_channel", "approval_channel", "help_channel")


def slack(settings: Settings) -> Iterator[str]:
    """Try what the bot needs of Slack, a line each.

    Raises:
        ConfigError: Slack refuses a token, or the bot cannot post in a channel of the settings.
    """
    _connect(settings)
    if secret := settings.key_to_requests:
        yield _public_address(settings.public_url, secret)
    if not settings.is_installed_by_workspaces:
        client = web_client(settings)
        yield f"slack      {_who(client)}"
        yield from _channels(settings, client)
        return
    found = _installed(settings)
    yield from _workspaces(settings, found)
    home = next((each for each in found if each.id == settings.home_workspace and each.lost_at is None), None)
    if home is None:
        yield f"slack      HOME_WORKSPACE has not installed the bot: open {settings.public_url}{INSTALL_PATH}"
    else:
        yield from _channels(settings, _client(settings, home))


def _public_address(public_url: str, signing_secret: str) -> str:
    if not public_url:
        return "advice     PUBLIC_URL is not set, so whether Slack reaches the bot is not tried."
    try:
        require_reachable(public_url, signing_secret)
    except ServiceUnreachable as error:
        return f"advice     {error.sentence} Try again while `serve` runs."
    return f"http       the bot answers at {public_url}"


def _connect(settings: Settings) -> None:
    token = settings.slack_app_token
    if token is None:
        return
    try:
        web_client(settings).apps_connections_open(app_token=token.get_secret_value())
    except SlackApiError as error:
        raise ConfigError(f"Slack refuses a token: {error.response['error']}.") from error


def _who(client: WebClient) -> str:
    try:
        bot = client.auth_test()
    except SlackApiError as error:
        raise ConfigError(f"Slack refuses a token: {error.response['error']}.") from error
    return f"{bot['user']} in {bot['team']}"


def _installed(settings: Settings) -> Sequence[Installation]:
    with closing(open_store(settings)) as store, store.read() as session:
        return installations.everywhere(session)


def _workspaces(settings: Settings, found: Sequence[Installation]) -> Iterator[str]:
    """Try the token of each workspace; all of them are named before one that fails stops it."""
    refused = []
    for each in found:
        name = f"{each.name or each.id} ({each.id})"
        if each.lost_at is not None:
            yield f"workspace  {name} removed the bot: {each.lost_for}"
            continue
        try:
            yield f"workspace  {name}: {_who(_client(settings, each))}"
        except (ConfigError, UnreadableSecret) as error:
            refused.append(name)
            yield f"workspace  {name}: {error.sentence}"
    if refused:
        raise ConfigError(
            f"The bot cannot speak in {', '.join(refused)}.",
            hint="A running bot renews tokens that have ended. Otherwise install it there again.",
        )


def _client(settings: Settings, installation: Installation) -> WebClient:
    return slack_client(installation.bot_token, settings.slack_api_url)


def _channels(settings: Settings, client: WebClient) -> Iterator[str]:
    """Whether the bot can post where the settings send it: what is posted there must not be lost."""
    for setting in _CHANNELS:
        channel = getattr(settings, setting)
        if channel is None:
            continue
        try:
            found = client.conversations_info(channel=channel)["channel"]
        except SlackApiError as error:
            raise ConfigError(
                f"{setting.upper()}: the bot cannot see the channel {channel} ({error.response['error']}). "
                "If it is private, type /invite with the bot's name in it."
            ) from error
        if found.get("is_archived"):
            raise ConfigError(f"{setting.upper()}: the channel {channel} is archived.")
        yield f"channel    {setting.upper()} is #{found['name']}"
