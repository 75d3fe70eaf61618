"""From what a cloud is asked to make to what the agent is told."""

from bot.provisioning.agent.task import Task
from bot.provisioning.base import Order

EXTRAS = {"nteract": "nteract_on_jupyter", "voila": "voila", "nbclassic": "nbclassic"}
"""Interfaces that are added where they are asked for, and the package that brings them."""


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
        extra=EXTRAS.get(order.interface or ""),
        token=order.token,
    )
