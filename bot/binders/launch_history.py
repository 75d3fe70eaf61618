"""The history of launches: what is written down of each, and what it tells of those under way."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from bot.binders import expectations, stages
from bot.binders.expectations import BUILT, KEPT, NEWEST, PULLED, Expectation, PastLaunches
from bot.interfaces import catalogue
from storage import launch_times
from storage.history_models import LaunchTime, PastLaunch
from storage.launch_times import MOST_SEARCHES, Search
from storage.models import Binder, Ending

_SEARCHES_EACH = 4
MOST_AT_ONCE = MOST_SEARCHES // _SEARCHES_EACH
"""How many launches are compared with the history in one tick; the next tick takes the others."""


def expected(session: Session, due: Sequence[Binder], *, keeps_images: bool) -> Mapping[str, Expectation]:
    """What to expect of each binder for which that has to be found out, by its id: one query for all.

    Args:
        session: An open transaction.
        due: The binders that are looked at.
        keeps_images: See `expectations.expect`.
    """
    asking = [each for each in due if not each.is_warm and expectations.is_open(each)][:MOST_AT_ONCE]
    searches = {each.id: _searches(each) for each in asking}
    found = launch_times.newest(
        session, [search for group in searches.values() for search in group.values()], limit=NEWEST
    )
    return {
        each.id: expectations.expect(each, _past(found, searches[each.id]), keeps_images=keeps_images)
        for each in asking
    }


def measured(binder: Binder, changes: Mapping[str, Any]) -> LaunchTime | None:
    """What is written down of a launch that becomes ready, or fails, with these changes; None for all others.

    A launch that somebody ended is no measurement, and neither is a binder that was resumed or recovered.
    """
    is_ready, has_failed = "ready_at" in changes, changes.get("ending") == Ending.FAILED
    begun = changes.get("stages", binder.stages) or {}
    is_launch = binder.ready_at is None and "repository" in begun  # else its beginning is not known
    if not is_launch or not (is_ready or has_failed):
        return None
    ended_at = changes["ready_at"] if is_ready else changes["ended_at"]
    taken = stages.seconds(begun, ended_at)
    return LaunchTime(
        binder_id=binder.id,
        team_id=binder.team_id,
        owner=binder.owner,
        source=binder.url,
        repository=_repository(binder),
        build=_build(binder),
        build_key=str((binder.image or {}).get("key", "")),
        kind=expectations.kind_of(binder),
        size=binder.size,
        how=_how(binder, begun) if is_ready else "",
        is_warm=expectations.is_warm(binder),
        failed_in=None if is_ready else stages.current(begun),
        stages={name: round(seconds, 3) for name, seconds in taken.items()},
        seconds=round(expectations.total(taken), 3),
        ended_at=ended_at,
    )


def _how(binder: Binder, begun: Mapping[str, Any]) -> str:
    """How it got its image; a build that was too quick to be seen fetched its repository at least."""
    return expectations.how_seen(binder) or (BUILT if "fetch" in begun else KEPT)


def _searches(binder: Binder) -> Mapping[str, Search]:
    """What to look for. What a person launched in private counts only for their other private launches.

    How long repositories of a kind take tells of no repository, so private launches count there as well.
    """
    build, repository = _build(binder), _repository(binder)
    private_of = binder.owner if binder.is_private else ""  # not known yet: it may be public
    warm = expectations.is_warm(binder)
    searches = {
        "found": Search("build", build, (KEPT, PULLED), warm, private_of),
        "built": Search("build", build, (BUILT,), warm, private_of),
        "repository": Search("repository", repository, (BUILT,), warm, private_of),
    }
    if kind := expectations.kind_of(binder):
        searches["kind"] = Search("kind", kind, (expectations.how_seen(binder) or BUILT,), warm, None)
    return searches


def _past(found: Mapping[Search, Sequence[PastLaunch]], searches: Mapping[str, Search]) -> PastLaunches:
    return PastLaunches(**{name: found[search] for name, search in searches.items()})


def _repository(binder: Binder) -> str:
    return _digest(binder.team_id, binder.provider, binder.url)


def _build(binder: Binder) -> str:
    """Stands for the key of an image before there is one. The folder that is built is not known by then."""
    added = catalogue.package(binder.interface)
    return _digest(_repository(binder), binder.commit, added, bool(binder.without_conda))


def _digest(*parts: str | bool | None) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
