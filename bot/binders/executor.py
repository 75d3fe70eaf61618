"""What a step does to the world, and what has to be written down of it. No transaction is open meanwhile."""

from contextlib import closing

import structlog

from bot.binders import actions, shelving
from bot.binders.actions import (
    Announce,
    Create,
    Expose,
    MarkEnd,
    Prune,
    Remove,
    Resolve,
    Save,
    Shelve,
    Step,
    Unshelve,
)
from bot.binders.dependencies import Dependencies
from bot.errors import (
    BinderBotError,
    CloudError,
    CloudUnreachable,
    NoCapacity,
    QuotaExceeded,
    RepositoryUnreachable,
    ResolveError,
)
from bot.interfaces import discovery
from bot.provisioning.base import Order
from bot.repositories.spec import Provider, RepoSpec
from storage import binders
from storage.models import Binder, MessageKind, Status

log = structlog.get_logger(__name__)

RESOLVE_TRIES = 3


class StepExecutor:
    """Carries out the steps that reach beyond the database.

    Args:
        parts: What is worked with.
    """

    def __init__(self, parts: Dependencies) -> None:
        self._parts = parts

    def run(self, binder: Binder, step: Step) -> Save:
        """Carry out one step.

        Returns:
            What has to be written down of it.

        Raises:
            LostLease: Another worker has the binder now.
        """
        if isinstance(step, Save):
            return step
        if isinstance(step, Announce):
            return self._announce(binder, step.url)
        if isinstance(step, Prune):
            return self._prune(binder, step.keep)
        if isinstance(step, MarkEnd):
            return self._mark_end(binder, step.next_in)
        deeds = {
            Resolve: self._resolve,
            Create: self._create,
            Expose: self._expose,
            Shelve: self._shelve,
            Unshelve: self._unshelve,
            Remove: self._remove,
        }
        return deeds[type(step)](binder)

    def _resolve(self, binder: Binder) -> Save:
        now = self._parts.store.now()
        try:
            found = self._parts.resolver.resolve(_spec(binder))
        except RepositoryUnreachable as error:
            return self._again(binder, error, tries=RESOLVE_TRIES)
        except ResolveError as error:
            return actions.fail(now, error.sentence, hint=error.hint)
        now = self._parts.store.now()
        resolved = {
            "commit": found.commit,
            "is_tip": found.is_tip,
            "ref": found.spec.ref,
            "path": found.spec.path,
        }
        entered = actions.enter(binder, Status.REQUESTED, now, stage="instance", resolved_at=now, **resolved)
        return Save(entered, card=True)

    def _create(self, binder: Binder) -> Save:
        store = self._parts.store
        order = _order(binder)
        with store.write() as session:
            if not binders.lock_if_unchanged(session, binder):
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
            return actions.fail(store.now(), error.sentence, hint=error.hint, attempt_at=None)
        changes = actions.enter(binder, Status.CREATING, store.now(), waiting_for=None, parts=dict(parts))
        return Save(changes, card=True)

    def _wait_for_room(self, binder: Binder, error: CloudError) -> Save:
        changes = {"waiting_for": error.sentence, "attempt_at": None, "retries": binder.retries + 1}
        says = () if binder.waiting_for else (MessageKind.WAITING,)
        return Save(
            changes,
            next_in=actions.backoff(binder.retries + 1),
            says=says,
            card=not binder.waiting_for or None,
        )

    def _expose(self, binder: Binder) -> Save:
        try:
            parts = self._parts.cloud.expose(binder.id, binder.parts)
        except (CloudUnreachable, NoCapacity, QuotaExceeded) as error:
            return self._again(binder, error)
        except CloudError as error:
            return actions.fail(self._parts.store.now(), error.sentence, hint=error.hint)
        moved = dict(parts) != binder.parts
        return Save({"parts": dict(parts)}, next_in=0.0 if moved else self._parts.rules.poll)

    def _announce(self, binder: Binder, url: str) -> Save:
        with closing(self._parts.server(url, binder.token)) as server:
            found = discovery.discover(server, path=binder.path, wanted=binder.interface)
        if not found:
            return Save(next_in=self._parts.rules.poll)  # it answers, but its pages are still being set up
        now = self._parts.store.now()
        back = shelving.resumed(binder, now) if binder.status == Status.UNSHELVING else {"ready_at": now}
        rows = [each.as_row() for each in found]
        fresh = {"interfaces": rows, "used_at": now, "looked_at": now, "counted_at": now}
        ready = actions.enter(binder, Status.READY, now, stage="server", **fresh, **back)
        absent = binder.interface and found[0].kind not in {binder.interface, "custom"}
        facts = {"absent": discovery.label(binder.interface)} if binder.interface and absent else {}
        return Save(ready, says=(MessageKind.READY, MessageKind.LINKS), card=True, facts=facts)

    def _shelve(self, binder: Binder) -> Save:
        try:
            parts = self._parts.cloud.shelve(binder.id, binder.parts)
        except CloudUnreachable as error:
            return self._again(binder, error)
        except CloudError as error:
            log.warning("not_shelved", error=error.sentence)
            return shelving.not_put_away(binder, self._parts.store.now())
        return Save({"parts": dict(parts)}, next_in=self._parts.rules.poll)

    def _unshelve(self, binder: Binder) -> Save:
        now = self._parts.store.now()
        asked = binder.attempt_at is not None
        try:
            if asked and self._parts.cloud.unshelve_failed(binder.parts):
                sentence = "The cloud could not give its instance back."
                return shelving.not_resumed(binder, now, sentence, self._parts.rules)
            if not asked:
                self._parts.cloud.unshelve(binder.parts)
        except CloudUnreachable as error:
            return self._again(binder, error)
        except CloudError as error:
            return shelving.not_resumed(binder, now, error.sentence, self._parts.rules)
        return Save({"attempt_at": now, "retries": 0}, next_in=self._parts.rules.poll)

    def _prune(self, binder: Binder, keep: str) -> Save:
        try:
            self._parts.cloud.prune(binder.id, keep)
        except CloudError as error:
            return self._again(binder, error)
        log.warning("twin_removed", kept=keep)
        return Save({"retries": 0}, next_in=self._parts.rules.poll)

    def _mark_end(self, binder: Binder, next_in: float) -> Save:
        try:
            self._parts.cloud.mark_end(binder.parts, binder.ends_at)
        except CloudError as error:
            log.warning("end_not_marked", error=error.sentence)
        return Save(next_in=next_in)

    def _remove(self, binder: Binder) -> Save:
        try:
            nothing_left = self._parts.cloud.remove(binder.id, binder.parts)
        except CloudError as error:
            return self._again(binder, error)
        if nothing_left:
            # What was found and removed is what the attempt made: nothing more can come of it.
            found = {"attempt_at": None} if "server" in binder.parts else {}
            return Save({"parts": {}, "retries": 0} | found)
        return Save({"retries": 0}, next_in=min(self._parts.rules.poll, 1.0))

    def _again(self, binder: Binder, error: BinderBotError, *, tries: int | None = None) -> Save:
        """Try a step again later; with `tries`, fail after that many."""
        retries = binder.retries + 1
        if tries is not None and retries >= tries:
            return actions.fail(self._parts.store.now(), error.sentence, hint=error.hint)
        log.warning("step_put_off", status=binder.status, retries=retries, error=error.sentence)
        return Save({"retries": retries}, next_in=actions.backoff(retries))


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
        team=binder.team_id,
        name=binder.name,
    )
