"""The runner's side of `bot.provisioning.reports`: one JSON object a line, appended."""

import json
import time
from pathlib import Path

from bot.errors import BinderBotError
from bot.provisioning.base import Phase


class Reporter:
    """Writes down how far a binder is.

    Args:
        path: The file of JSON lines.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def say(self, phase: Phase, message: str = "", fraction: float | None = None) -> None:
        """Report a phase, the step that begins, and the done part of the build (0 to 1)."""
        event: dict[str, object] = {"phase": phase, "message": message}
        self._write(event if fraction is None else event | {"fraction": round(fraction, 3)})

    def fail(self, error: BinderBotError) -> None:
        """Report that it goes no further, and why."""
        self._write({"phase": Phase.FAILED, "reason": error.sentence, "hint": error.hint})

    def _write(self, event: dict[str, object]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": round(time.time(), 3)} | event) + "\n")
