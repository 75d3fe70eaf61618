"""A Docker whose disk is nearly full, in a network of its own."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IMAGE = "tiny"
"""Its one image: a shell and `dd`."""
_FILES = ("bin/sh", "bin/dd", "lib64/ld-linux-x86-64.so.2", "lib/x86_64-linux-gnu/libc.so.6")


@contextmanager
def small_engine(folder: Path, megabytes: int) -> Iterator[dict[str, str]]:
    """A Docker with so much disk; what to add to the environment of who uses it."""
    data, socket = folder / "data", folder / "docker.sock"
    data.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", data], check=True)
    try:
        with _dockerd(folder, data, socket) as daemon:
            environment = {"DOCKER_HOST": f"unix://{socket}"}
            try:
                _await_answer(daemon, socket)
                _import_image(environment)
                yield environment
            finally:
                daemon.terminate()
    finally:
        subprocess.run(["umount", data], check=True)


def _dockerd(folder: Path, data: Path, socket: Path) -> subprocess.Popen[bytes]:
    """Its bridge and its firewall are those of another network than this machine's."""
    places = {"host": f"unix://{socket}", "data-root": data, "exec-root": folder / "exec"}
    options = [f"--{name}={value}" for name, value in places.items()]
    with (folder / "dockerd.log").open("wb") as log:
        return subprocess.Popen(
            ["unshare", "--net", "dockerd", *options, f"--pidfile={folder / 'pid'}"], stdout=log, stderr=log
        )


def _await_answer(daemon: subprocess.Popen[bytes], socket: Path) -> None:
    version = ["docker", "--host", f"unix://{socket}", "version"]
    while subprocess.run(version, check=False, capture_output=True).returncode != 0:
        assert daemon.poll() is None, "it ended"
        time.sleep(0.05)


def _import_image(environment: dict[str, str]) -> None:
    docker = ["docker", "--host", environment["DOCKER_HOST"], "import", "-", IMAGE]
    with subprocess.Popen(["tar", "-C", "/", "-ch", *_FILES], stdout=subprocess.PIPE) as tar:
        subprocess.run(docker, stdin=tar.stdout, check=True, capture_output=True)
