"""How workspaces install the bot: Slack's OAuth through Bolt, and the token that answers each request.

Installations are rows of ours (`storage.installations`), and not slack_sdk's tables: those hold tokens in
plain text, twice, and know neither leases nor lost workspaces. See decision 30.
"""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from slack_bolt import BoltContext, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.authorize import Authorize
from slack_bolt.error import BoltError
from slack_bolt.oauth import OAuthFlow
from slack_bolt.oauth.callback_options import CallbackOptions, FailureArgs, SuccessArgs
from slack_bolt.oauth.oauth_settings import OAuthSettings
from slack_sdk.errors import SlackClientError
from slack_sdk.oauth import InstallationStore, OAuthStateStore
from slack_sdk.oauth.installation_store import Installation as ToldInstallation

from bot.config.slack import INSTALL_PATH, REDIRECT_PATH
from handlers.installs.workspaces import InstalledWorkspaces, SlackApp
from handlers.messages import install_text
from handlers.slack.calls import DeliveryError, WorkspaceLost
from storage import installations
from storage.engine import Store
from storage.installation_models import Installation
from storage.installations import Installed, Tokens

log = structlog.get_logger(__name__)

STATE_SECONDS = 600
SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:join",
    "channels:read",
    "chat:write",
    "chat:write.public",
    "commands",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:write",
    "links:read",
    "links:write",
    "mpim:history",
    "usergroups:read",
    "users:read",
)
"""What the bot asks for: those of `manifest.yml`."""


class InstallRefused(BoltError):
    """This workspace may not install the bot."""


@dataclass(frozen=True, slots=True)
class InstallPolicy:
    """Where the bot may be installed, and at which address.

    Attributes:
        workspaces: The ids of workspaces and organisations that may install it.
        public_url: The address at which browsers reach the bot.
        authorize_url: Slack's page on which somebody agrees.
        nudge: Wakes those who deliver: somebody may have come back.
    """

    workspaces: Collection[str]
    public_url: str
    authorize_url: str
    nudge: Callable[[], None]

    def allows(self, told: ToldInstallation) -> bool:
        """Whether a workspace or its organisation may; an organisation only if it is named itself."""
        asks = (told.enterprise_id,) if told.is_enterprise_install else (told.team_id, told.enterprise_id)
        return any(each in self.workspaces for each in asks if each)


class InstallationRows(InstallationStore):
    """Writes installations down for Bolt, where their workspace may have the bot."""

    def __init__(self, store: Store, app: SlackApp, policy: InstallPolicy) -> None:
        self._store = store
        self._app = app
        self._policy = policy

    def save(self, installation: ToldInstallation) -> None:
        """Write one down.

        Raises:
            InstallRefused: Its workspace may not have the bot; then Slack was told to forget its token.
        """
        if not self._policy.allows(installation):
            self._forget(installation)
            raise InstallRefused(install_text.INSTALL_REFUSED)
        installed = _installed(installation)
        with self._store.write() as session:
            installations.save(session, installed)
        log.info("workspace_installed", workspace=installed.id, by=installed.installed_by)
        self._policy.nudge()

    def _forget(self, installation: ToldInstallation) -> None:
        where = installation.enterprise_id if installation.is_enterprise_install else installation.team_id
        log.warning("install_refused", workspace=where, by=installation.user_id)
        try:
            self._app.client_of(installation.bot_token).auth_revoke()
        except (OSError, SlackClientError) as error:  # it is in no row, so nobody uses it
            log.warning("token_not_revoked", error=type(error).__name__)


def _installed(told: ToldInstallation) -> Installed:
    of_all = bool(told.is_enterprise_install)
    ends_at, at = told.bot_token_expires_at, told.installed_at
    return Installed(
        id=str(told.enterprise_id if of_all else told.team_id),
        tokens=Tokens(str(told.bot_token), told.bot_refresh_token, ends_at - at if ends_at else None),
        name=str((told.enterprise_name if of_all else told.team_name) or ""),
        bot_id=str(told.bot_id or ""),
        bot_user_id=str(told.bot_user_id or ""),
        installed_by=str(told.user_id or ""),
        scopes=",".join(told.bot_scopes or ()),
        enterprise_id=told.enterprise_id,
    )


