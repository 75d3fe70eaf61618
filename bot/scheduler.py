"""The bot's few periodic jobs ("ticks") on APScheduler, and whether they still run.

APScheduler only ticks: its jobs are kept in memory and have no state, because its stores lose one-off jobs on
a crash, drop late ones, and cannot be shared between processes. What has to happen is in the database's rows.
"""

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Protocol

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

log = structlog.get_logger(__name__)

STALE_INTERVALS = 3
"""After this many intervals without finishing, a tick counts as stale …"""
STALE_FLOOR_SECONDS = 30.0
"""… but never sooner than this, because listing a slow cloud takes long."""


class Observe(Protocol):
    """Is told of each run of a tick."""

    def __call__(self, name: str, seconds: float, *, failed: bool) -> None:
        """Note it."""


def ignore(name: str, seconds: float, *, failed: bool) -> None:
    """Note nothing, where nobody measures."""


class Ticks:
    """Functions that run periodically. Each must be idempotent; none runs twice at the same time.

    Args:
        observe: Told the name of a tick that ran, for how many seconds, and whether it failed.
    """

    def __init__(self, observe: Observe = ignore) -> None:
        self._observe = observe
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._lock = Lock()
        self._intervals: dict[str, float] = {}
        self._finished: dict[str, float] = {}
        self._running: set[str] = set()
        self._again: set[str] = set()
        """The ticks that were nudged while they ran: what they look at may be older than the nudge."""
        self._stopping = False
        self.counts: Counter[str] = Counter()
        """How often a tick failed (`error`), was `missed`, or was still running when it was due (`busy`)."""
        events = {EVENT_JOB_ERROR: "error", EVENT_JOB_MISSED: "missed", EVENT_JOB_MAX_INSTANCES: "busy"}
        for event, word in events.items():
            self._scheduler.add_listener(lambda _event, word=word: self._count(word), event)

    def every(
        self, seconds: float, name: str, body: Callable[[], object], *, jitter: float | None = None
    ) -> None:
        """Run a function every so many seconds; up to `jitter` random seconds keep replicas apart."""
        self._intervals[name] = seconds
        self._finished[name] = time.monotonic()
        self._scheduler.add_job(
            lambda: self._run(name, body),
            "interval",
            seconds=seconds,
            jitter=jitter,
            id=name,
            next_run_time=datetime.now(UTC),
        )

    def start(self) -> None:
        """Start ticking."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop ticking, and wait for what is running."""
        self._stopping = True
        self._scheduler.shutdown(wait=True)

    def nudge(self, name: str) -> None:
        """Run a tick now, or again if it is running. A hint: if it is lost, the next tick finds the row."""
        with self._lock:
            if name in self._running:
                self._again.add(name)
                return
        try:
            self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))
        except JobLookupError:
            log.debug("nudge_without_tick", tick=name)

    def stale(self) -> list[str]:
        """The names of the ticks that have not finished for too long."""
        now = time.monotonic()
        with self._lock:
            return [
                name
                for name, interval in self._intervals.items()
                if now - self._finished[name] > max(STALE_INTERVALS * interval, STALE_FLOOR_SECONDS)
            ]

    def _run(self, name: str, body: Callable[[], Any]) -> None:
        with self._lock:
            self._running.add(name)
        self._run_once(name, body)
        while self._is_wanted_again(name):
            self._run_once(name, body)

    def _is_wanted_again(self, name: str) -> bool:
        """Whether it was nudged while it ran; if not, it no longer counts as running."""
        with self._lock:
            if name in self._again and not self._stopping:
                self._again.remove(name)
                return True
            self._running.discard(name)
            return False

    def _run_once(self, name: str, body: Callable[[], Any]) -> None:
        began, failed = time.monotonic(), False
        try:
            body()
        except Exception:
            failed = True
            self._count("error")
            log.exception("tick_failed", tick=name)
        else:
            with self._lock:
                self._finished[name] = time.monotonic()
        self._observe(name, time.monotonic() - began, failed=failed)

    def _count(self, word: str) -> None:
        with self._lock:
            self.counts[word] += 1
