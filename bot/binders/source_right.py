"""When an instance is given the right to fetch its repository, and when it loses it again. Pure.

The agent of a launch that needs a right reports that it fetches, and waits. The right is left for it then,
and taken back once it reports anything later. Before and after, nothing of it is in the cloud.
"""

from bot.binders.actions import Action, GiveRight, WithdrawRight
from bot.binders.observation import Observation
from bot.provisioning.instances import Phase
from storage.models import Binder
from storage.vocabulary import Status

RENEW_SECONDS = 3000.0
"""How long an instance may fetch with one right: GitHub's are good for an hour."""
_HAS_FETCHED = frozenset({Phase.PULLING, Phase.BUILDING, Phase.STARTING, Phase.SERVING, Phase.FAILED})


def step(binder: Binder, observation: Observation, now: float) -> Action | None:
    """Name what is due for the right of an instance; None where nothing is."""
    if not binder.needs_right or observation.instance is None:
        return None
    phase = observation.report.phase if observation.report is not None else None
    if binder.right_at is not None and (phase in _HAS_FETCHED or binder.status == Status.READY):
        return WithdrawRight()
    is_due = binder.right_at is None or now - binder.right_at > RENEW_SECONDS
    is_at_work = binder.status in {Status.BOOTING, Status.BUILDING}
    return GiveRight() if is_at_work and is_due and phase == Phase.FETCHING else None
