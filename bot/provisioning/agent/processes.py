"""Finding and ending all processes that descend from this one, also those that detached themselves."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_GRACE_SECONDS = 1.0
_LOOK_SECONDS = 0.02


def adopt_orphans() -> None:
    """Make this process the parent of every descendant that detaches itself, so that none is lost."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants() -> None:
    """End everything that descends from this process: first with SIGTERM, then with SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        _send(descendants(), number)
        _await_end(_GRACE_SECONDS)
    while left := descendants():  # what was born while the others died
        _send(left, signal.SIGKILL)
        _await_end(_GRACE_SECONDS)


def descendants() -> list[int]:
    """The live processes that descend from this one."""
    children: dict[int, list[int]] = defaultdict(list)
    for process, parent in _parents():
        children[parent].append(process)
    found = children[os.getpid()]
    for process in found:
        found.extend(children[process])
    return found


def _parents() -> list[tuple[int, int]]:
    """Every live process and its parent."""
    if Path("/proc/self/stat").exists():
        names = (path.name for path in Path("/proc").iterdir())
        return [pair for name in names if name.isdigit() and (pair := _parent_of(name))]
    # Its own process is among them, but has ended meanwhile.
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="],  # noqa: S607 - where there is no /proc, ps is part of the system
        check=False,
        capture_output=True,
        text=True,
    )
    return [(int(line.split()[0]), int(line.split()[1])) for line in listing.stdout.splitlines()]


def _parent_of(process: str) -> tuple[int, int] | None:
    """A process and its parent; None where it has ended."""
    with suppress(OSError):
        # Its name, in parentheses, may hold anything.
        fields = Path("/proc", process, "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        if fields[0] not in {"Z", "X"}:
            return int(process), int(fields[1])
    return None


def _send(processes: list[int], number: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)


def _await_end(seconds: float) -> None:
    """Collect children as they end, until none is left or the time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and descendants():
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(_LOOK_SECONDS)
