"""Building a repository's image with repo2docker."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

from bot.provisioning.agent import container
from bot.provisioning.agent.commands import run
from bot.provisioning.agent.egress import check_egress
from bot.provisioning.agent.engine import Engine
from bot.provisioning.agent.failures import CommandFailed
from bot.provisioning.agent.fetch import fetch
from bot.provisioning.agent.firewall import close_metadata_service
from bot.provisioning.agent.paths import build_root
from bot.provisioning.agent.phases import Phase
from bot.provisioning.agent.progress import BuildProgress
from bot.provisioning.agent.reasons import image_failure
from bot.provisioning.agent.source import source_of
from bot.provisioning.agent.tools import is_up, repo2docker_command, require_tools

if TYPE_CHECKING:
    from bot.provisioning.agent.job import Job
    from bot.provisioning.agent.task import Task

USER = ("--user-id", "1000", "--user-name", "jovyan")
"""Whose the files in an image are. It stands in the first layers, so it is the same for all images."""
_CONTENT_PROVIDERS = {
    "zenodo": ("Zenodo",),
    "figshare": ("Figshare",),
    "dataverse": ("Dataverse",),
    "hydroshare": ("Hydroshare",),
    "swh": ("Swhid",),
    "ckan": ("CKAN",),
    "doi": ("Zenodo", "Figshare", "Dataverse", "Hydroshare"),
}
"""repo2docker's sources by our providers. Fewer are asked than it has, and Mercurial never: it needs `hg`."""


def launch(job: Job) -> None:
    """Build the image where it is not there yet, and run it. What was done before is not done again.

    Raises:
        Failure: The reason why it is not served.
    """
    engine = Engine(job.settings.container.engine)
    machine = job.settings.machine
    image = image_name(job.task, job.settings.container.images)
    is_built = is_up(job, engine) and engine.has_image(image)
    if not is_built:
        if machine.check_egress:
            check_egress(job)
        require_tools(job, engine)
    if machine.firewall:
        close_metadata_service()
    if not is_built:
        _build(job, engine, image)
    container.serve(job, engine, image)


def image_name(task: Task, prefix: str) -> str:
    """The name of an image, made of everything that decides what is built."""
    key = [source_of(task), task.commit, task.extra]
    if task.is_git:
        key.append(task.path)
        if task.commit is None:
            key += [task.ref, task.binder_id]  # a branch moves: only this binder's own image is the right one
    return f"{prefix}{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24]}"


def _build(job: Job, engine: Engine, image: str) -> None:
    """Build the image.

    Raises:
        Failure: The true reason why it cannot be built.
    """
    source, options = source_of(job.task), []
    if job.task.is_git:
        fetch(job)
        source = str(job.places.repo)
        root = build_root(job.places.repo, job.task.path)
        options += [] if root == "." else [f"--subdir={root}"]
    if job.task.extra:
        options += ["--appendix", f"RUN python3 -m pip install --no-cache-dir {job.task.extra}"]
    job.reporter.begin(
        Phase.BUILDING, "Building the image" if job.task.is_git else f"Fetching and building {source}"
    )
    run_repo2docker(job, ["--image-name", image, *USER, *options, source])
    if job.settings.container.keep_images is not None:
        engine.prune_images(job.settings.container.images, job.settings.container.keep_images)


def run_repo2docker(job: Job, arguments: list[str]) -> None:
    """Have repo2docker build an image.

    Raises:
        Failure: The true reason why it cannot be built.
    """
    _write_configuration(job)
    command = [*(repo2docker_command(job) or ()), "--config", str(job.places.repo2docker_config)]
    # Images of another builder than the default one are not loaded into Docker.
    environment = {**os.environ, "BUILDX_BUILDER": "default"}
    progress = BuildProgress(job.reporter)
    try:
        run(
            job,
            [*command, "--no-run", "--json-logs", *arguments],
            cwd=job.places.empty,
            environment=environment,
            on_line=progress,
        )
    except CommandFailed as error:
        raise image_failure(error, progress.own_reason) from error


def _write_configuration(job: Job) -> None:
    """Write a configuration of ours for repo2docker, which would otherwise run one of the repository's."""
    names = ("Local",) if job.task.is_git else _CONTENT_PROVIDERS.get(job.task.provider, ())
    providers = ", ".join(f"contentproviders.{name}" for name in names)
    job.places.repo2docker_config.write_text(
        "from repo2docker import contentproviders\n\n"
        f"c.Repo2Docker.content_providers = [{providers}]  # noqa: F821 - traitlets provides it\n",
        encoding="utf-8",
    )