class InstallStates(OAuthStateStore):
    """Knows which installations were begun here. Each state is taken once, by whichever replica is asked."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def issue(self, *_args: Any, **_kwargs: Any) -> str:
        """Make a state that nobody guesses."""
        state = secrets.token_urlsafe(32)
        with self._store.write() as session:
            installations.begin_install(session, state, seconds=STATE_SECONDS)
        return state

    def consume(self, state: str) -> bool:
        """Whether it was made here lately, and not taken yet."""
        with self._store.write() as session:
            return installations.finish_install(session, state)


class WorkspaceAuthorize(Authorize):
    """Finds the token that answers a request, without a call to Slack."""

    def __init__(self, workspaces: InstalledWorkspaces) -> None:
        self._workspaces = workspaces

    def __call__(
        self,
        *,
        context: BoltContext,  # noqa: ARG002 - Bolt passes it
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        **_actor: str | None,
    ) -> AuthorizeResult | None:
        """The token of the workspace in which somebody asks; None where the bot is not installed."""
        try:
            found = self._found(team_id, enterprise_id)
            token = self._workspaces.client(found).token
        except DeliveryError as error:
            log.warning("request_without_installation", workspace=team_id or enterprise_id, error=str(error))
            return None
        return AuthorizeResult(
            enterprise_id=found.enterprise_id,
            team_id=team_id or found.id,
            bot_user_id=found.bot_user_id,
            bot_id=found.bot_id,
            bot_token=token,
            bot_scopes=found.scopes,
            user_id=user_id,
        )

    def _found(self, team_id: str | None, enterprise_id: str | None) -> Installation:
        """The installation that speaks where somebody asks; raises as `InstalledWorkspaces.of`."""
        where = team_id or enterprise_id or "-"
        try:
            return self._workspaces.found(where)
        except WorkspaceLost:
            if not (team_id and enterprise_id and self._workspaces.adopt(team_id, enterprise_id)):
                raise
        return self._workspaces.found(where)


def install_flow(
    store: Store, app: SlackApp, policy: InstallPolicy, workspaces: InstalledWorkspaces
) -> OAuthFlow:
    """What Bolt serves at `INSTALL_PATH` and `REDIRECT_PATH`."""
    settings = OAuthSettings(
        client_id=app.client_id,
        client_secret=app.client_secret,
        scopes=SCOPES,
        user_scopes=(),
        redirect_uri=f"{policy.public_url}{REDIRECT_PATH}",
        install_path=INSTALL_PATH,
        redirect_uri_path=REDIRECT_PATH,
        authorization_url=policy.authorize_url,
        callback_options=CallbackOptions(success=_succeeded, failure=_failed),
        installation_store=InstallationRows(store, app, policy),
        state_store=InstallStates(store),
        state_expiration_seconds=STATE_SECONDS,
    )
    settings.authorize = WorkspaceAuthorize(workspaces)
    return OAuthFlow(client=app.client_of(None), settings=settings)


def _succeeded(args: SuccessArgs) -> BoltResponse:
    told = args.installation
    name = told.enterprise_name if told.is_enterprise_install else told.team_name
    return _shown(args, 200, install_text.installed_page(str(name or "your workspace")))


def _failed(args: FailureArgs) -> BoltResponse:
    is_refused = isinstance(args.error, InstallRefused)
    sentence = install_text.INSTALL_REFUSED if is_refused else ""
    status = 403 if is_refused else args.suggested_status_code
    return _shown(args, status, install_text.failed_page(args.reason, sentence))


def _shown(args: SuccessArgs | FailureArgs, status: int, page: str) -> BoltResponse:
    headers: dict[str, str | Sequence[str]] = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Set-Cookie": args.settings.state_utils.build_set_cookie_for_deletion(),
    }
    return BoltResponse(status=status, body=page, headers=headers)
