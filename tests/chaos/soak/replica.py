"""`binder-bot serve`, and `binder-bot bake`, as processes of their own, started quickly and in a hurry.

It is forked from one that has imported everything, so that hundreds of starts take no time; and a few seconds
that are no settings are shorter: how long an instance may still turn up after a lost reply, how often a cloud
is swept. In a soak these would be most of the time.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import bot.provisioning.openstack.bakery
import bot.provisioning.openstack.cloud  # noqa: F401 - otherwise imported at each start
from bot import app, config
from bot.admin import bake as admin
from bot.binders import reconciler, warm_pool
from bot.errors import BinderBotError
from bot.images import keeper
from bot.provisioning import registry
from bot.provisioning.base import Cloud
from bot.provisioning.openstack import factory, images
from bot.provisioning.openstack.options import OpenStackOptions
from bot.provisioning.openstack.settings import OpenStackSettings
from handlers.outbox.worker import OutboxWorker
from storage import replicas

POLL_SECONDS = 0.3
ATTEMPT_SECONDS = 4.0
SWEEP_SECONDS = 2.0
POOL_SECONDS = 1.0
BAKE_LEASE_SECONDS = 6.0
PUSH_SECONDS = 8.0

_build_cloud = registry.build_cloud
_options = factory.options


def serve(environment: Mapping[str, str], log: Path) -> None:
    """Be a replica until SIGTERM; never returns.

    Args:
        environment: Instead of what is inherited.
        log: Where standard output and standard error go; beside it is the working directory.
    """
    _become(environment, log)
    settings = config.load()
    registry.build_cloud = _hurried_cloud
    images._REMEMBERED_SECONDS = SWEEP_SECONDS
    app.SWEEP_SECONDS = SWEEP_SECONDS
    reconciler.SWEEP_LEASE_SECONDS = 2 * SWEEP_SECONDS
    reconciler.STRAY_SECONDS = SWEEP_SECONDS
    warm_pool.POOL_SECONDS = POOL_SECONDS
    warm_pool.LEASE_SECONDS = 2 * POOL_SECONDS
    replicas.REPORT_SECONDS = POOL_SECONDS
    replicas.SILENCE_SECONDS = ATTEMPT_SECONDS
    app.IMAGES_SECONDS = POLL_SECONDS
    keeper.POLL_SECONDS = POLL_SECONDS
    keeper.PUSH_SECONDS = PUSH_SECONDS
    keeper.CLAIM_SECONDS = keeper._RETENTION_LEASE_SECONDS = ATTEMPT_SECONDS
    keeper.REST_SECONDS = keeper.REFUSED_SECONDS = POOL_SECONDS
    OutboxWorker.lease = settings.lease_seconds
    sys.exit(app.serve(settings))


def bake(environment: Mapping[str, str], log: Path) -> None:
    """Be an operator who bakes a machine image; never returns. The rest is as for `serve`."""
    _become(environment, log)
    admin.LEASE_SECONDS = BAKE_LEASE_SECONDS
    admin._RENEW_SECONDS = BAKE_LEASE_SECONDS / 4
    admin._CLEAR_POLL_SECONDS = POLL_SECONDS
    images._REMEMBERED_SECONDS = 0.0
    factory.options = _hurried_options
    try:
        admin.bake(config.load(), None, None, partial(print, flush=True))
    except BinderBotError as error:
        sys.exit(f"binder-bot: {error.sentence}")
    sys.exit(0)


def _become(environment: Mapping[str, str], log: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(log.parent)
    with log.open("ab") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)


def _hurried_options(settings: OpenStackSettings) -> OpenStackOptions:
    return replace(_options(settings), poll_seconds=POLL_SECONDS, attempt_seconds=ATTEMPT_SECONDS)


def _hurried_cloud(settings: registry.CloudsSettings) -> Cloud:
    cloud = _build_cloud(settings)
    cloud.poll_seconds = POLL_SECONDS
    cloud.attempt_seconds = ATTEMPT_SECONDS
    return cloud
