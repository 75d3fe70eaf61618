"""`binder-bot serve` as a process of its own, started quickly and in a hurry.

It is forked from one that has imported everything, so that hundreds of starts take no time; and a few seconds
that are no settings are shorter: how long an instance may still turn up after a lost reply, how often a cloud
is swept. In a soak these would be most of the time.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import bot.provisioning.openstack.cloud  # noqa: F401 - otherwise imported at each start
from bot import app, config
from bot.binders import reconciler, warm_pool
from bot.provisioning import registry
from bot.provisioning.base import Cloud
from handlers.outbox.worker import OutboxWorker

POLL_SECONDS = 0.3
ATTEMPT_SECONDS = 4.0
SWEEP_SECONDS = 2.0
POOL_SECONDS = 1.0

_build_cloud = registry.build_cloud


def serve(environment: Mapping[str, str], log: Path) -> None:
    """Be a replica until SIGTERM; never returns.

    Args:
        environment: Instead of what is inherited.
        log: Where standard output and standard error go; beside it is the working directory.
    """
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(log.parent)
    with log.open("ab") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    settings = config.load()
    registry.build_cloud = _hurried_cloud
    app.SWEEP_SECONDS = SWEEP_SECONDS
    reconciler.SWEEP_LEASE_SECONDS = 2 * SWEEP_SECONDS
    reconciler.STRAY_SECONDS = SWEEP_SECONDS
    warm_pool.POOL_SECONDS = POOL_SECONDS
    warm_pool.LEASE_SECONDS = 2 * POOL_SECONDS
    OutboxWorker.lease = settings.lease_seconds
    sys.exit(app.serve(settings))


def _hurried_cloud(settings: registry.CloudsSettings) -> Cloud:
    cloud = _build_cloud(settings)
    cloud.poll_seconds = POLL_SECONDS
    cloud.attempt_seconds = ATTEMPT_SECONDS
    return cloud
