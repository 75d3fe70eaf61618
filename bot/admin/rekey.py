"""`binder-bot rekey`: encrypt the secrets of all rows with the first key of SECRET_KEY."""

from collections.abc import Iterator, Mapping
from contextlib import closing

from bot.config import Settings
from bot.errors import ConfigError, UnreadableSecret
from bot.text import counted
from bot.wiring import open_store
from storage import rekeying
from storage.access_models import DeployToken, GitHubConnection
from storage.engine import Store
from storage.installation_models import Installation
from storage.keyring import Keyring
from storage.models import Binder

BATCH = 100
"""How many rows are locked at the same time, for some milliseconds."""
TABLES: Mapping[rekeying.Table, tuple[str, str]] = {
    Binder: ("binder", "Binders can be stopped instead: they are deleted later."),
    Installation: ("installation", "Workspaces can be installed again instead."),
    GitHubConnection: ("GitHub connection", "People can connect with GitHub again instead."),
    DeployToken: ("deploy token", "Deploy tokens can be stored again instead."),
}
"""The tables with secrets: what a row is, and what helps where no key opens it."""


def rekey(settings: Settings) -> Iterator[str]:
    """Encrypt the secrets of all rows with the first key; says what it did, a line each.

    A running bot may go on, if it has both keys. Doing it again changes nothing.

    Raises:
        ConfigError: SECRET_KEY is not set; or, at the end, some secrets could not be opened.
    """
    with closing(open_store(settings)) as store:
        if store.keyring is None:
            raise ConfigError("SECRET_KEY is not set, so there is nothing to encrypt with.")
        store.migrate()
        unreadable: list[str] = []
        for table, (noun, _) in TABLES.items():
            done, closed = encrypt_all(store, store.keyring, table)
            unreadable += closed
            if done or table is Binder:
                yield f"The secrets of {counted(done, noun)} were encrypted with the first key."
        store.scrub()
    if unreadable:
        helps = " ".join(way for _, way in TABLES.values())
        raise ConfigError(
            f"No key of SECRET_KEY opens the secrets of {', '.join(unreadable)}.",
            hint=f"Add the key with which they were encrypted. {helps}",
        )


def encrypt_all(store: Store, keyring: Keyring, table: rekeying.Table) -> tuple[int, list[str]]:
    """Encrypt all rows of a table, in small transactions.

    Returns:
        How many rows were changed, and the ids of those whose secrets cannot be opened.
    """
    done, unreadable, after = 0, [], ""
    while True:
        with store.write() as session:
            batch = rekeying.stale(session, keyring, table, after=after, limit=BATCH)
            for row in batch:
                try:
                    rekeying.encrypt(session, row)
                    done += 1
                except UnreadableSecret:
                    unreadable.append(row.id)
        if not batch:
            return done, unreadable
        after = batch[-1].id


def secrets_advice(store: Store) -> Iterator[str]:
    """What the operator should know about the secrets in the database; nothing where all is well."""
    if store.keyring is None:
        yield "the database holds secrets in plain text: SECRET_KEY is not set"
        return
    for table, (noun, _) in TABLES.items():
        with store.read() as session:
            counts = rekeying.count(session, store.keyring, table)
        if counts.plain:
            yield f"{counted(counts.plain, noun)} with secrets in plain text: run `binder-bot rekey`"
        if counts.old:
            yield f"{counted(counts.old, noun)} with secrets under an older key: run `binder-bot rekey`"
        if counts.unknown:
            yield f"{counted(counts.unknown, noun)} whose secrets no key in SECRET_KEY opens: add that key"
