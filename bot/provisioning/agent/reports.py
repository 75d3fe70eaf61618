"""Reporting: one JSON object a line, to the console of an instance or to a file.

A line has `phase`, `fraction` and `message`; at the end of a failure `reason`, `hint` and `code`; `note` is
something that the person should know of a launch that works; `kind` is what it is built with; `image` is what
is about to be started. On a console each line begins with a marker, and the end of the log comes before a
failure, in lines with `part` of `parts`.

A console holds 100 KiB and a whole project can read it. So the lines are short and few, and the token is in
none of them.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.provisioning.agent.phases import Phase
from bot.provisioning.agent.text import MAX_LINE, MAX_LOG, MAX_REASON, bounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bot.provisioning.agent.failures import Failure
    from bot.provisioning.agent.settings import ReportSettings
    from bot.provisioning.agent.text import Scrubber

MARKER = "BINDER-BOT"
"""What begins each line on a console."""
MAX_PIECE = 1_600
"""Bytes of JSON of one piece of a log, so that its whole line stays below 2 KB."""
MAX_NOTES = 10
"""Notes of one launch."""

_LOG_BYTES = 12_000
_LOG_LINES = 400
_BURST_BYTES = 4_096
_LOG_FILE_BYTES = 20 * 1024 * 1024


class Console:
    """Writes events to a terminal device that others write to as well.

    Args:
        path: The device.
    """

    has_log_beside = False

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, event: Mapping[str, object]) -> None:
        """Write one event."""
        # The first newline ends what the kernel may have left of a line of its own.
        line = f"\n{MARKER} {json.dumps(event)}\n"
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
        except OSError:  # no such console: the journal has it, at least
            sys.stdout.write(line)
            sys.stdout.flush()
            return
        try:
            # A terminal without a line behind it refuses; the next event may come through.
            with suppress(OSError):
                os.write(handle, line.encode("ascii"))
        finally:
            os.close(handle)


class ReportFile:
    """Appends events to a file. The log lies beside it.

    Args:
        path: The file.
    """

    has_log_beside = True

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, event: Mapping[str, object]) -> None:
        """Write one event."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": round(time.time(), 3), **event}) + "\n")


