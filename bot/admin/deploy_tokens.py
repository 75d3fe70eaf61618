"""`binder-bot deploy-token`: tokens of git hosts, for some repositories and some people."""

import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime

from bot.access.deploy_tokens import read_people
from bot.config import Settings
from bot.errors import ConfigError
from bot.policy.repositories import read_pattern
from bot.tokens import new_id
from bot.wiring import open_store
from storage import deploy_tokens, shares
from storage.access_models import DeployToken
from storage.engine import Store

_BY = "operator"
"""What the audit calls whoever uses the command line."""


def answer(settings: Settings, what: str, which: str | None, people: str | None, user: str) -> Iterator[str]:
    """Do what the command line says, and say what was done, a line each.

    Args:
        settings: See there.
        what: `add`, `list` or `remove`.
        which: The pattern of repositories, or the id of a token.
        people: See `add`; also for the last one.
        user: See there.

    Raises:
        ConfigError: Something is missing, or cannot be understood.
    """
    if what == "list":
        return listing(settings)
    if which is None:
        raise ConfigError(
            "`deploy-token add` needs a pattern of repositories, and `remove` the id of a token."
        )
    if what == "remove":
        return remove(settings, which)
    if people is None:
        raise ConfigError("`deploy-token add` needs `--for` with the Slack ids of those who may use it.")
    return add(settings, which, people, user, read_token())


def read_token() -> str:
    """Ask for a token without showing it, or read it where something else writes to this command.

    Raises:
        ConfigError: There is none.
    """
    given = getpass.getpass("Token: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not given.strip():
        raise ConfigError("The token is missing.", hint="Type it when asked, or pipe it into this command.")
    return given.strip()


def add(settings: Settings, pattern: str, people: str, user: str, token: str) -> Iterator[str]:
    """Store a token; says under which id.

    Args:
        settings: See there.
        pattern: For which repositories, as BANNED_REPOSITORIES names them.
        people: For whom: Slack ids of people, user groups and workspaces.
        user: The user name that the host wants with it.
        token: The token; a secret.

    Raises:
        ConfigError: One of them cannot be understood, or there is no key to encrypt it with.
    """
    row = DeployToken(
        id=new_id(),
        pattern=_read("The pattern", read_pattern, pattern),
        people=_read("--for", read_people, people),
        user=user,
        token=token,
    )
    with closing(_opened(settings)) as store:
        row.created_at = store.now()
        with store.write() as session:
            deploy_tokens.add(session, row, by=_BY)
            shares.name_more_groups(session, deploy_tokens.groups(session))
        yield f"Stored as {row.id}, for {row.pattern}."


def listing(settings: Settings) -> Iterator[str]:
    """List all tokens without their secrets, a line each."""
    with closing(_opened(settings)) as store, store.read() as session:
        for each in deploy_tokens.listing(session):
            day = datetime.fromtimestamp(each.created_at, UTC).strftime("%Y-%m-%d")
            yield f"{each.id}  {day}  {each.pattern}  for {each.people}  as {each.user}"


def remove(settings: Settings, token_id: str) -> Iterator[str]:
    """Forget a token. The git host still knows it.

    Raises:
        ConfigError: There is none of that id.
    """
    with closing(_opened(settings)) as store, store.write() as session:
        if not deploy_tokens.remove(session, token_id, by=_BY):
            raise ConfigError(
                f"There is no deploy token {token_id}.", hint="`binder-bot deploy-token list` shows all."
            )
        yield f"Forgot {token_id}. Revoke it at the git host, too."


def _opened(settings: Settings) -> Store:
    store = open_store(settings)
    store.migrate()
    return store


def _read(what: str, read: Callable[[str], str], text: str) -> str:
    try:
        return read(text)
    except ValueError as error:
        raise ConfigError(f"{what} {error}.") from error
