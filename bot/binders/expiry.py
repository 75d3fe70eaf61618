"""Ending a binder whose time is over, and the warning before. Pure."""

from bot.binders import deadlines
from bot.binders.actions import Observation, Save, Timeouts, end
from storage.models import Binder, Ending, MessageKind, Outcome, Reason


def expired(binder: Binder, now: float, reason: Reason, rules: Timeouts) -> Save:
    """End a binder; its changes are saved to its thread first, where the site wants it."""
    saves = rules.saves_expired and binder.changed_files > 0
    return end(now, Ending.EXPIRED, says=(MessageKind.ARCHIVE,) if saves else (), ended_for=reason)


def watch(binder: Binder, seen: Observation, now: float, rules: Timeouts, *, next_look: float) -> Save:
    """Warn of what is due, withdraw what is no more, and look again in `next_look` seconds, or sooner."""
    outdated = tuple(notice.id for notice in deadlines.outdated(binder, seen.notices))
    until_next = deadlines.pause(binder, seen.notices, now, rules.policy)
    return Save(
        {"missing_since": None} if binder.missing_since is not None else {},
        next_in=min(next_look, until_next),
        warns=deadlines.due(binder, seen.notices, now, rules.policy),
        settles=Outcome.WITHDRAWN if outdated else None,
        settled=outdated or None,
    )
