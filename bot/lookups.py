"""What takes long to find out: looked up in the background, and remembered for a while."""

import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillLooking
from threading import RLock
from typing import Any, Generic, TypeVar

import structlog

log = structlog.get_logger(__name__)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Submit = Callable[..., "Future[Any]"]
"""Has something done by another thread, as `ThreadPoolExecutor.submit` does."""

_MOST_AT_ONCE = 100
"""Look-ups that are under way or wait for their turn; more are not begun."""


class Lookups(Generic[K, V]):
    """Answers at once with what is known, and finds the rest out in the background.

    Args:
        find: Looks one thing up; may take long. What it raises is logged, and nothing is known then.
        submit: See `Submit`.
        fresh_seconds: After how long a thing is looked up again.
        most: How many things are remembered.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        find: Callable[[K], V],
        submit: Submit,
        *,
        fresh_seconds: float,
        most: int = 1_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._submit = submit
        self._fresh_seconds = fresh_seconds
        self._most = most
        self._clock = clock
        self._lock = RLock()
        self._known: dict[K, tuple[float, V]] = {}
        self._begun: dict[K, Future[Any]] = {}

    def known(self, key: K) -> V | None:
        """What was found last; None where nothing was yet. What is old is looked up again, without a wait."""
        with self._lock:
            found = self._known.get(key)
            if found is None or self._clock() - found[0] > self._fresh_seconds:
                self._begin(key)
                found = self._known.get(key)
            return found[1] if found else None

    def wait(self, key: K, seconds: float) -> V | None:
        """What is known within so many seconds."""
        found = self.known(key)
        with self._lock:
            begun = self._begun.get(key)
        if found is not None or begun is None:
            return found
        try:
            begun.result(seconds)
        except StillLooking:
            return None
        with self._lock:
            now_known = self._known.get(key)
        return now_known[1] if now_known else None

    def _begin(self, key: K) -> None:
        if key in self._begun or len(self._begun) >= _MOST_AT_ONCE:
            return
        try:
            begun = self._submit(self._look, key)
        except RuntimeError:  # the process is about to stop
            return
        if not begun.done():
            self._begun[key] = begun

    def _look(self, key: K) -> None:
        try:
            value = self._find(key)
        except Exception:
            log.exception("lookup_failed")
        else:
            self._remember(key, value)
        finally:
            with self._lock:
                self._begun.pop(key, None)

    def _remember(self, key: K, value: V) -> None:
        with self._lock:
            self._known.pop(key, None)
            while len(self._known) >= self._most:
                del self._known[next(iter(self._known))]
            self._known[key] = (self._clock(), value)
