"""Drives every binder towards what its row says it should be: claim, observe, plan, act, save.

Level-triggered, as a Kubernetes controller is: nothing depends on having seen a change happen, so any process
may die at any line, and any other (or the same one, started again) goes on from the row and the cloud.

No transaction is open while the network is asked anything.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

import structlog
from sqlalchemy.orm import Session

from bot import interfaces, lifecycle
from bot.errors import (
    BinderBotError,
    CloudError,
    CloudUnreachable,
    LostLease,
    NoCapacity,
    QuotaExceeded,
    RepositoryUnreachable,
    ResolveError,
)
from bot.jupyter import JupyterServer
from bot.lifecycle import Announce, Create, Expose, Remove, Resolve, Rules, Save, Seen, Step
from bot.provisioning.base import Cloud, Order, Survey
from bot.repospec import Provider, RepoSpec
from bot.resolve import Resolved
from storage import binders, leases, outbox, sightings
from storage.engine import Store
from storage.models import Binder, MessageKind, Status, Target

log = structlog.get_logger(__name__)

LEASE_SECONDS = 180.0
"""Longer than any single step can take: each call within one has a timeout far below."""
CLAIM_LIMIT = 32
RESOLVE_TRIES = 3
BROKEN_TRIES = 8
"""Steps that broke in a way nobody foresaw, before a launch is given up."""
SWEEP_LEASE_SECONDS = 50.0
STRAY_SECONDS = 30.0
"""Between the two sightings of something that belongs to no binder, before it is deleted."""


class Server(interfaces.Server, Protocol):
    """What is asked of a running server; `bot.jupyter.JupyterServer` is one."""

    def is_alive(self) -> bool:
        """Whether it answers at all."""

    def close(self) -> None:
        """Close its connections."""


class Looks(Protocol):
    """How a repository is looked up; `bot.resolve.Resolver` is one way."""

    def resolve(self, spec: RepoSpec) -> Resolved:
        """Find the exact commit."""


Submit = Callable[[Callable[[], None]], object]
"""Has a piece of work done, by a pool of threads or at once."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the reconciler works with; put together by the composition root."""

    store: Store
    cloud: Cloud
    resolver: Looks
    rules: Rules
    worker: str
    """This process's name on leases: unique among all that ever ran."""
    unreachable_alert: float = 600.0
    """Seconds of silence of the cloud before the operators are told."""
    server: Callable[[str, str], Server] = JupyterServer
    """Opens a running server by its URL and token."""


