"""The tick that connects people with GitHub, and keeps their rights fresh.

A connection is a row. It is claimed, GitHub is asked one thing, and what it said is written down. So any
process may die at any line, and any replica may go on. No transaction is open while GitHub is asked.
"""

from typing import Any

import structlog

from bot.access.github import CodeExpired, CodeRefused, GitHubApi, Pending, TokenRefused, Tokens
from bot.errors import LostLease, RepositoryUnreachable, UnreadableSecret
from storage import connections
from storage.access_models import ConnectionState, GitHubConnection
from storage.engine import Store

log = structlog.get_logger(__name__)

CONNECTION_SECONDS = 1.0
"""Between two ticks."""
CLAIM_LIMIT = 8
CLAIM_SECONDS = 60.0
"""After how long another replica takes over a connection from one that died."""
REST_SECONDS = 15.0
"""How soon GitHub is asked again if it did not answer."""
REQUEST_SECONDS = 600.0
"""How long GitHub is asked for a code that it does not give."""
AHEAD_SECONDS = 1800.0
"""How long before its end a right is renewed."""

_NO_CODE = {"user_code": None, "device_code": None}
_NO_TOKENS = {"access_token": None, "refresh_token": None}


class ConnectionKeeper:
    """Takes one step at a time for each connection that is due.

    Args:
        store: The database.
        api: GitHub.
    """

    def __init__(self, store: Store, api: GitHubApi) -> None:
        self._store, self._api = store, api
        self._steps = {
            ConnectionState.REQUESTED: self._ask_for_code,
            ConnectionState.WAITING: self._ask_what_became_of_it,
            ConnectionState.CONNECTED: self._renew,
        }

    def tick(self) -> int:
        """Take a step for each connection that is due; how many these were."""
        with self._store.write() as session:
            due = connections.claim(session, limit=CLAIM_LIMIT, seconds=CLAIM_SECONDS)
        for connection in due:
            self._work(connection)
        return len(due)

    def _work(self, connection: GitHubConnection) -> None:
        """Take one step; an error in it does not reach the others."""
        try:
            self._step(connection)
        except LostLease:
            log.info("lost_lease", connection=connection.id)
        except UnreadableSecret as error:
            log.error("secret_unreadable", error=error.sentence)  # noqa: TRY400 - the sentence says it
        except Exception:  # the claim ends by itself, and another try follows
            log.exception("connection_step_broke", connection=connection.id)

    def _step(self, connection: GitHubConnection) -> None:
        step = self._steps.get(connection.state)
        if step is None:
            self._save(connection, None)
            return
        try:
            step(connection)
        except RepositoryUnreachable as error:
            log.warning("github_silent", error=error.sentence)
            self._save(connection, REST_SECONDS)

    def _ask_for_code(self, connection: GitHubConnection) -> None:
        if self._store.now() - connection.asked_at > REQUEST_SECONDS:
            self._save(connection, None, state=ConnectionState.EXPIRED)
            return
        try:
            code = self._api.device_code()
        except CodeRefused:
            self._save(connection, None, state=ConnectionState.DENIED)
            return
        self._save(
            connection,
            code.poll_seconds,
            state=ConnectionState.WAITING,
            user_code=code.user_code,
            device_code=code.device_code,
            address=code.address,
            code_until=self._store.now() + code.seconds,
            poll_seconds=code.poll_seconds,
        )

    def _ask_what_became_of_it(self, connection: GitHubConnection) -> None:
        if self._store.now() >= connection.code_until:
            self._save(connection, None, state=ConnectionState.EXPIRED, **_NO_CODE)
            return
        try:
            said = self._api.exchange(connection.device_code or "", connection.poll_seconds)
        except CodeExpired:
            self._save(connection, None, state=ConnectionState.EXPIRED, **_NO_CODE)
        except CodeRefused:
            self._save(connection, None, state=ConnectionState.DENIED, **_NO_CODE)
        else:
            if isinstance(said, Pending):
                self._save(connection, said.poll_seconds, poll_seconds=said.poll_seconds)
            else:
                self._connect(connection, said)

    def _connect(self, connection: GitHubConnection, tokens: Tokens) -> None:
        """Keep the tokens, whatever else happens: GitHub gives them once."""
        try:
            login = self._api.login(tokens.access)
        except (TokenRefused, RepositoryUnreachable):
            login = ""
        state = ConnectionState.CONNECTED
        self._keep(connection, tokens, state=state, login=login[:64], **_NO_CODE)
        log.info("github_connected", connection=connection.id)

    def _renew(self, connection: GitHubConnection) -> None:
        try:
            tokens = self._api.refresh(connection.refresh_token or "")
        except TokenRefused:
            self._save(connection, None, state=ConnectionState.LOST, **_NO_TOKENS)
            log.info("github_connection_lost", connection=connection.id)
        else:
            self._keep(connection, tokens)

    def _keep(self, connection: GitHubConnection, tokens: Tokens, **changes: Any) -> None:
        changes |= {"access_token": tokens.access, "refresh_token": tokens.refresh, "access_until": None}
        if tokens.seconds is None:
            self._save(connection, None, **changes)
            return
        changes["access_until"] = self._store.now() + tokens.seconds
        self._save(connection, max(tokens.seconds - AHEAD_SECONDS, tokens.seconds / 2), **changes)

    def _save(self, connection: GitHubConnection, next_in: float | None, **changes: Any) -> None:
        with self._store.write() as session:
            connections.save(session, connection, changes, next_in=next_in)
