"""`binder-bot backup` and `restore`: the whole database as one compressed file."""

import gzip
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from bot.config import Settings
from bot.errors import ConfigError
from bot.wiring import open_store
from storage import backup as backups


def backup(settings: Settings, file: Path) -> int:
    """Write a backup, also while the bot runs. Only its owner may read the file.

    Returns:
        How many rows it has.

    Raises:
        ConfigError: The file is there already, or cannot be written.
        StoreError: There is nothing to back up.
    """
    new = file.with_name(f"{file.name}.part")
    with closing(open_store(settings)) as store, _reported(file):
        if file.exists():
            raise FileExistsError
        try:
            with _created(new) as lines:
                rows = backups.dump(store, lines.write)
            new.rename(file)
        finally:
            new.unlink(missing_ok=True)
    return rows


def restore(settings: Settings, file: Path) -> int:
    """Fill an empty database from a backup.

    Returns:
        How many rows it has.

    Raises:
        ConfigError: The file cannot be read.
        StoreError: The database is not empty, or the file is no backup.
    """
    with closing(open_store(settings)) as store, _reported(file), gzip.open(file, "rt") as lines:
        return backups.restore(store, lines)


@contextmanager
def _created(file: Path) -> Iterator[IO[str]]:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
        with gzip.open(raw, "wt") as lines:
            yield lines
        raw.flush()
        os.fsync(raw.fileno())


@contextmanager
def _reported(file: Path) -> Iterator[None]:
    """Say what is wrong with a file in a sentence."""
    try:
        yield
    except FileExistsError as error:
        raise ConfigError(f"{file} is there already.", hint="Name another file.") from error
    except gzip.BadGzipFile as error:
        raise ConfigError(f"{file} is no backup of binder-bot.") from error
    except (EOFError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not whole.", hint="Take an older one.") from error
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}.") from error
