"""How fast Slack may be called: one rate limit per method, counted for each channel or workspace.

Written here, because the outbox must not block. A library (`limits`, `pyrate-limiter`) answers yes or no, and
then all who wait come back every second in no order; or it lets the thread sleep, as slack_sdk's own retry
handler does, and then one busy channel holds up all others. This one gives each caller a turn, says how long
to wait for it, and takes all turns back when Slack answers 429.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Hashable
from threading import Lock

_Reserved = dict[Hashable, float]


class RateLimit:
    """So many calls a second, and so many at once. Safe to use from many threads.

    Whoever is too early reserves the next free moment and is told how long to wait. So each of a hundred that
    wait comes back once, in order, and not all of them every second.

    Args:
        per_second: The rate in the long run.
        burst: How many may go at once after a rest.
        clock: Seconds, monotonic.
    """

    def __init__(self, per_second: float, burst: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.burst = burst
        self._interval = 1 / per_second
        self._clock = clock
        self._lock = Lock()
        self._full_at: defaultdict[str, float] = defaultdict(float)
        """When each scope would have its whole burst again."""
        self._held: defaultdict[str, float] = defaultdict(float)
        self._reserved: defaultdict[str, _Reserved] = defaultdict(dict)

    def wait(self, scope: str, caller: Hashable) -> float:
        """Take a turn: 0 where the call may go now, else the seconds until this caller's turn."""
        with self._lock:
            now, reserved = self._clock(), self._reserved[scope]
            if caller not in reserved:
                reserved[caller] = self._next(scope, now)
            turn = max(reserved[caller], self._held[scope])
            if turn > now:
                return turn - now
            del reserved[caller]
            return 0.0

    def left(self, scope: str) -> float:
        """How many calls could go at once now."""
        with self._lock:
            now = self._clock()
            behind = max(self._full_at[scope] - now, 0.0) / self._interval
            return 0.0 if self._held[scope] > now else self.burst - behind

    def hold(self, scope: str, seconds: float) -> None:
        """Allow no call for that long, because Slack said so. Turns are given out anew afterwards."""
        with self._lock:
            now = self._clock()
            self._held[scope] = max(self._held[scope], now + seconds)
            self._full_at[scope] = self._held[scope] + (self.burst - 1) * self._interval
            self._reserved[scope].clear()

    def _next(self, scope: str, now: float) -> float:
        self._forget_lost(scope, now)
        full_at = max(self._full_at[scope], now)
        self._full_at[scope] = full_at + self._interval
        return max(full_at - (self.burst - 1) * self._interval, now)

    def _forget_lost(self, scope: str, now: float) -> None:
        """Drop turns that nobody came back for: their message was delivered otherwise, or never will be."""
        long_past = now - 60 * self._interval
        lost = [caller for caller, turn in self._reserved[scope].items() if turn < long_past]
        for caller in lost:
            del self._reserved[scope][caller]
