"""From what a cloud is asked to make to what the agent is told."""

import json

from bot.provisioning.agent.task import Task, order_of
from bot.provisioning.instances import InstanceSpec


def task_of(spec: InstanceSpec) -> Task:
    """What the agent needs to know of an instance. Who asked for it is none of its business."""
    return Task(
        binder_id=spec.binder_id,
        provider=spec.provider,
        url=spec.url,
        ref=spec.ref,
        commit=spec.commit,
        is_tip=spec.is_tip,
        path=spec.path,
        extra=spec.extra or None,
        token=spec.token,
        secret=spec.secret,
        without_conda=spec.without_conda,
        rebuild=spec.rebuild,
        images=spec.images,
        needs_right=spec.needs_right,
    )


def order_text(spec: InstanceSpec) -> str:
    """What a waiting instance is told: its task, without what it knows or finds out itself."""
    return json.dumps(order_of(task_of(spec)))
