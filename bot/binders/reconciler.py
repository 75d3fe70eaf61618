"""Drives every binder towards what its row says it should be: claim, observe, plan, act, save.

Level-triggered, as a Kubernetes controller is: nothing depends on having seen a change happen, so any process
may die at any line, and any other (or the same one, started again) goes on from the row and the cloud.

No transaction is open while the network is asked anything.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial

import structlog
from sqlalchemy.orm import Session

from bot.binders import conclusions, launch_history, transitions
from bot.binders.dependencies import BinderServer, Dependencies, Submit
from bot.binders.executor import ActionExecutor
from bot.binders.observation import (
    Observation,
    ObservedUse,
    wants_answer,
    wants_look,
    wants_report,
    wants_survey,
)
from bot.binders.outage import OutageAlert
from bot.binders.updates import Update
from bot.errors import CloudError, CloudUnreachable, LostLease, ServerError, UnreadableSecret
from bot.provisioning.instances import Survey
from storage import binders, launch_times, leaks, leases, notices, outbox
from storage.history_models import LaunchTime
from storage.models import Binder
from storage.vocabulary import Activity, MessageKind, Status, Target

log = structlog.get_logger(__name__)

CLAIM_LIMIT = 10_000
"""How many binders one tick claims at most. One at which nothing happens costs one row of one statement."""
LOOKS_AT_ONCE = 4
"""How many ready servers are asked about their use at once: one that does not answer takes seconds."""
STEPS_AT_ONCE = 64
"""How many binders are worked on at once, those that wait for a worker included."""
LOOK_AGAIN_SECONDS = 1.0
"""How soon a binder is due again if too many others are being worked on."""
SWEEP_LEASE_SECONDS = 50.0
STRAY_SECONDS = 30.0
"""Between the two sightings of something that belongs to no binder, before it is deleted."""
_EACH_TIME = frozenset({MessageKind.READY, MessageKind.LINKS})
"""What is said again each time that a binder is resumed."""


class Reconciler:
    """Takes one small step at a time for each binder that is due.

    Args:
        dependencies: What it works with.
        submit: How work is done; at once where none is given.
        nudge: Called when there may be more to do already.
        expect: Called with a binder whose server should answer before long.
    """

    def __init__(
        self,
        dependencies: Dependencies,
        *,
        submit: Submit | None = None,
        nudge: Callable[[], None] | None = None,
        expect: Callable[[Binder], None] | None = None,
    ) -> None:
        self._dependencies = dependencies
        self._submit: Submit = submit or (lambda work: work())
        self._nudge = nudge or (lambda: None)
        self._expect = expect or (lambda _: None)
        self._outage = OutageAlert(dependencies.store, dependencies.unreachable_alert)
        self._executor = ActionExecutor(dependencies)
        self._under_way = UnderWay()

    def tick(self) -> int:
        """Take a step for every binder that is due, with one listing of the cloud for all of them.

        Returns:
            How many were due.
        """
        with self._dependencies.store.write() as session:
            due = binders.claim(
                session, self._dependencies.worker, limit=CLAIM_LIMIT, lease_seconds=self._dependencies.lease
            )
        if not due:
            return 0
        # After the claim, so that what is observed is never older than what is known.
        survey = self._survey() if any(wants_survey(binder) for binder in due) else None
        observations = self._first_sight(due, survey)
        now = self._dependencies.store.now()
        begun = [(each, self._begin_or_pause(each, observations[each.id], now)) for each in due]
        if pauses := [(binder, pause) for binder, pause in begun if pause is not None]:
            with self._dependencies.store.write() as session:
                binders.reschedule(session, pauses)
        return len(due)

    def renew(self) -> None:
        """Keep the leases of the binders that are being worked on, until their steps are done."""
        with self._dependencies.store.write() as session:
            binders.renew(session, self._dependencies.worker, self._under_way.ids(), self._dependencies.lease)

    def sweep(self) -> None:
        """Remove what carries this deployment's mark but belongs to no binder, if it was seen twice."""
        with self._dependencies.store.write() as session:
            if not leases.take(session, "sweep", self._dependencies.worker, SWEEP_LEASE_SECONDS):
                return
        survey = self._survey()
        if survey is None:
            return
        seen = {*survey.instances, *survey.strays, *self._unproven_images()}
        with self._dependencies.store.write() as session:
            # Whoever bakes an image holds a lease of the name by which its machines are marked.
            strays = binders.unknown_or_gone(session, seen) - leases.held(session, seen)
            certain = leaks.confirm(session, strays, twice_after=STRAY_SECONDS)
        for binder_id in sorted(certain):
            self._remove_stray(binder_id)

    def take_over(self) -> None:
        """End the leases of an earlier process, if no other process can be alive."""
        if not self._dependencies.store.shared:
            with self._dependencies.store.write() as session:
                binders.release_all(session)

    def release(self) -> None:
        """Hand this worker's leases back."""
        with self._dependencies.store.write() as session:
            binders.release(session, self._dependencies.worker)

    def _remove_stray(self, binder_id: str) -> None:
        try:
            nothing_left = self._dependencies.cloud.remove(binder_id, {})
        except CloudError as error:
            log.warning("stray_not_removed", binder=binder_id, error=error.sentence)
        else:
            log.info("stray_removed", binder=binder_id, nothing_left=nothing_left)

    def _unproven_images(self) -> frozenset[str]:
        try:
            return self._dependencies.cloud.unproven_images()
        except CloudError as error:  # they cost little, and nobody waits for their removal
            log.warning("images_not_listed", error=error.sentence)
            return frozenset()

    def _survey(self) -> Survey | None:
        try:
            survey = self._dependencies.cloud.survey()
        except CloudError as error:
            self._outage.failed(error)
            return None
        self._outage.recovered()
        return survey

    def _begin_or_pause(self, binder: Binder, observation: Observation, now: float) -> float | None:
        """Begin to work on a binder; if there is nothing to do, or no room, return the seconds to wait."""
        timeouts = self._dependencies.timeouts
        is_look = wants_look(binder, now, timeouts)
        if not (is_look or wants_report(binder) or wants_answer(binder)):
            step = transitions.plan(binder, observation, now, timeouts)
            if isinstance(step, Update) and step.is_quiet:
                return step.next_in
        if not self._under_way.begin(binder.id, is_look=is_look):
            return LOOK_AGAIN_SECONDS
        self._submit(lambda: self._work(binder, observation))
        return None

    def _work(self, binder: Binder, observation: Observation) -> None:
        """Take one step for one binder; an error in it does not reach the others."""
        with structlog.contextvars.bound_contextvars(binder=binder.id):
            try:
                self._step(binder, observation)
            except LostLease:
                log.info("lost_lease", status=binder.status)
            except UnreadableSecret as error:
                log.error("secret_unreadable", error=error.sentence)  # noqa: TRY400 - the sentence says it
                self._after_break(binder, partial(conclusions.after_unreadable, binder, error))
            except Exception:
                log.exception("step_broke", status=binder.status, retries=binder.retries)
                self._after_break(binder, partial(conclusions.after_break, binder))
            finally:
                self._under_way.end(binder.id)

    def _after_break(self, binder: Binder, decide: Callable[[float], Update]) -> None:
        try:
            self._save(binder, decide(self._dependencies.store.now()))
        except LostLease:
            log.info("lost_lease", status=binder.status)
        except Exception:  # the row's lease ends by itself, and another try follows
            log.exception("break_not_saved")

    def _step(self, binder: Binder, observation: Observation) -> None:
        observation = self._look_closer(binder, observation)
        store, timeouts = self._dependencies.store, self._dependencies.timeouts
        step = transitions.plan(binder, observation, store.now(), timeouts)
        if isinstance(step, Update):
            self._save(binder, step)
            return
        action = type(step).__name__
        log.info("reconciling", name=binder.name, status=binder.status, target=binder.target, action=action)
        result = self._executor.run(binder, step)
        self._save(binder, conclusions.conclude(binder, step, result, store.now(), timeouts))

    # Observe ---------------------------------------------------------------------------------------------

    def _first_sight(self, due: Sequence[Binder], survey: Survey | None) -> Mapping[str, Observation]:
        """What one listing and three queries show about all of them."""
        warned = [each.id for each in due if each.status in transitions.WARNED]
        ending = [each.id for each in due if each.target == Target.GONE]
        with self._dependencies.store.read() as session:
            given = notices.of(session, warned)
            saving = outbox.being_saved(session, ending)
            expected = launch_history.expected(
                session, due, keeps_images=self._dependencies.cloud.keeps_images
            )
        return {
            each.id: replace(
                _observation(each, survey),
                notices=given.get(each.id, ()),
                saving=each.id in saving,
                expected=expected.get(each.id),
            )
            for each in due
        }

    def _look_closer(self, binder: Binder, observation: Observation) -> Observation:
        """Add what only the instance itself, or its server, can tell.

        If its secrets cannot be opened, nothing is added. Deadlines and what people want count all the same.
        """
        try:
            return self._ask_instance(binder, observation)
        except UnreadableSecret as error:
            log.error("secret_unreadable", error=error.sentence)  # noqa: TRY400 - the sentence says it
            return observation

    def _ask_instance(self, binder: Binder, observation: Observation) -> Observation:
        if not observation.known or observation.instance is None:
            return observation
        if wants_look(binder, self._dependencies.store.now(), self._dependencies.timeouts):
            return replace(observation, use=self._use(binder))
        if wants_report(binder):
            with suppress(CloudUnreachable):
                observation = replace(
                    observation, report=self._dependencies.cloud.report(observation.instance)
                )
        if wants_answer(binder) and binder.server_url:
            with closing(self._dependencies.server(binder.server_url, binder.token)) as server:
                observation = replace(observation, answers=server.is_alive())
            if not observation.answers:
                self._expect(binder)
        return observation

    def _use(self, binder: Binder) -> ObservedUse | None:
        if not binder.server_url:
            return None
        with closing(self._dependencies.server(binder.server_url, binder.token)) as server:
            try:
                usage = server.usage()
                changed = self._changed_files(binder, server)
            except ServerError as error:
                log.info("use_unknown", error=error.sentence)
                return None
        return ObservedUse(Activity(usage.kind), usage.used_at, changed)

    def _changed_files(self, binder: Binder, server: BinderServer) -> int | None:
        """Count them now and then, and only if the server was used since the last count."""
        since = binder.saved_at or binder.ready_at
        used = binder.used_at is not None and binder.used_at > binder.counted_at
        if (
            since is None
            or not used
            or self._dependencies.store.now() - binder.counted_at < self._dependencies.timeouts.count
        ):
            return None
        return self._dependencies.count(server, since)

    # Save ------------------------------------------------------------------------------------------------

    def _save(self, binder: Binder, update: Update) -> None:
        launch = None
        with self._dependencies.store.write() as session:
            if binders.lock_if_unchanged(session, binder):
                launch = _write(session, binder, update)
                if _becomes_ready(binder, update):
                    self._dependencies.images.note_ready(session, binder)
            else:
                # What a person changed meanwhile makes the plan stale, but not what was made in the cloud.
                kept = (
                    {"resource_ids": update.changes["resource_ids"]}
                    if "resource_ids" in update.changes
                    else {}
                )
                binders.save(session, binder, kept, next_in=0.0)
        if launch is not None:
            self._dependencies.note_launch(launch, update.changes.get("failure_code") or binder.failure_code)
        _tell(binder, update)
        if update.next_in <= 0:
            self._nudge()


