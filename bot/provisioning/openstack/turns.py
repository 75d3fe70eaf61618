"""Whose turn it is where only a few may work at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

_KEPT = 1024
"""Of how many the last turn is remembered; whoever is forgotten goes first the next time."""


class FairSemaphore:
    """Lets a few work at once. Of those who wait, the one whose last turn is the longest ago is next.

    Nobody waits for long: who gets no turn in time comes back later, and then is no further behind.

    Args:
        at_once: How many may work at the same time.
        patience: Seconds that one waits for a turn.
    """

    def __init__(self, at_once: int, patience: float) -> None:
        self._free = at_once
        self._patience = patience
        self._changed = threading.Condition()
        self._numbers = count(1)
        self._last: dict[str, int] = {}
        self._waiting: set[tuple[int, int]] = set()

    @contextmanager
    def of(self, key: str) -> Iterator[bool]:
        """Wait for a turn, and have it until the end of the block.

        Args:
            key: Who wants it.

        Yields:
            Whether it is the turn of `key`; False where there was none in time.
        """
        is_mine = self._take(key)
        try:
            yield is_mine
        finally:
            if is_mine:
                self._give_back()

    def _take(self, key: str) -> bool:
        with self._changed:
            mine = (self._last.get(key, 0), next(self._numbers))
            self._waiting.add(mine)
            is_mine = self._changed.wait_for(
                lambda: self._free > 0 and min(self._waiting) == mine, self._patience
            )
            self._waiting.remove(mine)
            if is_mine:
                self._free -= 1
                self._remember(key)
            self._changed.notify_all()
            return is_mine

    def _give_back(self) -> None:
        with self._changed:
            self._free += 1
            self._changed.notify_all()

    def _remember(self, key: str) -> None:
        self._last.pop(key, None)  # so that the dictionary's order is that of the turns
        self._last[key] = next(self._numbers)
        while len(self._last) > _KEPT:
            del self._last[next(iter(self._last))]
