"""What slows an app down: Slack's rate limits, and failures on demand."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Literal

FailureKind = Literal["ratelimited", "http_500", "drop_before", "drop_after", "slow"]

# method -> (calls a second, burst, counted for each channel by itself); others are Slack's tier 4.
_RATES = {
    "chat.postMessage": (1.0, 3, True),
    "chat.update": (50 / 60, 50, False),
    "conversations.list": (20 / 60, 20, False),
    "users.list": (20 / 60, 20, False),
    "usergroups.list": (20 / 60, 20, False),
    "usergroups.users.list": (20 / 60, 20, False),
    "apps.connections.open": (1.0, 20, False),
}
_OTHERS = (100 / 60, 100, False)


@dataclass(frozen=True)
class InjectedFailure:
    """What happens to one call; `seconds` is its Retry-After or how long it is held up."""

    kind: FailureKind
    seconds: float


class Failures:
    """Failures that a test ordered, by method, each for one call."""

    def __init__(self) -> None:
        self._due: defaultdict[str, deque[InjectedFailure]] = defaultdict(deque)

    def order(self, method: str, failure: InjectedFailure, times: int) -> None:
        """Let the next `times` calls of a method fail so."""
        self._due[method].extend([failure] * times)

    def take(self, method: str) -> InjectedFailure | None:
        """What happens to this call, if anything."""
        due = self._due[method]
        return due.popleft() if due else None


class Rates:
    """A token bucket for each method (and channel, where Slack counts so)."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def seconds_to_wait(self, method: str, channel: str) -> float:
        """Take one call; 0 if it may go on, else the seconds until the next one may."""
        rate, burst, by_channel = _RATES.get(method, _OTHERS)
        key = (method, channel if by_channel else "")
        now = time.monotonic()
        left, since = self._buckets.get(key, (float(burst), now))
        left = min(float(burst), left + (now - since) * rate)
        allowed = left >= 1
        self._buckets[key] = (left - allowed, now)
        return 0.0 if allowed else (1 - left) / rate
