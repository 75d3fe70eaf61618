"""Running repo2docker, and knowing its version."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.provisioning.agent.commands import capture, run
from bot.provisioning.agent.failures import CommandFailed
from bot.provisioning.agent.progress import BuildProgress
from bot.provisioning.agent.reasons import image_failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.provisioning.agent.job import Job

KIND_LABEL = "binder-bot.kind"
"""The label of an image that says what built it: the name of one of repo2docker's classes."""

# Docker's BuildKit may still know a layer whose image was removed meanwhile (seen with Docker 20.10).
_LOST_LAYER = re.compile(r"failed to prepare \S+: .{0,200}(?:no such file or directory|does not exist)")
_USER = ("--user-id", "1000", "--user-name", "jovyan")
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
_CONFIGURATION = """\
from repo2docker import contentproviders
from repo2docker.app import Repo2Docker


def labelled(pack):
    def get_labels(self):
        return {{**pack.get_labels(self), {kind_label!r}: pack.__name__}}

    return type(pack.__name__, (pack,), {{"get_labels": get_labels}}) if hasattr(pack, "get_labels") else pack


defaults = Repo2Docker.class_traits()
c.Repo2Docker.buildpacks = [labelled(each) for each in defaults["buildpacks"].default()]
c.Repo2Docker.default_buildpack = labelled(defaults["default_buildpack"].default())
c.Repo2Docker.content_providers = [{providers}]
c.Repo2Docker.labels = {labels!r}
c.Repo2Docker.cache_from = {cache_from!r}
c.Repo2Docker.extra_build_args = {arguments!r}
c.DockerEngine.extra_buildx_build_args = {options!r}
"""
"""A configuration of ours for repo2docker, which would otherwise run one of the repository's."""


@dataclass(frozen=True)
class Build:
    """What repo2docker is asked for.

    Attributes:
        image: The name of the image.
        source: A directory, or the name of an archive.
        directory: The directory of the source that is built.
        labels: Labels of the image, in plain ASCII.
        cache_from: The image from whose layers the build starts; empty for none.
        is_cache: Whether later builds shall be able to start from this one's layers.
        is_anew: Whether nothing is taken from earlier builds.
    """

    image: str
    source: str
    directory: str = "."
    labels: Mapping[str, str] = field(default_factory=dict)
    cache_from: str = ""
    is_cache: bool = False
    is_anew: bool = False


def repo2docker_command(job: Job) -> list[str] | None:
    """The command that is repo2docker here, the installed one first; None where there is none."""
    installed = _installed(job)
    command = [installed] if installed else list(job.settings.container.repo2docker_command)
    engine = job.settings.container.engine
    return [*command, *(() if engine == "docker" else ("--engine", engine))] if command else None


def repo2docker_version(job: Job) -> str:
    """The version that builds here: that of the installed one, else the one that will be installed."""
    installed = _installed(job)
    if installed is None:
        return job.settings.container.repo2docker.rpartition("==")[2]
    # Asking itself takes half a second.
    environment = Path(os.path.realpath(installed)).parent.parent
    found = list(environment.glob("lib/python3*/site-packages/jupyter_repo2docker-*.dist-info"))
    if len(found) == 1:
        return found[0].name[len("jupyter_repo2docker-") : -len(".dist-info")]
    with suppress(CommandFailed):
        return capture(installed, "--version").strip()
    return "unknown"


def build_image(job: Job, build: Build, environment: Mapping[str, str] | None = None) -> str:
    """Build an image; gives what it was built with, or an empty string where that is not known.

    Args:
        job: What is built.
        build: How.
        environment: Variables beside the agent's own.

    Raises:
        Failure: The true reason why it cannot be built.
    """
    job.places.repo2docker_config.write_text(_configuration(job, build), encoding="utf-8")
    progress = BuildProgress(job.reporter)
    try:
        run(
            job,
            [*(repo2docker_command(job) or ()), *_arguments(job, build)],
            cwd=job.places.empty,
            # Images of another builder than the default one are not loaded into Docker.
            environment={**os.environ, "BUILDX_BUILDER": "default", **(environment or {})},
            on_line=progress,
        )
    except CommandFailed as error:
        if _LOST_LAYER.search(error.output) and not build.is_anew:
            job.reporter.log(
                "The container engine lost layers of an earlier build: everything is built anew."
            )
            return build_image(job, replace(build, cache_from="", is_anew=True), environment)
        raise image_failure(error, progress.own_reason) from error
    return progress.kind


def _arguments(job: Job, build: Build) -> list[str]:
    base_image = job.settings.container.base_image
    return [
        *("--config", str(job.places.repo2docker_config), "--no-run", "--json-logs"),
        *("--image-name", build.image, *_USER),
        *([] if build.directory == "." else [f"--subdir={build.directory}"]),
        *([f"--Repo2Docker.base_image={base_image}"] if base_image else []),
        *(["--appendix", _appendix(job.task.extra)] if job.task.extra else []),
        build.source,
    ]


def _installed(job: Job) -> str | None:
    ours = job.places.tools / "bin/repo2docker"
    return shutil.which("repo2docker") or shutil.which("jupyter-repo2docker") or shutil.which(str(ours))


def _appendix(package: str) -> str:
    return f"RUN python3 -m pip install --no-cache-dir {package}"


def _configuration(job: Job, build: Build) -> str:
    names = ("Local",) if job.task.is_git else _CONTENT_PROVIDERS.get(job.task.provider, ())
    return _CONFIGURATION.format(
        kind_label=KIND_LABEL,
        providers=", ".join(f"contentproviders.{name}" for name in names),
        labels=dict(build.labels),
        cache_from=[f"type=registry,ref={build.cache_from}"] if build.cache_from else [],
        # BuildKit then writes into the image which step made which layer.
        arguments={"BUILDKIT_INLINE_CACHE": "1"} if build.is_cache else {},
        options=["--no-cache"] if build.is_anew else [],
    )
