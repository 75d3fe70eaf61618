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

BINARY = "docker-registry"
_START_SECONDS = 20.0


@dataclass(frozen=True)
class RealRegistry:
    """The running registry, and where its key is."""

    place: RegistryPlace
    key: Path
    certificate: Path

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


@contextmanager
def running_registry(folder: Path, *, auth: bool = True, deletes: bool = True) -> Iterator[RealRegistry]:
    """Start a registry that keeps its images in a folder; with the configuration that `set_up` prints."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    printed = set_up(folder)
    block = printed[printed.index("auth:") : printed.index("2. Set")]
    content: dict[str, Any] = yaml.safe_load(block)
    content["version"] = 0.1
    content["http"] = {"addr": f"127.0.0.1:{port}"}
    content["storage"]["filesystem"] = {"rootdirectory": str(folder / "images")}
    content["auth"]["token"]["rootcertbundle"] = str(folder / CERTIFICATE_FILE)
    content["storage"]["delete"]["enabled"] = deletes
    if not auth:
        del content["auth"]
    configuration = folder / "config.yml"
    configuration.write_text(yaml.safe_dump(content))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([BINARY, "serve", str(configuration)], stdout=log, stderr=log)
    try:
        _wait_until_it_answers(port, process)
        yield RealRegistry(
            parse_place(f"127.0.0.1:{port}/binders"), folder / KEY_FILE, folder / CERTIFICATE_FILE
        )
    finally:
        process.terminate()
        process.wait(timeout=10)


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
