"""From what a cloud is asked to make to what the agent is told."""

from bot.provisioning.agent.task import Task
from bot.provisioning.base import Order


def task_of(order: Order) -> Task:
    """What the agent needs to know of an order; who ordered it is none of that."""
    return Task(
        binder_id=order.binder_id,
        provider=order.provider,
        url=order.url,
        ref=order.ref,
        commit=order.commit,
        is_tip=order.is_tip,
        path=order.path,
        extra=order.extra or None,
        token=order.token,
    )
