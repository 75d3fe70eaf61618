"""Ending a binder whose time is over, and the warning before. Pure."""

from bot.binders import deadlines
from bot.binders.observation import Observation
from bot.binders.timeouts import Timeouts
from bot.binders.updates import Update, end
from storage.models import Binder
from storage.vocabulary import Ending, MessageKind, Outcome, Reason


def expired(binder: Binder, now: float, reason: Reason, timeouts: Timeouts) -> Update:
    """End a binder; its changes are saved to its thread first, where the site wants it."""
    saves = timeouts.saves_expired and binder.changed_files > 0
    return end(now, Ending.EXPIRED, says=(MessageKind.ARCHIVE,) if saves else (), ended_for=reason)


def watch(
    binder: Binder, observation: Observation, now: float, timeouts: Timeouts, *, next_look: float
) -> Update:
    """Give a notice that is due, withdraw outdated ones, and look again in `next_look` seconds or sooner."""
    outdated = tuple(notice.id for notice in deadlines.outdated(binder, observation.notices))
    until_next = deadlines.pause(binder, observation.notices, now, timeouts.policy)
    return Update(
        {"missing_since": None} if binder.missing_since is not None else {},
        next_in=min(next_look, until_next),
        warns=deadlines.due_notice(binder, observation.notices, now, timeouts.policy),
        settles=Outcome.WITHDRAWN if outdated else None,
        settled=outdated or None,
    )
