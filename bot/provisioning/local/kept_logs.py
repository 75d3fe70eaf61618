"""The logs of instances that are gone: who asks why a launch failed asks after its directory is removed."""

from contextlib import suppress
from pathlib import Path

MOST_KEPT = 50
"""Logs; the oldest are deleted."""


class KeptLogs:
    """Whole logs by the id of their binder.

    Args:
        folder: Where they are; made with the first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, binder_id: str, log: bytes) -> None:
        """Keep a log, which replaces an earlier one; an empty one replaces nothing. Raises OSError."""
        if not log:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = self._folder / f".{binder_id}"
        written.write_bytes(log)
        written.replace(self._folder / f"{binder_id}.log")
        self._prune()

    def read(self, binder_id: str) -> bytes:
        """A log that is kept; empty where it is not. Raises OSError."""
        path = self._folder / f"{binder_id}.log"
        return path.read_bytes() if path.is_file() else b""

    def _prune(self) -> None:
        kept = sorted(self._folder.glob("*.log"), key=lambda each: each.stat().st_mtime, reverse=True)
        for each in kept[MOST_KEPT:]:
            with suppress(FileNotFoundError):
                each.unlink()
