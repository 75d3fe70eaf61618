"""What the kernel tells of the memory of this agent's own control group (cgroup v2)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")
_ENDED = "oom_kill "


class MemoryEvents:
    """Counts the programs that the kernel ended because the memory was full.

    Args:
        limit: The group's limit, in words; empty where it has none, and then nothing is counted.
    """

    def __init__(self, limit: str) -> None:
        self.limit = limit
        self._seen = self._ended()
        self._at_first = self._seen

    @property
    def has_ended_any(self) -> bool:
        """Whether any program was ended since the counting began."""
        return self._ended() > self._at_first

    def is_new(self) -> bool:
        """Whether a program was ended since this was last asked."""
        before, self._seen = self._seen, self._ended()
        return self._seen > before

    def _ended(self) -> int:
        if self.limit:
            with suppress(OSError, StopIteration, ValueError):  # where nothing tells, nothing is known
                groups = _PROC.read_text("utf-8").splitlines()
                group = next(line[3:] for line in groups if line.startswith("0::/"))
                events = (_MOUNT / group.lstrip("/") / "memory.events").read_text("ascii").splitlines()
                return int(next(line[len(_ENDED) :] for line in events if line.startswith(_ENDED)))
        return 0
