"""Which form the tables have, and how they come to that of this version."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from storage.errors import StoreError


def newest() -> str:
    """The revision of the tables that this version works with, such as `0011`."""
    return str(_scripts().get_current_head())


def revision_of(connection: Connection) -> str | None:
    """The revision of the tables in a database; None where there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def require_known(revision: str | None) -> None:
    """Make sure that this version knows a revision.

    Raises:
        StoreError: It was made by a newer version.
    """
    if revision is not None and revision not in {each.revision for each in _scripts().walk_revisions()}:
        raise StoreError(
            f"The database belongs to a newer version of binder-bot (its tables have revision {revision}).",
            hint="Install that version, or restore a backup from before the upgrade.",
        )


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a revision, one process at a time; a caller commits.

    Raises:
        StoreError: They were made by a newer version.
    """
    _wait_for_other_migrations(connection)
    require_known(revision_of(connection))
    command.upgrade(_config(connection), revision)


def remove(connection: Connection) -> None:
    """Remove all tables."""
    command.downgrade(_config(connection), "base")


def _config(connection: Connection) -> Config:
    config = _location()
    config.attributes["connection"] = connection
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_location())


def _location() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _wait_for_other_migrations(connection: Connection) -> None:
    """Let one process at a time migrate; SQLite's transaction has the write lock from its beginning."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('binder-bot migrations'))"))
