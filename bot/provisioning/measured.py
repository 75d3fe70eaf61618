"""A cloud whose calls are timed, whatever cloud it is."""

import time
from collections.abc import Callable
from typing import Any, cast

from bot.errors import (
    CannotBuild,
    CloudError,
    CloudUnreachable,
    CredentialsRejected,
    NoCapacity,
    QuotaExceeded,
)
from bot.provisioning.base import Cloud

CALLS = frozenset(
    {
        *("survey", "create", "expose", "prune", "remove", "report", "mark_end", "order", "instruct"),
        *("withdraw", "shelve", "unshelve", "unshelve_failed", "read_log", "free_places"),
    }
)
"""The methods of `Cloud` that ask the cloud for something."""
_ERRORS: tuple[tuple[type[CloudError], str], ...] = (
    (CloudUnreachable, "unreachable"),
    (NoCapacity, "no_capacity"),
    (QuotaExceeded, "quota"),
    (CredentialsRejected, "credentials"),
    (CannotBuild, "cannot_build"),
    (CloudError, "refused"),
)

Observe = Callable[[str, str, float], None]
"""Takes the method that was called, the word for what became of it, and for how many seconds it took."""


def measured(cloud: Cloud, observe: Observe) -> Cloud:
    """The same cloud; each of its calls is told to `observe`."""
    return cast("Cloud", _MeasuredCloud(cloud, observe))


class _MeasuredCloud:
    def __init__(self, cloud: Cloud, observe: Observe) -> None:
        self._cloud = cloud
        self._observe = observe

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._cloud, name)
        return self._timed(name, found) if name in CALLS else found

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            began, outcome = time.monotonic(), "done"
            try:
                return call(*args, **kwargs)
            except Exception as error:
                outcome = _outcome_of(error)
                raise
            finally:
                self._observe(name, outcome, time.monotonic() - began)

        return timed


def _outcome_of(error: Exception) -> str:
    return next((word for kind, word in _ERRORS if isinstance(error, kind)), "broke")