class Reporter:
    """Reports how far a launch is, and keeps its log.

    A phase, a note and a failure are always written. Progress is written when it is due: a new step of the
    build at once, everything else once in a while, and never more than the console has room for.

    Args:
        sink: What writes the events.
        log: The file of the whole log.
        scrubber: Removes what must not be shown.
        settings: Says how much is written.
        build_seconds: The time of a build, for which the allowed bytes are meant.
    """

    def __init__(
        self,
        sink: Console | ReportFile,
        log: Path,
        scrubber: Scrubber,
        settings: ReportSettings,
        build_seconds: float,
    ) -> None:
        self._sink = sink
        self._log = log
        self._scrubber = scrubber
        self._seconds = settings.seconds
        self._budget = None if settings.bytes is None else _Budget(settings.bytes / build_seconds)
        self._lines: deque[str] = deque(maxlen=_LOG_LINES)
        self._notes: list[str] = []
        self._kind = ""
        self._image: Mapping[str, str] = {}
        self._phase = Phase.BOOTING
        self._fraction: float | None = None
        self._waiting = ""
        self._written_at = -settings.seconds

    @property
    def notes(self) -> tuple[str, ...]:
        """What was noted so far."""
        return tuple(self._notes)

    def begin(self, phase: Phase, message: str) -> None:
        """Report what begins."""
        self._phase, self._fraction, self._waiting = phase, None, ""
        self._write(self._event(message))
        self._write_image()  # readers see the end of the reports
        for note in self._notes:
            self._write_note(note)

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Report what is being done, when that is due; a new fraction is due at once.

        Args:
            message: One line.
            fraction: The done part of the build, 0 to 1; it never goes back.
        """
        if not message.strip():
            return
        self._waiting = message
        if fraction is not None and fraction > (self._fraction or 0.0):
            self._fraction = fraction
            self._write_progress()
        else:
            self.write_due()

    def write_due(self) -> None:
        """Report the newest progress that waits, when its time has come. To be called now and then."""
        if self._waiting and time.monotonic() - self._written_at >= self._seconds:
            self._write_progress()

    def log(self, line: str) -> None:
        """Add a line to the log."""
        line = self._scrubber.scrub(line)
        self._lines.append(line[:MAX_LOG])
        with self._log.open("ab") as file:
            file.write(line.encode("utf-8", "replace") + b"\n")
            is_full = file.tell() > _LOG_FILE_BYTES
        if is_full:
            self._log.replace(f"{self._log}.1")

    def note(self, text: str) -> None:
        """Report something that the person should know although the launch goes on."""
        if text not in self._notes and len(self._notes) < MAX_NOTES:
            self._notes.append(text)
            self._write_note(text)
            self.log(text)

    def kind(self, kind: str) -> None:
        """Report what the repository is built with, once it is known. Later lines may come from a build."""
        if kind and not self._kind:
            self._kind = kind
            self._write({"phase": self._phase.value, "kind": kind})

    def image(self, image: Mapping[str, str]) -> None:
        """Report what is about to be started, before anything of it runs.

        Args:
            image: `key`, `id`, `directory`, `kind` and `how`; see `bot.provisioning.instances.ReportedImage`.
        """
        self._image = {name: bounded(text, MAX_LINE) for name, text in image.items()}
        self._write_image()

    def fail(self, failure: Failure) -> None:
        """Report the end of the log, then why the launch goes no further."""
        pieces = [] if self._sink.has_log_beside else list(_pieces("\n".join(self._lines)))
        for part, piece in enumerate(pieces, start=1):
            self._write({"phase": self._phase.value, "log": piece, "part": part, "parts": len(pieces)})
        texts = {"reason": self._sentence(failure.reason), "hint": self._sentence(failure.hint)}
        self._phase = Phase.FAILED
        self._write({"phase": Phase.FAILED.value, "code": failure.code.value, **texts})

    def _write_image(self) -> None:
        if self._image:
            self._write({"phase": self._phase.value, "image": self._image})

    def _write_note(self, text: str) -> None:
        self._write({"phase": self._phase.value, "note": self._sentence(text)})

    def _write_progress(self) -> None:
        event, self._waiting = self._event(self._waiting), ""
        if self._budget is None or self._budget.allows(len(json.dumps(event)) + len(MARKER) + 3):
            self._write(event)

    def _write(self, event: Mapping[str, object]) -> None:
        self._written_at = time.monotonic()
        self._sink.write(event)

    def _event(self, message: str) -> dict[str, object]:
        event: dict[str, object] = {
            "phase": self._phase.value,
            "message": bounded(self._flat(message), MAX_LINE),
        }
        return event if self._fraction is None else {**event, "fraction": round(self._fraction, 3)}

    def _sentence(self, text: str) -> str:
        return bounded(self._flat(text), MAX_REASON)

    def _flat(self, text: str) -> str:
        return " ".join(self._scrubber.scrub(text).split())


class _Budget:
    """How many bytes may be written: so many a second, and a few more at once.

    Args:
        rate: Bytes a second.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._allowed = float(_BURST_BYTES)
        self._counted_at = time.monotonic()

    def allows(self, count: int) -> bool:
        """Whether so many bytes may be written now; then they are taken off."""
        now = time.monotonic()
        self._allowed = min(_BURST_BYTES, self._allowed + (now - self._counted_at) * self._rate)
        self._counted_at = now
        if self._allowed < count:
            return False
        self._allowed -= count
        return True


def _pieces(log: str) -> Iterator[str]:
    """The end of a log in pieces that fit into a line each."""
    log = log[-MAX_LOG:].strip("\n")
    while len(json.dumps(log)) > _LOG_BYTES:
        log = log[len(log) // 4 :]
    while log:
        size = MAX_PIECE
        while len(json.dumps(log[:size])) > MAX_PIECE:
            size = size * 3 // 4
        yield log[:size]
        log = log[size:]
