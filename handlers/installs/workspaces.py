"""The tokens of many workspaces: each installation brought one, and most of them end after some hours.

A token is refreshed by one thread of one replica at a time, and long before it ends: the one that is there
works until the new one is written. Slack takes a refresh token once. If it refuses it, or the bot's token,
the workspace is lost until somebody installs the bot there again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import UnreadableSecret
from handlers.messages import install_text
from handlers.slack.calls import DeliveryError, TooEarly, WorkspaceLost
from handlers.slack.clients import InstalledClient
from storage import installations, outbox
from storage.engine import Store
from storage.installation_models import Installation
from storage.installations import Tokens
from storage.vocabulary import MessageKind

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 60.0
"""Between two looks for tokens that end soon, and for lost workspaces whose time is over."""
EARLY_SECONDS = 2 * 3600.0
"""So long before its end a token is refreshed; Slack's live for twelve hours."""
LEASE_SECONDS = 60.0
"""How long one refresh may take."""
PAUSE_SECONDS = 30.0
"""After which Slack is asked again where it did not answer."""
_PAGE, _MOST_PAGES = 1_000, 10
_REFUSED = frozenset({"invalid_auth", "account_inactive", "token_revoked"})
"""Slack's words for a token that works no more."""
_NOT_REFRESHED = _REFUSED | {"invalid_refresh_token", "invalid_grant", "token_expired", "app_not_installed"}
"""Its words for a refresh token that works no more. All others pass, or are mistakes in the settings."""


@dataclass(frozen=True, slots=True)
class SlackApp:
    """The app that workspaces install.

    Attributes:
        client_id: Its id.
        client_secret: Its secret.
        client_of: Makes a client of the Web API with a token; without retry handlers.
    """

    client_id: str
    client_secret: str
    client_of: Callable[[str | None], InstalledClient]

    def __repr__(self) -> str:
        """Name it without its secret."""
        return f"SlackApp({self.client_id})"


