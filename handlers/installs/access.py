"""How the bot reaches the workspaces in which it is: with one token, or with those of installations."""

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from slack_bolt import App
from slack_bolt.oauth import OAuthFlow
from slack_sdk import WebClient

from bot.config import Settings
from handlers.installs.oauth import InstallPolicy, install_flow
from handlers.installs.workspaces import REFRESH_SECONDS, InstalledWorkspaces, SlackApp
from handlers.messages import install_text
from handlers.slack.calls import never_lost
from handlers.slack.clients import Clients, InstalledClient, OneWorkspace
from storage.engine import Store

log = structlog.get_logger(__name__)

_AUTHORIZE_PATH = "oauth/v2/authorize"


def ignore_removal(_installation_id: str, why: str) -> None:
    """Only log it, where the bot has one token: its next call finds out."""
    log.warning("slack_removed_the_bot", told=why)


@dataclass(frozen=True, slots=True)
class SlackAccess:
    """What speaks with Slack.

    Attributes:
        client: The client of the app itself; with the token, where there is one.
        clients: The client of each workspace.
        installed: The installations; None with one token.
        flow: How workspaces install the bot; None with one token.
        signing_secret: With which Slack signs its requests; a secret. None in Socket Mode.
    """

    client: WebClient
    clients: Clients
    installed: InstalledWorkspaces | None = None
    flow: OAuthFlow | None = None
    signing_secret: str | None = field(default=None, repr=False)

    @property
    def is_lost(self) -> Callable[[object, str], bool]:
        """What tells whether a workspace is lost: see `SlackCalls`."""
        return self.installed.is_lost if self.installed else never_lost

    def schedule(self, every: Callable[..., object]) -> None:
        """Have the tokens of installations refreshed, and lost workspaces looked after; see `Ticks.every`."""
        if self.installed is not None:
            every(REFRESH_SECONDS, "installations", self.installed.tick, jitter=REFRESH_SECONDS / 10)

    @property
    def doubt(self) -> Callable[[str, str], None]:
        """What looks whether an installation is still there: see `Context`."""
        return self.installed.doubt if self.installed else ignore_removal

    def app(self) -> App:
        """Bolt's app; it checks the one token by a call to Slack.

        Raises:
            SlackApiError: Slack refuses it.
            OSError: Slack does not answer.
        """
        # Without a name, Bolt searches the source of every loaded module for one.
        return App(
            name="binder-bot",
            client=self.client,
            signing_secret=self.signing_secret,
            oauth_flow=self.flow,
            raise_error_for_unhandled_request=False,
            user_facing_authorize_error_message=install_text.NOT_INSTALLED,
        )


def slack_access(
    settings: Settings, store: Store, client: WebClient, *, nudge: Callable[[], None]
) -> SlackAccess:
    """Build it.

    Args:
        settings: With one token, or with the app that workspaces install.
        store: Where installations are.
        client: Slack's Web API, without retry handlers; with the one token, where there is one.
        nudge: Wakes those who deliver.
    """
    secret = settings.slack_client_secret
    if not settings.is_installed_by_workspaces or secret is None:
        return SlackAccess(client, OneWorkspace(client), signing_secret=settings.key_to_requests)
    app = SlackApp(settings.slack_client_id, secret.get_secret_value(), _ClientFactory(client))
    grace = 3600 * settings.lost_workspace_hours
    installed = InstalledWorkspaces(store, app, settings.home_workspace, grace)
    policy = InstallPolicy(
        settings.workspaces_that_may_install,
        settings.public_url,
        authorize_url=f"{settings.slack_api_url.removesuffix('api/')}{_AUTHORIZE_PATH}",
        nudge=nudge,
    )
    flow = install_flow(store, app, policy, installed)
    return SlackAccess(client, installed, installed, flow, settings.key_to_requests)


@dataclass(frozen=True, slots=True)
class _ClientFactory:
    """Makes clients of installations after the pattern of another client."""

    pattern: WebClient

    def __call__(self, token: str | None) -> InstalledClient:
        return InstalledClient(
            token,
            base_url=self.pattern.base_url,
            timeout=self.pattern.timeout,
            proxy=self.pattern.proxy,
            retry_handlers=[],
        )
