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
from storage.keyring import Keyring
from storage.models import Binder
from storage.rekeying import Row

BATCH = 100
"""How many rows are locked at the same time, for some milliseconds."""
_NOUNS: Mapping[type[Row], str] = {
    Binder: "binder",
    GitHubConnection: "GitHub connection",
    DeployToken: "deploy token",
}


def rekey(settings: Settings) -> Iterator[str]:
    """Encrypt the secrets of all rows with the first key; says what it did, a line each.

    A running bot may go on, if it has both keys. Doing it again changes nothing.

    Raises:
        ConfigError: SECRET_KEY is not set; or, at the end, some secrets could not be opened.
    """
    unreadable: list[str] = []
    with closing(open_store(settings)) as store:
        if store.keyring is None:
            raise ConfigError("SECRET_KEY is not set, so there is nothing to encrypt with.")
        store.migrate()
        for table, noun in _NOUNS.items():
            done, failed = encrypt_all(store, store.keyring, table)
            unreadable += failed
            if done or table is Binder:
                yield f"The secrets of {counted(done, noun)} were encrypted with the first key."
        store.scrub()
    if unreadable:
        raise ConfigError(
            f"No key of SECRET_KEY opens the secrets of {', '.join(unreadable)}.",
            hint="Add the key with which they were encrypted. Or stop these binders: they are deleted later. "
            "People can connect with GitHub anew, and deploy tokens can be stored anew.",
        )


def encrypt_all(store: Store, keyring: Keyring, table: type[Row] = Binder) -> tuple[int, list[str]]:
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
    with store.read() as session:
        found = {noun: rekeying.count(session, store.keyring, table) for table, noun in _NOUNS.items()}
    for noun, counts in found.items():
        if counts.plain:
            yield f"{counted(counts.plain, noun)} with secrets in plain text: run `binder-bot rekey`"
        if counts.old:
            yield f"{counted(counts.old, noun)} with secrets under an older key: run `binder-bot rekey`"
        if counts.unknown:
            yield f"{counted(counts.unknown, noun)} whose secrets no key in SECRET_KEY opens: add that key"
