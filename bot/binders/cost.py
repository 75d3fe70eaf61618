"""What a binder costs: its price for the hours that its instance ran. Pure; the only formula for it."""

from storage.models import Binder
from storage.vocabulary import Status


def cost(binder: Binder, now: float) -> float:
    """What it has cost so far, in the site's unit.

    Args:
        binder: Its row.
        now: Unix seconds, UTC.
    """
    began = _paid_since(binder)
    if began is None:
        return 0.0
    until = binder.status_since if binder.status == Status.SHELVED else (binder.ended_at or now)
    return max(until - began, 0.0) / 3600 * binder.price_per_hour


def spent_at(binder: Binder) -> float | None:
    """When it reaches its budget if it runs on, in Unix seconds UTC; None where nothing limits its cost."""
    began = _paid_since(binder)
    if began is None or binder.budget is None:
        return None
    return began + 3600 * binder.budget / binder.price_per_hour


def _paid_since(binder: Binder) -> float | None:
    """Since when it would have run if it had never been shelved; None where it costs nothing yet."""
    if binder.ready_at is None or not binder.price_per_hour:
        return None
    return binder.ready_at + (binder.shelved_seconds or 0.0)
