"""Carries out actions, and reports how they went. Decides nothing about the binder.

No transaction is open while the network is used.
"""

from contextlib import closing
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy.orm import Session

from bot.access.reading import ReaderResolver
from bot.access.rights import reader_of
from bot.binders.actions import (
    Action,
    Announce,
    Create,
    Done,
    Expose,
    Failed,
    GiveRight,
    InterfacesFound,
    MarkEnd,
    Order,
    Prune,
    Remove,
    Removed,
    RepositoryFound,
    Resolve,
    Result,
    Shelve,
    StepTaken,
    Superseded,
    Unshelve,
    UnshelveAsked,
    WarmTaken,
    WithdrawRight,
)
from bot.binders.dependencies import Dependencies
from bot.errors import CannotBuild, CloudError, ResolveError
from bot.interfaces import catalogue, discovery
from bot.provisioning.agent.git_right import INSTRUCTION
from bot.provisioning.agent.instructions import MAX_TEXT
from bot.provisioning.agent.sealing import seal, token_of
from bot.provisioning.instances import InstanceSpec
from bot.provisioning.tasks import order_text
from bot.repositories.spec import Provider, RepoSpec
from storage import binders, warm
from storage.models import Binder

log = structlog.get_logger(__name__)


class ActionExecutor:
    """Carries out the actions that reach beyond the database.

    Args:
        dependencies: What is worked with.
    """

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies
        self._cloud = dependencies.cloud
        self._methods: dict[type[Action], Any] = {
            Resolve: self._resolve,
            Create: self._create,
            Order: self._give_order,
            GiveRight: self._give_right,
            WithdrawRight: self._withdraw_right,
            Expose: self._expose,
            Announce: self._announce,
            Shelve: self._shelve,
            Unshelve: self._unshelve,
            MarkEnd: self._mark_end,
            Prune: self._prune,
            Remove: self._remove,
        }

    def run(self, binder: Binder, action: Action) -> Result:
        """Carry out one action.

        Returns:
            How it went; `Failed` with the reason where the cloud or the repository's host refused.

        Raises:
            LostLease: Another worker has the binder now.
        """
        try:
            result: Result = self._methods[type(action)](binder, action)
        except (CloudError, ResolveError) as error:
            log.warning("action_failed", action=type(action).__name__, error=error.sentence)
            return Failed(error)
        return result

    def _resolve(self, binder: Binder, _: Resolve) -> Result:
        reads = ReaderResolver(self._dependencies.resolver, self._dependencies.rights, reader_of(binder))
        found = reads.resolve(_spec(binder))
        self._dependencies.check_repository(binder.url, *found.places)
        return RepositoryFound(
            found.commit, found.is_tip, found.spec.ref, found.spec.path, needs_right=found.needs_right
        )

    def _create(self, binder: Binder, _: Create) -> Result:
        store, spec = self._dependencies.store, self._spec_of(binder)
        if not binder.is_warm:  # it may have been banned since it was resolved, or a seat's class began
            self._dependencies.check_repository(binder.url)
        if binder.needs_right:  # likewise, and what is built already is fetched by nobody
            self._dependencies.rights.require(binder.url, reader_of(binder))
        with store.write() as session:
            if not binders.lock_if_unchanged(session, binder):
                return Superseded()
            if self._took_warm(session, binder, spec):
                return WarmTaken()
            binders.save(session, binder, {"attempt_at": store.now(), "has_image": _has_image(spec)})
        return StepTaken(self._cloud.create(spec))

    def _spec_of(self, binder: Binder) -> InstanceSpec:
        """What to make, or to tell, with the images that it may take. A warm instance takes none yet."""
        images = None if binder.is_warm else self._dependencies.images.access(binder)
        return replace(_order(binder), images=images)

    def _took_warm(self, session: Session, binder: Binder, spec: InstanceSpec) -> bool:
        """Take a warm instance for a launch, where one waits: it leaves the pool as the launch gets it."""
        if binder.is_warm or binder.warm_failed or not self._cloud.can_wait:
            return False
        instance = warm.take(session, binder.size)
        if instance is not None:
            binders.save(session, binder, _taken(binder, instance) | {"has_image": _has_image(spec)})
            log.info("warm_instance_taken", instance=instance.id)
        return instance is not None

    def _give_order(self, binder: Binder, _: Order) -> Result:
        spec = self._spec_of(binder)
        text = seal(order_text(spec), binder.secret, "order")
        if len(text) > MAX_TEXT:
            raise CannotBuild("The address, ref and path of this repository are too long for an order.")
        self._cloud.order(binder.resource_ids, spec, text)
        return Done()

    def _give_right(self, binder: Binder, _: GiveRight) -> Result:
        """Find out anew whether the person may still read it, and leave a fresh right for the instance."""
        right = self._dependencies.rights.require(binder.url, reader_of(binder))
        sealed = seal(right.as_text(), binder.secret, INSTRUCTION)
        self._cloud.instruct(binder.cloud_id, binder.resource_ids, INSTRUCTION, sealed)
        return Done()

    def _withdraw_right(self, binder: Binder, _: WithdrawRight) -> Result:
        self._cloud.withdraw(binder.cloud_id, binder.resource_ids, INSTRUCTION)
        return Done()

    def _expose(self, binder: Binder, _: Expose) -> Result:
        return StepTaken(self._cloud.expose(binder.cloud_id, binder.resource_ids))

    def _announce(self, binder: Binder, action: Announce) -> Result:
        with closing(self._dependencies.server(action.url, binder.token)) as server:
            links = discovery.discover(server, path=binder.path, wanted=binder.interface)
            return InterfacesFound(tuple(links), server.collaborates() if links else None)

    def _shelve(self, binder: Binder, _: Shelve) -> Result:
        return StepTaken(self._cloud.shelve(binder.cloud_id, binder.resource_ids))

    def _unshelve(self, binder: Binder, _: Unshelve) -> Result:
        if binder.attempt_at is not None:
            return UnshelveAsked(is_lost=self._cloud.unshelve_failed(binder.resource_ids))
        self._cloud.unshelve(binder.resource_ids)
        return UnshelveAsked(is_lost=False)

    def _mark_end(self, binder: Binder, _: MarkEnd) -> Result:
        self._cloud.mark_end(binder.resource_ids, binder.ends_at)
        return Done()

    def _prune(self, binder: Binder, action: Prune) -> Result:
        self._cloud.prune(binder.cloud_id, action.keep)
        log.warning("twin_removed", kept=action.keep)
        return Done()

    def _remove(self, binder: Binder, _: Remove) -> Result:
        return Removed(nothing_left=self._cloud.remove(binder.cloud_id, binder.resource_ids))


