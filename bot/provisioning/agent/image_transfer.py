"""Pulling and pushing images, by Docker's own interface at its socket.

Docker's command line tells neither how much arrived nor that nothing does any more, and reads secrets from
files alone. The interface is documented at https://docs.docker.com/reference/api/engine/.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import os
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, Callable
from urllib.parse import quote, urlencode

from bot.provisioning.agent.failures import TransferFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OnProgress = Callable[[str, float], None]
"""Called with one line and the done part, 0 to 1."""

_SOCKET = "unix:///var/run/docker.sock"
_UNIX = "unix://"
_MOVES = ("Downloading", "Extracting", "Pushing")
_BYTES_OF_MB = 1_000_000
_LINE_BYTES = 64 * 1024


class ImageTransfer:
    """Moves one image from or to a registry.

    Args:
        auth: The entry of Docker's `config.json` for the registry's host; empty where all may pull.
        seconds: How long it may take.
        silence_seconds: How long nothing may move.
        on_progress: Told how far it is.
    """

    def __init__(
        self, auth: Mapping[str, str], seconds: float, silence_seconds: float, on_progress: OnProgress
    ) -> None:
        self._auth = auth
        self._end = time.monotonic() + seconds
        self._silence_seconds = silence_seconds
        self._on_progress = on_progress

    def pull(self, repository: str, digest: str) -> None:
        """Pull an image by its digest: Docker itself refuses content that has another.

        Raises:
            TransferFailed: See there.
        """
        self._follow(f"/images/create?{urlencode({'fromImage': repository, 'tag': digest})}")

    def push(self, repository: str, tag: str) -> None:
        """Push an image that has this name.

        Raises:
            TransferFailed: See there.
        """
        self._follow(f"/images/{quote(repository)}/push?{urlencode({'tag': tag})}")

    def _follow(self, path: str) -> None:
        progress = _Progress(self._on_progress)
        try:
            with closing(_Daemon(self._silence_seconds)) as daemon:
                for message in daemon.post(path, self._auth):
                    progress.read(message)
                    self._check(progress.moved_at)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise TransferFailed(f"{type(error).__name__}: {error}") from error

    def _check(self, moved_at: float) -> None:
        now = time.monotonic()
        if now - moved_at > self._silence_seconds:
            raise TransferFailed(f"nothing moved for {self._silence_seconds:g} seconds")
        if now > self._end:
            raise TransferFailed("it took too long")


class _Daemon(http.client.HTTPConnection):
    """Docker on this machine."""

    def __init__(self, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._seconds = timeout

    def connect(self) -> None:
        """Connect to its socket."""
        host = os.environ.get("DOCKER_HOST") or _SOCKET
        if not host.startswith(_UNIX):
            raise TransferFailed("Docker is on another machine")
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self._seconds)
        self.sock.connect(host[len(_UNIX) :])

    def post(self, path: str, auth: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Ask for something, and give each message of what is done."""
        self.request("POST", path, headers={"X-Registry-Auth": _header(auth)})
        response = self.getresponse()
        if response.status != http.client.OK:
            raise TransferFailed(_text_of(response.read(_LINE_BYTES)))
        while line := response.readline(_LINE_BYTES):
            message = json.loads(line)
            if "error" in message:
                raise TransferFailed(str(message["error"]))
            yield message


class _Progress:
    """What the messages tell of how far it is. Their form is that of Docker's `JSONMessage`."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._layers: dict[str, str] = {}
        self._done: dict[tuple[str, str], tuple[int, int]] = {}
        self.moved_at = time.monotonic()

    def read(self, message: Mapping[str, Any]) -> None:
        """Take one message."""
        layer, status = str(message.get("id", "")), str(message.get("status", ""))
        detail = message.get("progressDetail") or {}
        if status in _MOVES and detail.get("current"):
            self._move(layer, status, int(detail["current"]), int(detail.get("total") or 0))
        elif layer and self._layers.get(layer) != status and not status.startswith("Retrying"):
            self._layers[layer] = status
            if status not in _MOVES:
                self.moved_at = time.monotonic()

    def _move(self, layer: str, status: str, current: int, total: int) -> None:
        before = self._done.get((layer, status), (0, 0))[0]
        if current <= before:  # once more what had arrived before
            return
        self._done[layer, status] = (current, max(current, total))
        self.moved_at = time.monotonic()
        moved = [each for (_, what), each in self._done.items() if what != "Extracting"]
        done, known = sum(each[0] for each in moved), sum(each[1] for each in moved)
        # The sizes of layers are known when they begin; what has not begun yet counts as much as the rest.
        begun = len(moved) / max(len(self._layers), len(moved), 1)
        self._on_progress(f"{done / _BYTES_OF_MB:.0f} of {known / _BYTES_OF_MB:.0f} MB", done / known * begun)


def _header(auth: Mapping[str, str]) -> str:
    """The form in which Docker takes an entry of its `config.json`."""
    content = {name: value for name, value in auth.items() if name != "auth"}
    if "auth" in auth:
        try:
            user, _, password = base64.b64decode(auth["auth"]).decode().partition(":")
        except (binascii.Error, ValueError) as error:
            raise TransferFailed("the registry's credentials have no form that Docker knows") from error
        content |= {"username": user, "password": password}
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def _text_of(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode("utf-8", "replace")