class InstalledWorkspaces:
    """Finds the token that speaks for a workspace.

    Args:
        store: Where installations are.
        app: Which app they installed.
        home: The id of the operators' own workspace.
        grace_seconds: How long the binders of a lost workspace stay.
    """

    def __init__(self, store: Store, app: SlackApp, home: str, grace_seconds: float) -> None:
        self._store = store
        self._app = app
        self._home = home
        self._grace_seconds = grace_seconds

    def of(self, team_id: str) -> WebClient:
        """The client that speaks for a workspace; see `Clients`.

        Raises:
            WorkspaceLost: The bot is not installed there.
            TooEarly: Its token has just ended, and is being refreshed.
        """
        return self.client(self.found(team_id))

    def found(self, team_id: str) -> Installation:
        """The installation that speaks for a workspace, with a token that has not ended; raises as `of`."""
        installation = self._read(team_id)
        if _has_ended(installation, self._store.now()):
            self.refresh(installation.id)
            installation = self._read(team_id)
            if _has_ended(installation, self._store.now()):
                raise TooEarly(PAUSE_SECONDS)
        return installation

    def client(self, installation: Installation) -> InstalledClient:
        """The client with the token of an installation.

        Raises:
            WorkspaceLost: No key opens its token.
        """
        try:
            client = self._app.client_of(installation.bot_token)
        except UnreadableSecret as error:
            log.error("token_unreadable", workspace=installation.id, error=error.sentence)  # noqa: TRY400 - it is no mistake of ours
            raise WorkspaceLost("unreadable") from None
        client.installation_id, client.version = installation.id, installation.version
        return client

    def _read(self, team_id: str) -> Installation:
        with self._store.read() as session:
            installation = installations.speaking_for(session, team_id or self._home)
        if installation is None:
            raise WorkspaceLost("not installed")
        if installation.lost_at is not None:
            raise WorkspaceLost(installation.lost_for, is_over=installation.ended_at is not None)
        return installation

    def adopt(self, team_id: str, organisation: str) -> bool:
        """Let the installation of an organisation speak for one of its workspaces, if Slack says that it is.

        A request alone does not tell: in a shared channel, it may name somebody else's organisation.
        """
        try:
            client = self.of(organisation)
            if team_id not in _workspaces_of(client):
                return False
        except (OSError, SlackClientError, DeliveryError) as error:
            log.warning("organisation_not_asked", workspace=team_id, error=type(error).__name__)
            return False
        with self._store.write() as session:
            installations.note_workspace(session, team_id, organisation)
        return True

    # Tokens that end -------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Refresh the tokens that end soon, and end what is left of workspaces that do not come back."""
        with self._store.read() as session:
            due = installations.ending(session, within=EARLY_SECONDS)
            given_up = installations.given_up(session, after=self._grace_seconds)
        for each in due:
            self.refresh(each)
        for each in given_up:
            self._tear_down(each)

    def refresh(self, installation_id: str) -> None:
        """Refresh a token, unless that is not due, or somebody else does so now."""
        with self._store.write() as session:
            mine = installations.begin_refresh(
                session, installation_id, within=EARLY_SECONDS, seconds=LEASE_SECONDS
            )
        if mine is not None:
            self._refresh(mine)

    def _refresh(self, mine: Installation) -> None:
        try:
            tokens = self._new_tokens(mine)
        except SlackApiError as error:
            self._after_refusal(mine, str(error.response.get("error")))
        except (OSError, SlackClientError, UnreadableSecret) as error:
            self._try_later(mine, type(error).__name__)
        else:
            with self._store.write() as session:
                is_newest = installations.end_refresh(session, mine, tokens)
            log.info("token_refreshed", workspace=mine.id, is_newest=is_newest)

    def _new_tokens(self, mine: Installation) -> Tokens:
        answer = self._app.client_of(None).oauth_v2_access(
            client_id=self._app.client_id,
            client_secret=self._app.client_secret,
            grant_type="refresh_token",
            refresh_token=mine.refresh_token,
        )
        return tokens_in(answer)

    def _after_refusal(self, mine: Installation, code: str) -> None:
        if code in _NOT_REFRESHED:
            self.lose(mine.id, code, version=mine.version)
        else:
            self._try_later(mine, code)

    def _try_later(self, mine: Installation, error: str) -> None:
        log.warning("token_not_refreshed", workspace=mine.id, error=error)
        with self._store.write() as session:
            installations.pause_refresh(session, mine, PAUSE_SECONDS)

    # Lost workspaces -------------------------------------------------------------------------------------

    def is_lost(self, client: object, code: str) -> bool:
        """Whether a workspace is lost, now that Slack refused a call. Asks Slack once more."""
        if not isinstance(client, InstalledClient) or code not in _REFUSED or not _is_refused(client):
            return False
        return self.lose(client.installation_id, code, version=client.version)

    def doubt(self, installation_id: str, why: str) -> None:
        """Look whether a workspace is lost, because Slack said so: perhaps late, after a new installation."""
        with self._store.read() as session:
            found = installations.get(session, installation_id)
        if found is None or found.lost_at is not None:
            return
        try:
            is_there = not _is_refused(self.client(found))
        except WorkspaceLost:  # no key opens its token, so nobody can ask
            is_there = False
        if is_there:
            log.info("workspace_is_there", workspace=installation_id, told=why)
        else:
            self.lose(installation_id, why, version=found.version)

    def lose(self, installation_id: str, why: str, *, version: int | None = None) -> bool:
        """Note that a workspace removed the bot, and tell the operators. True where it is lost now."""
        with self._store.write() as session:
            is_new = installations.lose(session, installation_id, why, version=version)
            found = installations.get(session, installation_id)
            if found is not None and is_new:
                count = installations.count_binders(session, installation_id)
                sentence = install_text.lost(found.name or found.id, why, count, self._grace_seconds)
                key = f"lost:{found.id}:{found.version}"
                outbox.say(session, MessageKind.ALERT, key, None, sentence=sentence)
                log.error("workspace_lost", workspace=found.id, reason=why, binders=count)
        return found is not None and found.lost_at is not None

    def _tear_down(self, installation_id: str) -> None:
        with self._store.write() as session:
            count = installations.tear_down(session, installation_id, after=self._grace_seconds)
        if count is not None:
            log.warning("lost_workspace_torn_down", workspace=installation_id, binders=count)


def tokens_in(answer: Mapping[str, Any] | Any) -> Tokens:
    """The tokens in an answer of `oauth.v2.access`."""
    seconds = answer.get("expires_in")
    return Tokens(
        str(answer.get("access_token") or ""),
        answer.get("refresh_token"),
        None if seconds is None else float(seconds),
    )


def _workspaces_of(client: WebClient) -> Iterator[str]:
    """The workspaces of an organisation in which its installation may be used."""
    cursor = ""
    for _ in range(_MOST_PAGES):
        page = client.auth_teams_list(limit=_PAGE, cursor=cursor)
        yield from (str(each["id"]) for each in page.get("teams") or [])
        cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            return


def _is_refused(client: WebClient) -> bool:
    """Whether Slack refuses a token; False where it does not answer."""
    try:
        client.auth_test()
    except SlackApiError as error:
        return error.response.get("error") in _REFUSED
    except (OSError, SlackClientError) as error:
        log.warning("token_not_tried", error=type(error).__name__)
    return False


def _has_ended(installation: Installation, now: float) -> bool:
    return installation.expires_at is not None and installation.expires_at <= now