class UnderWay:
    """The binders that this process is working on, up to a limit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_look: dict[str, bool] = {}

    def begin(self, binder_id: str, *, is_look: bool) -> bool:
        """Begin to work on a binder; False if there is no room. Looks at ready binders have a lower limit."""
        with self._lock:
            full = (
                sum(self._is_look.values()) >= LOOKS_AT_ONCE
                if is_look
                else len(self._is_look) >= STEPS_AT_ONCE
            )
            if not full:
                self._is_look[binder_id] = is_look
            return not full

    def end(self, binder_id: str) -> None:
        """Note that the work on it is done."""
        with self._lock:
            self._is_look.pop(binder_id, None)

    def ids(self) -> list[str]:
        """All of them."""
        with self._lock:
            return list(self._is_look)


def _observation(binder: Binder, survey: Survey | None) -> Observation:
    if survey is None:
        return Observation(known=False)
    kept = binder.resource_ids.get("server")
    return Observation(
        instances=tuple(sorted(survey.of(binder.cloud_id), key=lambda each: each.ref != kept)),
        leftovers=survey.leaves(binder.cloud_id),
    )


def _write(session: Session, binder: Binder, update: Update) -> LaunchTime | None:
    """Write what was found out, and what Slack is owed; how the launch went, where this is its end."""
    binders.save(session, binder, update.changes, next_in=update.next_in)
    if binder.is_warm:  # it is nobody's yet
        return None
    if launch := launch_history.measured(binder, update.changes):
        launch_times.add(session, launch)
    if update.card is not None:
        outbox.touch_card(session, binder.id, urgent=update.card)
    if update.settles is not None:
        notices.settle(session, binder.id, update.settles, only=update.settled)
    if update.warns is not None:
        notices.warn(session, binder.id, update.warns.reason, update.warns.deadline, update.warns.lead)
    for kind in update.says:
        outbox.say(session, kind, _key(binder, update, kind), binder.id, **update.facts)
    return launch


def _becomes_ready(binder: Binder, update: Update) -> bool:
    """Whether it is ready for the first time: what it was built as is known then."""
    is_first = binder.status in {Status.BOOTING, Status.BUILDING}
    return is_first and update.changes.get("status") == Status.READY


def _key(binder: Binder, update: Update, kind: MessageKind) -> str:
    """A key under which it is said once for each binder, or once each time that it is shelved or resumed."""
    if kind == MessageKind.SHELVED:
        return f"{kind}:{binder.id}:{binder.resumes}:{binder.generation}"
    resumes = update.changes.get("resumes", binder.resumes)
    return f"{kind}:{binder.id}:{resumes}" if resumes and kind in _EACH_TIME else f"{kind}:{binder.id}"


def _tell(binder: Binder, update: Update) -> None:
    """Log a transition once, as "from X to Y"."""
    status = update.changes.get("status", binder.status)
    target = update.changes.get("target", binder.target)
    if (status, target) != (binder.status, binder.target):
        log.info(
            "transition",
            from_status=str(binder.status),
            to_status=str(status),
            target=str(target),
            failure=update.changes.get("failure"),
        )
