"""Remembering which directory of a commit is built for a path, so that it need not be fetched to find out."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.provisioning.agent.paths import is_everything
from bot.provisioning.agent.source import source_of

if TYPE_CHECKING:
    from pathlib import Path

    from bot.provisioning.agent.task import Task

_KEPT = 2_000
"""Each is a file of some bytes."""


class KnownDirectories:
    """What was found out by earlier launches.

    Args:
        folder: Where it is kept: one small file for each commit and path.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, task: Task) -> str | None:
        """The directory that is built for this task; None where that is not known."""
        if not task.is_git or is_everything(task.path or ""):
            return "."
        if task.images is not None and task.images.directory is not None:
            return task.images.directory
        try:
            return self._file(task).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None

    def remember(self, task: Task, directory: str) -> None:
        """Keep what a checkout told. Where it cannot be kept, the next launch fetches again."""
        if task.commit is None:  # what moves may have another directory tomorrow
            return
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            file = self._file(task)
            written = file.with_suffix(f".{os.getpid()}")
            written.write_text(directory, encoding="utf-8")
            written.replace(file)
            self._forget_oldest()

    def _file(self, task: Task) -> Path:
        asked = json.dumps([source_of(task), task.commit, task.path])
        return self._folder / hashlib.sha256(asked.encode()).hexdigest()

    def _forget_oldest(self) -> None:
        files = list(self._folder.iterdir())
        if len(files) > _KEPT:
            for file in sorted(files, key=lambda each: each.stat().st_mtime)[: len(files) - _KEPT]:
                file.unlink()
