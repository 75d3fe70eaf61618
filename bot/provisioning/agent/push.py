"""Pushing a built image to the registry, in the background, once its server serves."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any

from bot.provisioning.agent import instructions
from bot.provisioning.agent.failures import TransferFailed
from bot.provisioning.agent.image_transfer import ImageTransfer
from bot.provisioning.agent.images import LaunchRecord
from bot.provisioning.agent.stored_images import BUILT, KEPT

if TYPE_CHECKING:
    from bot.provisioning.agent.engine import Engine
    from bot.provisioning.agent.images import Image
    from bot.provisioning.agent.job import Job

INSTRUCTION = "push"
"""The name under which the bot leaves the right to push."""

_LOOK_SECONDS = 5.0
_WAIT_SECONDS = 1_800.0
_PAUSES = (0.0, 60.0, 900.0)
"""Before each try. Meanwhile the bot may give the right anew."""
_REPOSITORY = re.compile(r"[a-z0-9][A-Za-z0-9._:/-]{0,254}")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


def push_in_background(job: Job, engine: Engine, image: Image) -> None:
    """Wait for the right to push and push the image, beside whatever else is done. Nothing depends on it."""
    if image.how == BUILT and job.task.images is not None and job.task.secret and engine.name == "docker":
        threading.Thread(target=_Push(job, engine, image).run, name="push", daemon=True).start()


class _Push:
    def __init__(self, job: Job, engine: Engine, image: Image) -> None:
        self._job = job
        self._engine = engine
        self._image = image

    def run(self) -> None:
        """Push as soon as the bot allows it; a few tries, each with the newest right."""
        for pause in _PAUSES:
            time.sleep(pause)
            right = self._await_right()
            if right is None or self._push(right):
                return

    def _await_right(self) -> dict[str, Any] | None:
        """What the bot says of where the image goes; None where it says nothing for long."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < deadline:
            right = read_right(instructions.read(self._job, INSTRUCTION))
            if right is not None:
                return right
            time.sleep(min(_LOOK_SECONDS, self._job.settings.watch_seconds))
        return None

    def _push(self, right: dict[str, Any]) -> bool:
        """Push once; whether that worked."""
        settings = self._job.settings.container
        name = f"{right['repository']}:{right['tag']}"
        transfer = ImageTransfer(
            right["auth"], settings.transfer_seconds, settings.silence_seconds, _say_nothing
        )
        # By its id: what its local name stands for may be another image by now.
        if not self._engine.tag(self._image.id, name):
            return False
        try:
            transfer.push(right["repository"], right["tag"])
        except TransferFailed as error:
            self._job.reporter.log(f"The image could not be stored: {error}")
            return False
        finally:
            self._engine.remove_name(name)
        LaunchRecord(self._job.places.image).write(self._image, KEPT)
        self._job.reporter.log("The image was stored for later launches.")
        return True


def read_right(text: str | None) -> dict[str, Any] | None:
    """The right to push that a text gives: `repository`, `tag` and `auth`; None where it gives none."""
    try:
        right = json.loads(text or "null")
        is_right = _REPOSITORY.fullmatch(right["repository"]) and _TAG.fullmatch(right["tag"])
        return dict(right) if is_right and isinstance(right["auth"], dict) else None
    except (ValueError, KeyError, TypeError):
        return None


def _say_nothing(_done: str, _fraction: float) -> None:
    return None
