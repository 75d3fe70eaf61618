"""What a binder costs: its price for the hours that its instance ran. Pure; the only formula for it."""

from storage.models import Binder
from storage.vocabulary import Status


def cost(binder: Binder, now: float, since: float = 0.0) -> float:
    """What it has cost so far, in the site's unit.

    Args:
        binder: Its row.
        now: Unix seconds, UTC.
        since: Only what it cost after this moment; see `ran_seconds`.
    """
    return ran_seconds(binder, now, since) / 3600 * (binder.price_per_hour or 0.0)


def ran_seconds(binder: Binder, now: float, since: float = 0.0) -> float:
    """For how long it was ready, without the time for which it was shelved.

    Args:
        binder: Its row.
        now: Unix seconds, UTC. Only the time before this moment counts.
        since: Only the time after this moment counts. The time for which it was shelved counts as if it had
            been at the beginning: the row does not say when it was.
    """
    if binder.ready_at is None:
        return 0.0
    until = binder.status_since if binder.status == Status.SHELVED else (binder.ended_at or now)
    return max(min(until, now) - max(_ready_since(binder, binder.ready_at), since), 0.0)


def spent_at(binder: Binder) -> float | None:
    """When it reaches its budget if it runs on, in Unix seconds UTC; None where nothing limits its cost."""
    if binder.ready_at is None or not binder.price_per_hour or binder.budget is None:
        return None
    return _ready_since(binder, binder.ready_at) + 3600 * binder.budget / binder.price_per_hour


def _ready_since(binder: Binder, ready_at: float) -> float:
    """Since when it would have been ready if it had never been shelved."""
    return ready_at + (binder.shelved_seconds or 0.0)