class Reconciler:
    """Takes one small step at a time for each binder that is due.

    Args:
        parts: What it works with.
        submit: How work is done; at once where none is given.
        nudge: Called when there may be more to do already.
    """

    def __init__(
        self, parts: Parts, *, submit: Submit | None = None, nudge: Callable[[], None] | None = None
    ) -> None:
        self._parts = parts
        self._submit: Submit = submit or (lambda work: work())
        self._nudge = nudge or (lambda: None)
        self._silence = Silence(parts.store, parts.unreachable_alert)

    def tick(self) -> int:
        """Take a step for every binder that is due, with one listing of the cloud for all of them.

        Returns:
            How many were due.
        """
        with self._parts.store.write() as session:
            due = binders.claim(session, self._parts.worker, limit=CLAIM_LIMIT, lease_seconds=LEASE_SECONDS)
        if not due:
            return 0
        # After the claim, so that what is seen is never older than what is known.
        survey = self._survey() if any(lifecycle.wants_survey(binder) for binder in due) else None
        for binder in due:
            self._submit(lambda binder=binder: self._work(binder, survey))  # type: ignore[misc]
        return len(due)

    def sweep(self) -> None:
        """Remove what carries this deployment's mark but belongs to no live binder, once seen twice."""
        with self._parts.store.write() as session:
            if not leases.take(session, "sweep", self._parts.worker, SWEEP_LEASE_SECONDS):
                return
        survey = self._survey()
        if survey is None:
            return
        with self._parts.store.write() as session:
            strays = binders.owed_nothing(session, {*survey.instances, *survey.strays})
            certain = sightings.seen(session, strays, twice_after=STRAY_SECONDS)
        for binder_id in sorted(certain):
            self._remove_stray(binder_id)

    def take_over(self) -> None:
        """Go on at once with what an earlier process left, where no other one can be alive."""
        if not self._parts.store.shared:
            with self._parts.store.write() as session:
                binders.reopen(session)

    def release(self) -> None:
        """Hand this worker's leases back."""
        with self._parts.store.write() as session:
            binders.release(session, self._parts.worker)

    def _remove_stray(self, binder_id: str) -> None:
        try:
            nothing_left = self._parts.cloud.remove(binder_id, {})
        except CloudError as error:
            log.warning("stray_not_removed", binder=binder_id, error=error.sentence)
        else:
            log.info("stray_removed", binder=binder_id, nothing_left=nothing_left)

    def _survey(self) -> Survey | None:
        try:
            survey = self._parts.cloud.survey()
        except CloudError as error:
            self._silence.heard_nothing(error)
            return None
        self._silence.heard()
        return survey

    def _work(self, binder: Binder, survey: Survey | None) -> None:
        """Take one step for one binder; whatever breaks stays within it."""
        with structlog.contextvars.bound_contextvars(binder=binder.id):
            try:
                self._step(binder, survey)
            except LostLease:
                log.info("lost_lease", status=binder.status)
            except Exception:
                log.exception("step_broke", status=binder.status, retries=binder.retries)
                self._after_break(binder)

    def _after_break(self, binder: Binder) -> None:
        retries = binder.retries + 1
        step = Save({"retries": retries}, next_in=lifecycle.backoff(retries))
        try:
            if binder.target == Target.READY and retries >= BROKEN_TRIES:
                step = lifecycle.fail(
                    self._parts.store.now(), "The bot stumbled over this launch, again and again."
                )
            self._save(binder, step)
        except Exception:  # the row's lease ends by itself, and another try follows
            log.exception("break_not_saved")

    def _step(self, binder: Binder, survey: Survey | None) -> None:
        seen = self._observe(binder, survey)
        step = lifecycle.plan(binder, seen, self._parts.store.now(), self._parts.rules)
        self._save(binder, self._act(binder, step))

    # Observe ---------------------------------------------------------------------------------------------

    def _observe(self, binder: Binder, survey: Survey | None) -> Seen:
        if survey is None:
            return Seen(known=False)
        seen = Seen(instances=survey.of(binder.id), leftovers=survey.leaves(binder.id))
        if not lifecycle.wants_report(binder) or seen.instance is None:
            return seen
        try:
            report = self._parts.cloud.report(seen.instance)
        except CloudUnreachable:
            report = None
        return replace(seen, report=report, answers=self._answers(binder))

    def _answers(self, binder: Binder) -> bool:
        if not binder.server_url:
            return False
        with closing(self._parts.server(binder.server_url, binder.token)) as server:
            return server.is_alive()

    # Act -------------------------------------------------------------------------------------------------

    def _act(self, binder: Binder, step: Step) -> Save:
        match step:
            case Save():
                return step
            case Resolve():
                return self._resolve(binder)
            case Create():
                return self._create(binder)
            case Expose():
                return self._expose(binder)
            case Announce(url):
                return self._announce(binder, url)
            case Remove():
                return self._remove(binder)

    def _resolve(self, binder: Binder) -> Save:
        now = self._parts.store.now()
        try:
            found = self._parts.resolver.resolve(_spec(binder))
        except RepositoryUnreachable as error:
            return self._again(binder, error, tries=RESOLVE_TRIES)
        except ResolveError as error:
            return lifecycle.fail(now, error.sentence, hint=error.hint)
        now = self._parts.store.now()
        resolved = {
            "commit": found.commit,
            "is_tip": found.is_tip,
            "ref": found.spec.ref,
            "path": found.spec.path,
        }
        entered = lifecycle.enter(
            binder, Status.REQUESTED, now, stage="instance", resolved_at=now, **resolved
        )
        return Save(entered, card=True)

    def _create(self, binder: Binder) -> Save:
        store = self._parts.store
        order = _order(binder)
        with store.write() as session:
            if not binders.untouched(session, binder):
                return Save()
            binders.save(session, binder, {"attempt_at": store.now()})
        try:
            parts = self._parts.cloud.create(order)
        except CloudUnreachable as error:
            log.warning("create_uncertain", error=error.sentence)
            return Save({"retries": binder.retries + 1}, next_in=self._parts.rules.poll)
        except (NoCapacity, QuotaExceeded) as error:
            return self._wait_for_room(binder, error)
        except CloudError as error:
            return lifecycle.fail(store.now(), error.sentence, hint=error.hint, attempt_at=None)
        changes = lifecycle.enter(binder, Status.CREATING, store.now(), waiting_for=None, parts=dict(parts))
        return Save(changes, card=True)

    def _wait_for_room(self, binder: Binder, error: CloudError) -> Save:
        changes = {"waiting_for": error.sentence, "attempt_at": None, "retries": binder.retries + 1}
        says = () if binder.waiting_for else (MessageKind.WAITING,)
        return Save(
            changes,
            next_in=lifecycle.backoff(binder.retries + 1),
            says=says,
            card=not binder.waiting_for or None,
        )

    def _expose(self, binder: Binder) -> Save:
        try:
            parts = self._parts.cloud.expose(binder.id, binder.parts)
        except (CloudUnreachable, NoCapacity, QuotaExceeded) as error:
            return self._again(binder, error)
        except CloudError as error:
            return lifecycle.fail(self._parts.store.now(), error.sentence, hint=error.hint)
        moved = dict(parts) != binder.parts
        return Save({"parts": dict(parts)}, next_in=0.0 if moved else self._parts.rules.poll)

    def _announce(self, binder: Binder, url: str) -> Save:
        with closing(self._parts.server(url, binder.token)) as server:
            found = interfaces.discover(server, path=binder.path, wanted=binder.interface)
        if not found:
            return Save(next_in=self._parts.rules.poll)  # it answers, but its pages are still being set up
        now = self._parts.store.now()
        ready = lifecycle.enter(
            binder,
            Status.READY,
            now,
            stage="server",
            ready_at=now,
            interfaces=[each.as_row() for each in found],
        )
        absent = binder.interface and found[0].kind not in {binder.interface, "custom"}
        facts = {"absent": interfaces.label(binder.interface)} if binder.interface and absent else {}
        return Save(ready, says=(MessageKind.READY, MessageKind.LINKS), card=True, facts=facts)

    def _remove(self, binder: Binder) -> Save:
        try:
            nothing_left = self._parts.cloud.remove(binder.id, binder.parts)
        except CloudError as error:
            return self._again(binder, error)
        if nothing_left:
            return Save({"parts": {}, "retries": 0})
        return Save({"retries": 0}, next_in=min(self._parts.rules.poll, 1.0))

    def _again(self, binder: Binder, error: BinderBotError, *, tries: int | None = None) -> Save:
        """Try a step again later; with `tries`, fail after that many."""
        retries = binder.retries + 1
        if tries is not None and retries >= tries:
            return lifecycle.fail(self._parts.store.now(), error.sentence, hint=error.hint)
        log.warning("step_put_off", status=binder.status, retries=retries, error=error.sentence)
        return Save({"retries": retries}, next_in=lifecycle.backoff(retries))

    # Save ------------------------------------------------------------------------------------------------

    def _save(self, binder: Binder, step: Save) -> None:
        with self._parts.store.write() as session:
            if binders.untouched(session, binder):
                _write(session, binder, step)
            else:
                # What a person changed meanwhile makes the plan stale, but not what was made in the cloud.
                kept = {"parts": step.changes["parts"]} if "parts" in step.changes else {}
                binders.save(session, binder, kept, next_in=0.0)
        _tell(binder, step)
        if step.next_in <= 0:
            self._nudge()