def _spec(binder: Binder) -> RepoSpec:
    return RepoSpec(
        provider=Provider(binder.provider),
        url=binder.url,
        ref=binder.ref,
        path=binder.path,
        interface=binder.interface,
    )


def _has_image(spec: InstanceSpec) -> bool:
    return spec.images is not None and bool(spec.images.images)


def _taken(binder: Binder, instance: Binder) -> dict[str, Any]:
    """Collect what a launch gets with a warm instance. The token is made on both sides, and never travels."""
    return {
        "instance_id": instance.id,
        "resource_ids": instance.resource_ids,
        "server_url": instance.server_url,
        "secret": instance.secret,
        "token": token_of(instance.secret, binder.id),
        "attempt_at": None,
        "ordered_at": None,
    }


def _order(binder: Binder) -> InstanceSpec:
    return InstanceSpec(
        binder_id=binder.id,
        provider=binder.provider,
        url=binder.url,
        ref=binder.ref,
        commit=binder.commit,
        is_tip=binder.is_tip,
        path=binder.path,
        interface=binder.interface,
        extra=catalogue.package(binder.interface),
        size=binder.size,
        token=binder.token,
        owner=binder.owner,
        channel=binder.channel,
        ends_at=binder.ends_at,
        team=binder.team_id,
        name=binder.name,
        without_conda=binder.without_conda,
        secret=binder.secret,
        rebuild=binder.rebuild,
        needs_right=binder.needs_right,
    )
