"""Asks servers that are being started whether they answer, far more often than the cloud can be asked.

It gives a hint, as a nudge does: a binder whose server answers is due at once. The reconciler sees for
itself, and would find the same at its next look. So nothing is lost with what is remembered here.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from bot.binders.dependencies import Dependencies, Submit
from storage import binders
from storage.models import Binder

WATCH_SECONDS = 0.25
"""Between two rounds. A machine that refuses a connection answers within a millisecond or so."""
ASKED_AT_ONCE = 32
"""How many servers are asked at once. A machine that is not up yet answers nothing, for seconds."""
_KEPT_SECONDS = 30.0
"""How long a server is asked that no further look expects to answer: its binder is ready, or gone."""


@dataclass(slots=True)
class _Expectation:
    """A binder whose server should answer before long.

    Attributes:
        binder: As it was looked at.
        ends_at: Until when it is asked, if no further look renews this.
        next_at: When it is asked again.
    """

    binder: Binder
    ends_at: float
    next_at: float


class ServerWatch:
    """Makes a binder due as soon as its server answers.

    Args:
        dependencies: What the reconciler works with.
        submit: Has a question asked, which may take seconds; at once where none is given.
        nudge: Called when a binder is due.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        dependencies: Dependencies,
        *,
        submit: Submit | None = None,
        nudge: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dependencies = dependencies
        self._poll = dependencies.timeouts.poll
        self._submit: Submit = submit or (lambda work: work())
        self._nudge = nudge or (lambda: None)
        self._clock = clock
        self._lock = threading.Lock()
        self._expected: dict[str, _Expectation] = {}
        self._asking: set[str] = set()

    def expect(self, binder: Binder) -> None:
        """Ask this binder's server from now on. Each look at which it does not answer says so again."""
        with self._lock:
            known = self._expected.get(binder.id)
            ends_at = self._clock() + max(_KEPT_SECONDS, 2 * self._poll)
            self._expected[binder.id] = _Expectation(binder, ends_at, known.next_at if known else 0.0)

    def tick(self) -> None:
        """Ask all servers that are expected to answer, but none that has not dealt with the last question."""
        for binder in self._begin():
            self._submit(partial(self._ask, binder))

    def _begin(self) -> Sequence[Binder]:
        """Choose whom to ask now: those first that were not asked for longest."""
        with self._lock:
            now = self._clock()
            self._expected = {name: each for name, each in self._expected.items() if each.ends_at > now}
            idle = [each for name, each in self._expected.items() if name not in self._asking]
            due = sorted((each for each in idle if each.next_at <= now), key=lambda each: each.next_at)
            chosen = [each.binder for each in due[: ASKED_AT_ONCE - len(self._asking)]]
            self._asking.update(each.id for each in chosen)
            return chosen

    def _ask(self, binder: Binder) -> None:
        # What answers need not be ready: it must not have the cloud asked more often than all others do.
        pause = 0.0
        try:
            pause = self._poll if self._answers(binder) and self._hasten(binder) else 0.0
        finally:
            self._end(binder, pause)

    def _end(self, binder: Binder, pause: float) -> None:
        with self._lock:
            self._asking.discard(binder.id)
            if expected := self._expected.get(binder.id):
                expected.next_at = self._clock() + pause

    def _answers(self, binder: Binder) -> bool:
        with closing(self._dependencies.server(binder.server_url or "", binder.token)) as server:
            return server.is_alive()

    def _hasten(self, binder: Binder) -> bool:
        with self._dependencies.store.write() as session:
            is_due = binders.hasten(session, binder.id)
        if is_due:
            self._nudge()
        return is_due