class Silence:
    """Tells the operators once when the cloud has been silent for too long, and once when it is back."""

    def __init__(self, store: Store, alert_seconds: float) -> None:
        self._store = store
        self._alert_seconds = alert_seconds
        self._since: float | None = None
        self._told: str | None = None

    def heard_nothing(self, error: CloudError) -> None:
        """Note that the cloud did not answer."""
        log.warning("cloud_silent", error=error.sentence)
        self._since = self._since or time.time()
        if self._told is None and time.time() - self._since >= self._alert_seconds:
            self._told = f"silent:{int(self._since)}"
            self._alert(self._told, f"The cloud has not answered for a while: {error.sentence}")

    def heard(self) -> None:
        """Note that the cloud answered."""
        if self._told is not None:
            self._alert(f"back:{self._told}", "The cloud answers again.")
        self._since = self._told = None

    def _alert(self, key: str, sentence: str) -> None:
        with self._store.write() as session:
            outbox.say(session, MessageKind.ALERT, key, None, sentence=sentence)


def _spec(binder: Binder) -> RepoSpec:
    return RepoSpec(
        provider=Provider(binder.provider),
        url=binder.url,
        ref=binder.ref,
        path=binder.path,
        interface=binder.interface,
    )


def _order(binder: Binder) -> Order:
    return Order(
        binder_id=binder.id,
        provider=binder.provider,
        url=binder.url,
        ref=binder.ref,
        commit=binder.commit,
        is_tip=binder.is_tip,
        path=binder.path,
        interface=binder.interface,
        size=binder.size,
        token=binder.token,
        owner=binder.owner,
        channel=binder.channel,
        ends_at=binder.ends_at,
    )


def _write(session: Session, binder: Binder, step: Save) -> None:
    binders.save(session, binder, step.changes, next_in=step.next_in)
    if step.card is not None:
        outbox.touch_card(session, binder.id, urgent=step.card)
    for kind in step.says:
        outbox.say(session, kind, f"{kind}:{binder.id}", binder.id, **step.facts)


def _tell(binder: Binder, step: Save) -> None:
    """Log a transition once, as "from X to Y"."""
    status = step.changes.get("status", binder.status)
    target = step.changes.get("target", binder.target)
    if (status, target) != (binder.status, binder.target):
        log.info(
            "transition",
            from_status=str(binder.status),
            to_status=str(status),
            target=str(target),
            failure=step.changes.get("failure"),
        )
