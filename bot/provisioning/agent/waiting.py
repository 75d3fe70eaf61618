"""Waiting for an order: what a warm instance does until it is told what to serve.

Until then it runs no code of anybody, and nothing answers on its port.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.provisioning.agent import instructions
from bot.provisioning.agent.commands import wait_until
from bot.provisioning.agent.egress import check_egress
from bot.provisioning.agent.engine import Engine
from bot.provisioning.agent.failures import Failure, FailureCode
from bot.provisioning.agent.firewall import close_metadata_service
from bot.provisioning.agent.phases import Phase
from bot.provisioning.agent.task import Task, ordered
from bot.provisioning.agent.tools import require_tools

if TYPE_CHECKING:
    from bot.provisioning.agent.job import Job


def await_order(job: Job) -> Task:
    """Prepare the machine, and wait as long as it takes. Whoever calls this writes the task down.

    Raises:
        Failure: The machine cannot be prepared, or cannot be told anything.
    """
    _prepare(job)
    job.reporter.begin(Phase.WAITING, "Waiting for an order")
    while True:
        order = instructions.read(job, "order")
        if order is not None:
            with suppress(ValueError, TypeError, KeyError):
                return ordered(order, job.task.secret)
        time.sleep(job.settings.poll_seconds)


def _prepare(job: Job) -> None:
    """Do all that can be done before it is known what to serve."""
    machine = job.settings.machine
    if machine.check_egress:
        check_egress(job)
    require_tools(job, Engine(job.settings.container.engine))
    if machine.firewall:
        close_metadata_service()
    wait = machine.egress_seconds, job.settings.poll_seconds
    if machine.metadata and not wait_until(lambda: instructions.service_answers(job), *wait):
        raise Failure(
            "The cloud's metadata service does not answer, so this instance cannot be given an order.",
            FailureCode.NO_METADATA,
        )
