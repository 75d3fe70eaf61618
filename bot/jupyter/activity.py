"""How much a server is used, judged from its own answers. Pure.

A busy kernel is use, whatever the times say: a long computation without output leaves them old. Otherwise
the newest of them counts, which an untouched but visible tab moves for ever: hence the word `tab`, which does
not promise that anybody sits there. The server is a stranger's: nonsense is no answer, and never idleness.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from bot.errors import ServerError
from storage.vocabulary import Activity

MOVING_SECONDS = 120.0
"""A last activity newer than this means that a page may be open: a visible tab renews it every minute."""
CLOCKS_AGREE_SECONDS = 5.0
"""Clocks that differ by less are taken as one: the Date header has whole seconds, and answers take time."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What goes on in a server.

    Attributes:
        used_at: The newest sign of use, Unix seconds UTC by our clock, never in the future.
        busy: Whether a kernel is busy.
        connections: How many connections are open to its kernels: each is a page in somebody's browser.
        moving: Whether the newest sign of use is so new that a page is open, or was a moment ago.
    """

    used_at: float
    busy: bool
    connections: int
    moving: bool

    @property
    def kind(self) -> Activity:
        """Its activity; `tab` if a page is open, whether or not somebody looks at it."""
        if self.busy:
            return Activity.BUSY
        return Activity.TAB if self.connections or self.moving else Activity.IDLE


def judge(
    status: Mapping[str, Any],
    kernels: Iterable[Any],
    terminals: Iterable[Any],
    *,
    now: float,
    skew: float,
) -> Usage:
    """Judge a server's answers.

    Args:
        status: The answer of `/api/status`.
        kernels: That of `/api/kernels`.
        terminals: That of `/api/terminals`; empty where terminals are switched off.
        now: Unix seconds, UTC.
        skew: By how much our clock is ahead of the server's, in seconds.

    Raises:
        ServerError: They are not what Jupyter answers.
    """
    open_kernels = [_object(each) for each in kernels]
    # Older servers do not tell when a terminal was used last.
    all_told = [each.get("last_activity") for each in (*open_kernels, *map(_object, terminals))]
    signs = [_moment(status.get("last_activity")), *(_moment(told) for told in all_told if told is not None)]
    used_at = min(max(signs) + skew, now)
    return Usage(
        used_at=used_at,
        busy=any(each.get("execution_state") == "busy" for each in open_kernels),
        connections=sum(_count(each.get("connections", 0)) for each in open_kernels),
        moving=now - used_at < MOVING_SECONDS,
    )


def skew(date: str, now: float) -> float:
    """By how much our clock is ahead of a server's, in seconds; 0 where its Date header does not tell."""
    try:
        told = parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError, IndexError, TypeError):
        return 0.0
    ahead = now - told
    return ahead if abs(ahead) > CLOCKS_AGREE_SECONDS else 0.0


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ServerError("The server sent an invalid list.")
    return value


def _moment(told: Any) -> float:
    """Unix seconds of an ISO date, in UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(told)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError) as error:
        raise ServerError("The server sent an invalid time.") from error


def _count(told: Any) -> int:
    if not isinstance(told, int) or told < 0:
        raise ServerError("The server sent an invalid number.")
    return told
