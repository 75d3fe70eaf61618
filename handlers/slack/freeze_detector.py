"""Whether this process was frozen: what it reads right after that may have waited for as long.

A container that is frozen, or starved of its processor: the process stands still while its kernel goes on
taking what Slack sends, and Slack tells whoever sent a command that it failed. They send it again, to another
replica; what waited in the frozen one's socket is then the older one of two, though it is read last.
"""

import time
from collections.abc import Callable
from threading import Lock

BEAT_SECONDS = 1.0
"""How often `FreezeDetector.beat` wants to be called."""
FROZEN_SECONDS = 2.5
"""Without a beat for so long, the process counts as frozen. Slack waits for three seconds."""
BACKLOG_SECONDS = 5.0
"""After that, all that waited has been read."""


class FreezeDetector:
    """Beats while the process runs. Safe to use from many threads.

    Args:
        clock: Goes on while the process is frozen; seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._last = clock()
        self._frozen_at = self._thawed_at = -BACKLOG_SECONDS

    def beat(self) -> None:
        """Note that the process runs."""
        with self._lock:
            self._note(self._clock())

    def sent_after(self) -> float:
        """When that which was just read can have been sent at the earliest, by the clock."""
        with self._lock:
            now = self._clock()
            self._note(now)
            return self._frozen_at if now - self._thawed_at < BACKLOG_SECONDS else now

    def _note(self, now: float) -> None:
        if now - self._last > FROZEN_SECONDS:
            if self._last - self._thawed_at >= BACKLOG_SECONDS:
                self._frozen_at = self._last  # else the backlog of the freeze before this one is still there
            self._thawed_at = now
        self._last = now
