"""Debian's `docker-registry` on loopback, with tokens, and a client that pushes small images to it."""

import hashlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

from bot.images.names import RegistryPlace, parse_place
from bot.images.setup import CERTIFICATE_FILE, KEY_FILE, set_up
from bot.images.tokens import TokenMinter, read_certificate, read_key
from tests.fakes.waiting import free_port

BINARY = "docker-registry"
_START_SECONDS = 20.0


@dataclass(frozen=True)
class RealRegistry:
    """The running registry, and where its key is."""

    place: RegistryPlace
    key: Path
    certificate: Path

    def minter(self, service: str = "binder-bot", issuer: str = "binder-bot") -> TokenMinter:
        """What signs rights in it; with another service or issuer, rights that it refuses."""
        key = read_key(self.key)
        return TokenMinter(key, read_certificate(self.certificate, key), service=service, issuer=issuer)

    def push(self, name: str, tag: str, content: str, auth: Mapping[str, str]) -> requests.Response:
        """Push an image of one layer, as an engine does with that entry of `auths`. Returns the last answer.

        Its configuration is `content`, so its image id is the digest of that.
        """
        headers = {"Authorization": f"Bearer {auth['registrytoken']}"}
        blobs = [content.encode(), f"layer of {content}".encode()]
        for blob in blobs:
            refused = self._upload(name, blob, headers)
            if refused is not None:
                return refused
        kinds = [
            "application/vnd.docker.container.image.v1+json",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ]
        config, layer = (
            {"mediaType": kind, "size": len(blob), "digest": digest(blob)}
            for kind, blob in zip(kinds, blobs, strict=True)
        )
        manifest_type = "application/vnd.docker.distribution.manifest.v2+json"
        manifest = {"schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": [layer]}
        url = f"{self.place.url}/v2/{name}/manifests/{tag}"
        return requests.put(
            url, data=json.dumps(manifest), headers=headers | {"Content-Type": manifest_type}, timeout=10
        )

    def pull(self, name: str, tag: str, auth: Mapping[str, str]) -> requests.Response:
        """Ask for a manifest, as an engine does with that entry of `auths`."""
        accept = "application/vnd.docker.distribution.manifest.v2+json"
        headers = {"Authorization": f"Bearer {auth['registrytoken']}", "Accept": accept}
        return requests.get(f"{self.place.url}/v2/{name}/manifests/{tag}", headers=headers, timeout=10)

    def _upload(self, name: str, blob: bytes, headers: Mapping[str, str]) -> requests.Response | None:
        begun = requests.post(f"{self.place.url}/v2/{name}/blobs/uploads/", headers=headers, timeout=10)
        if begun.status_code != 202:
            return begun
        done = requests.put(
            begun.headers["Location"],
            params={"digest": digest(blob)},
            data=blob,
            headers={**headers, "Content-Type": "application/octet-stream"},
            timeout=10,
        )
        return None if done.status_code == 201 else done


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def is_installed() -> bool:
    return shutil.which(BINARY) is not None


class RegistryProcess:
    """A registry that keeps its images in a folder, with the configuration that `set_up` prints.

    It can be killed and started again, at the same address and with the same images.

    Args:
        folder: For its images, its key, its configuration and its log.
        auth: Whether it asks for rights.
        deletes: Whether images can be deleted.
    """

    def __init__(self, folder: Path, *, auth: bool = True, deletes: bool = True) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._write_configuration(auth=auth, deletes=deletes)
        place = parse_place(f"127.0.0.1:{self._port}/binders")
        self.registry = RealRegistry(place, folder / KEY_FILE, folder / CERTIFICATE_FILE)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "registry.log").open("ab") as log:
            command = [BINARY, "serve", str(self._configuration)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_until_it_answers(self._port, self._process)
        except OSError:
            self.stop()
            raise

    def stop(self) -> None:
        """Ask it to end, and wait for that."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)

    @property
    def _configuration(self) -> Path:
        return self._folder / "config.yml"

    def _write_configuration(self, *, auth: bool, deletes: bool) -> None:
        printed = set_up(self._folder)
        block = printed[printed.index("auth:") : printed.index("2. Set")]
        content: dict[str, Any] = yaml.safe_load(block)
        content["version"] = 0.1
        content["http"] = {"addr": f"127.0.0.1:{self._port}"}
        content["storage"]["filesystem"] = {"rootdirectory": str(self._folder / "images")}
        content["auth"]["token"]["rootcertbundle"] = str(self._folder / CERTIFICATE_FILE)
        content["storage"]["delete"]["enabled"] = deletes
        if not auth:
            del content["auth"]
        self._configuration.write_text(yaml.safe_dump(content))


@contextmanager
def running_registry(folder: Path, *, auth: bool = True, deletes: bool = True) -> Iterator[RealRegistry]:
    """A registry that runs meanwhile; see `RegistryProcess`."""
    process = RegistryProcess(folder, auth=auth, deletes=deletes)
    process.start()
    try:
        yield process.registry
    finally:
        process.stop()


def _wait_until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
