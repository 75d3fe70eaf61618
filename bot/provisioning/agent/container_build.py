"""Getting the image of a repository (kept from before, pulled from a registry, or built), and running it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.provisioning.agent import container
from bot.provisioning.agent.build_key import build_key
from bot.provisioning.agent.egress import check_egress
from bot.provisioning.agent.engine import Engine
from bot.provisioning.agent.failures import Failure, FailureCode
from bot.provisioning.agent.fetch import fetch
from bot.provisioning.agent.firewall import close_metadata_service
from bot.provisioning.agent.https import serve_https
from bot.provisioning.agent.images import NOTES_LABEL, Image, LaunchRecord, image_of, labels_of
from bot.provisioning.agent.known_directories import KnownDirectories
from bot.provisioning.agent.paths import build_root
from bot.provisioning.agent.phases import Phase
from bot.provisioning.agent.registry import Registry
from bot.provisioning.agent.repo2docker import Build, build_image, repo2docker_version
from bot.provisioning.agent.source import source_of
from bot.provisioning.agent.stored_images import BUILT, KEPT, PULLED
from bot.provisioning.agent.tools import has_https, is_up, require_tools

if TYPE_CHECKING:
    from bot.provisioning.agent.job import Job


def launch(job: Job) -> None:
    """Get the image by the quickest way, and run it. What was done before is not done again.

    Raises:
        Failure: The reason why it is not served.
    """
    engine = Engine(job.settings.container.engine)
    if not (is_up(job, engine) and has_https(job)):
        _prepare(job, engine)
    serve_https(job)
    if job.settings.machine.firewall:
        close_metadata_service()
    image = _ImageOfTask(job, engine).obtain()
    job.reporter.image(image.report())
    container.serve(job, engine, image)


def _prepare(job: Job, engine: Engine) -> None:
    """Have everything that a build needs."""
    if job.settings.machine.check_egress:
        check_egress(job)
    require_tools(job, engine)


class _ImageOfTask:
    """The ways to the image of one task, the quickest first."""

    def __init__(self, job: Job, engine: Engine) -> None:
        self._job = job
        self._task = job.task
        self._engine = engine
        self._settings = job.settings.container
        self._version = repo2docker_version(job)
        self._registry = Registry(job, engine)
        self._record = LaunchRecord(job.places.image)
        self._known = KnownDirectories(Path(self._settings.directories or job.places.directories))

    def obtain(self) -> Image:
        """The image, which then is in the engine."""
        directory = self._known.of(self._task)
        image = None if directory is None else self._find(directory)
        image = image or self._obtain_from_source(directory)
        self._record.write(image, image.how)
        return image

    def _obtain_from_source(self, searched: str | None) -> Image:
        """Fetch the repository, which tells the directory, and build it if there is no image of that."""
        _prepare(self._job, self._engine)
        noted = self._job.reporter.notes
        directory = self._check_out()
        notes = [note for note in self._job.reporter.notes if note not in noted]
        image = None if directory == searched else self._find(directory)
        return image or self._build(directory, notes)

    def _check_out(self) -> str:
        if not self._task.is_git:
            return "."
        fetch(self._job)
        directory = build_root(self._job.places.repo, self._task.path)
        self._known.remember(self._task, directory)
        return directory

    def _find(self, directory: str) -> Image | None:
        """The image that somebody built before: in this engine, or in the registry."""
        key = self._key(directory)
        image = self._inspect(directory, KEPT)
        if image is not None:
            how = self._record.how(image.id)
            if self._task.rebuild and how is None:
                return None
            image = replace(image, how=how or KEPT)
        elif self._registry.pull(key, self._name(directory)):
            image = self._inspect(directory, PULLED)
        for note in image.notes if image is not None else ():
            self._job.reporter.note(note)
        return image

    def _build(self, directory: str, notes: list[str]) -> Image:
        """Build the image.

        Raises:
            Failure: The true reason why it cannot be built.
        """
        name, is_git = self._name(directory), self._task.is_git
        source = str(self._job.places.repo) if is_git else source_of(self._task)
        if self._task.rebuild:
            self._engine.remove_name(name)  # repo2docker builds nothing that is there
        with self._registry.layers() as layers:
            self._job.reporter.begin(
                Phase.BUILDING, "Building the image" if is_git else f"Fetching and building {source}"
            )
            build = Build(
                image=name,
                source=source,
                directory=directory,
                labels=labels_of(notes),
                cache_from=layers.image,
                is_cache=self._registry.keeps_images,
                is_anew=self._task.rebuild,
            )
            kind = build_image(self._job, build, layers.environment)
        if self._settings.keep_images is not None:
            self._engine.prune_images(self._settings.images, self._settings.keep_images, NOTES_LABEL)
        image = self._inspect(directory, BUILT)
        if image is None:
            raise Failure("repo2docker built no image.", FailureCode.BUILD_FAILED)
        return replace(image, kind=image.kind or kind)

    def _inspect(self, directory: str, how: str) -> Image | None:
        name = self._name(directory)
        return image_of(self._engine.inspect_image(name), name, self._key(directory), directory, how)

    def _key(self, directory: str) -> str:
        return build_key(self._task, directory, self._version, self._settings.base_image)

    def _name(self, directory: str) -> str:
        return f"{self._settings.images}{self._key(directory)}"
