"""What every request passes first: what was delivered twice is done once.

This is only a courtesy, for what leaves no row (an ephemeral answer, say): the rows' unique keys are what
counts, and hold across processes and restarts too.
"""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

from slack_bolt import Ack, App, BoltContext, BoltResponse

from handlers.listeners.readers import CONTEXT
from handlers.requests.context import Context

REMEMBERED = 5_000


class Recent:
    """The keys of the last few thousand requests."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self._size = size
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def is_new(self, key: str) -> bool:
        """Whether a key was not seen lately; from now on it was."""
        with self._lock:
            if key in self._keys:
                return False
            self._keys[key] = None
            if len(self._keys) > self._size:
                self._keys.popitem(last=False)
            return True


def register(app: App, ours: Context) -> None:
    """Put it before all listeners, and leave our `Context` for them."""
    recent = Recent()

    @app.middleware
    def once(
        body: dict[str, Any], ack: Ack, context: BoltContext, next_: Callable[[], BoltResponse]
    ) -> BoltResponse:
        context[CONTEXT] = ours
        key = body.get("event_id") or body.get("trigger_id")
        if key is None or recent.is_new(str(key)):
            return next_()
        return ack()
