"""`binder-bot migrate`: bring the database to this version's form. `serve` does it too."""

from contextlib import closing

from bot.config import Settings
from bot.wiring import open_store


def migrate(settings: Settings) -> None:
    """Bring the database to this version's form.

    Raises:
        StoreError: DATABASE_URL does not name a database that is supported.
    """
    with closing(open_store(settings)) as store:
        store.migrate()
