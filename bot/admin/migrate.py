"""`binder-bot migrate`: bring the database to this version's form. `serve` does it too."""

from contextlib import closing

from bot.config import Settings
from storage.engine import Store


def migrate(settings: Settings) -> None:
    """Bring the database to this version's form.

    Raises:
        StoreError: DATABASE_URL does not name a database that is supported.
    """
    with closing(Store(settings.database_url)) as store:
        store.migrate()
