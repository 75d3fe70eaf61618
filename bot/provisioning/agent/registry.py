"""What a launch takes from the registry. Whatever the registry does, the launch goes on, with one note."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bot.provisioning.agent.failures import TransferFailed
from bot.provisioning.agent.image_transfer import ImageTransfer
from bot.provisioning.agent.phases import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bot.provisioning.agent.engine import Engine
    from bot.provisioning.agent.job import Job
    from bot.provisioning.agent.stored_images import ImageAccess

_NO_IMAGE = "The image of an earlier launch could not be fetched, so this one is built anew."
_OTHER_IMAGE = "The stored image is not the one of the earlier launch, so this one is built anew."
_NO_LAYERS = "What earlier launches built could not be fetched, so everything is built anew."


@dataclass(frozen=True)
class Layers:
    """What a build starts from.

    Attributes:
        image: The image with the layers; empty for none.
        environment: What the build's environment needs to use them.
    """

    image: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


class Registry:
    """The registry, as far as this launch may use it.

    Args:
        job: Says what it may take.
        engine: Which engine takes it.
    """

    def __init__(self, job: Job, engine: Engine) -> None:
        self._job = job
        self._engine = engine
        is_usable = engine.name == "docker" and not job.task.rebuild
        self._access = job.task.images if is_usable else None

    @property
    def keeps_images(self) -> bool:
        """Whether images are stored here at all."""
        return self._job.task.images is not None

    def pull(self, key: str, name: str) -> bool:
        """Pull the image with this key, and give it this name; whether that is done."""
        access = self._access
        stored = access.images.get(key) if access is not None else None
        if access is None or stored is None or not self._fetch(access, stored.digest, _NO_IMAGE):
            return False
        pulled = f"{access.repository}@{stored.digest}"
        # Docker with the store of containerd names images by the digest of their manifest.
        has_right_id = self._engine.inspect_image(pulled).get("Id") in {stored.id, stored.digest}
        is_right = has_right_id and self._engine.tag(pulled, name)
        self._engine.remove_name(pulled)
        if not is_right:
            self._give_up(_OTHER_IMAGE)
        return is_right

    @contextmanager
    def layers(self) -> Iterator[Layers]:
        """Have the layers of an earlier build here while the block runs.

        They are pulled before, although BuildKit can import them from a registry by itself. That takes as
        long (60 MB: 2.0 s against 1.5 s and 0.8 s), and a registry that falls silent stops BuildKit of Docker
        20.10 for good, also for later builds. Docker with the store of containerd still asks the registry
        which step made which layer, so the build is given the right to ask.
        """
        access = self._access
        if access is None or not access.cache_from or not self._fetch(access, access.cache_from, _NO_LAYERS):
            yield Layers()
            return
        image = f"{access.repository}@{access.cache_from}"
        try:
            with docker_configuration(self._job.places.docker_config, access) as folder:
                yield Layers(image, {"DOCKER_CONFIG": str(folder)})
        finally:
            self._engine.remove_name(image)

    def _fetch(self, access: ImageAccess, digest: str, note: str) -> bool:
        """Pull by digest; whether that is done."""
        settings, reporter = self._job.settings.container, self._job.reporter
        reporter.begin(Phase.PULLING, "Pulling what was built before")
        transfer = ImageTransfer(
            access.auth,
            settings.transfer_seconds,
            settings.silence_seconds,
            lambda done, fraction: reporter.progress(f"Pulling what was built before: {done}", fraction),
        )
        try:
            transfer.pull(access.repository, digest)
        except TransferFailed as error:
            self._give_up(note, str(error))
            return False
        finally:
            self._job.deadline.restart()  # the build has its own time
        return True

    def _give_up(self, note: str, why: str = "") -> None:
        """Use it no more in this launch, and say so."""
        self._access = None
        if why:
            self._job.reporter.log(f"The registry: {why}")
        self._job.reporter.note(note)


@contextmanager
def docker_configuration(folder: Path, access: ImageAccess) -> Iterator[Path]:
    """Have the present configuration of Docker, with this registry's credentials added, for a while."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    try:
        _write_configuration(folder, access)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_configuration(folder: Path, access: ImageAccess) -> None:
    present = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    with suppress(OSError):
        for each in present.iterdir():
            if each.name != "config.json":
                (folder / each.name).symlink_to(each)
    content = _read(present / "config.json")
    host = access.repository.partition("/")[0]
    content["auths"] = {**content.get("auths", {}), host: dict(access.auth)}
    # An empty name keeps Docker from asking another program for this host's credentials.
    content["credHelpers"] = {**content.get("credHelpers", {}), host: ""}
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")


def _read(path: Path) -> dict[str, Mapping[str, object]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
