"""The processes of one instance: the environment that they are given, and finding and ending all of them."""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from bot.provisioning.local_instance import MARK, InstanceDirectory, Runner

_PASSED_ON = frozenset(
    {
        "PATH",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "NODE_EXTRA_CA_CERTS",
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "PIP_NO_INDEX",
        "PIP_CERT",
        "PIP_TRUSTED_HOST",
        "PIP_DEFAULT_TIMEOUT",
        "PIP_DISABLE_PIP_VERSION_CHECK",
        "PIP_CONFIG_FILE",
        "UV_INDEX",
        "UV_DEFAULT_INDEX",
        "UV_INDEX_URL",
        "UV_EXTRA_INDEX_URL",
        "UV_FIND_LINKS",
        "UV_NO_INDEX",
        "UV_OFFLINE",
        "UV_INDEX_STRATEGY",
        "UV_INSECURE_HOST",
        "UV_NATIVE_TLS",
        "UV_SYSTEM_CERTS",
        "UV_HTTP_TIMEOUT",
        "UV_CONFIG_FILE",
        "UV_CONCURRENT_DOWNLOADS",
        "UV_CONCURRENT_INSTALLS",
    }
)
"""All that a binder inherits of the bot's environment: how to reach the network and the package indexes.
The bot's own secrets are in none of these."""
_ENGINE = frozenset(
    {
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "DOCKER_CERT_PATH",
        "DOCKER_CONFIG",
        "DOCKER_TLS_VERIFY",
        "CONTAINER_HOST",
        "XDG_RUNTIME_DIR",
    }
)
"""How a container engine is reached: for the runner itself, never for a repository's code."""
_GIVEN = frozenset({MARK, "HOME", "TMPDIR", "PYTHONUNBUFFERED"})
_PR_SET_CHILD_SUBREAPER = 36


def runner_environment(directory: InstanceDirectory, inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment of a runner: the allowed part of the bot's own, the mark, and places to write to."""
    environment = {name: value for name, value in inherited.items() if name in _PASSED_ON | _ENGINE}
    environment |= _own_configuration(inherited, environment)
    return environment | {
        MARK: str(directory.path),
        "HOME": str(directory.home),
        "TMPDIR": str(directory.scratch),
        "PYTHONUNBUFFERED": "1",
    }


def repository_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """What a repository's own code gets of a runner's environment."""
    return {name: value for name, value in inherited.items() if name in _PASSED_ON | _GIVEN}


def _own_configuration(inherited: Mapping[str, str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Name the operator's configuration of uv, pip and docker, which another HOME would hide."""
    home = Path(inherited.get("HOME", "/nonexistent"))
    config = Path(inherited.get("XDG_CONFIG_HOME") or home / ".config")
    places = {
        "UV_CONFIG_FILE": [config / "uv/uv.toml", Path("/etc/uv/uv.toml")],
        "PIP_CONFIG_FILE": [config / "pip/pip.conf", home / ".pip/pip.conf"],
        "DOCKER_CONFIG": [home / ".docker"],
    }
    found = {name: next((path for path in paths if path.exists()), None) for name, paths in places.items()}
    return {name: str(path) for name, path in found.items() if path is not None and name not in chosen}


def processes_of(directory: InstanceDirectory) -> list[psutil.Process]:
    """Every live process that carries the instance's mark, with all that descends from it."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        # Gone meanwhile, or somebody else's.
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            if process.pid not in found and process.environ().get(MARK) == str(directory.path):
                family = [process, *process.children(recursive=True)]
                found |= {each.pid: each for each in family}
    found.pop(os.getpid(), None)
    return [process for process in found.values() if _is_alive(process)]


def is_alive(runner: Runner, directory: InstanceDirectory) -> bool:
    """Whether an instance's runner still runs, and its number was not given to another process since.

    The mark decides, not the time of its start: what systems say of that moves with their clock.
    """
    try:
        process = psutil.Process(runner.pid)
        return _is_alive(process) and process.environ().get(MARK) == str(directory.path)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to processes; those that are gone meanwhile do not matter."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def adopt_orphans() -> None:
    """Make this process the parent of every descendant that detaches itself, so that none is lost."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants(grace_seconds: float = 1.0) -> None:
    """End everything that descends from this process: politely, then not."""
    this = psutil.Process()
    for number in (signal.SIGTERM, signal.SIGKILL):
        descendants = this.children(recursive=True)
        send(descendants, number)
        psutil.wait_procs(descendants, timeout=grace_seconds)
    while orphans := this.children(recursive=True):  # what was born while the others died
        send(orphans, signal.SIGKILL)
        psutil.wait_procs(orphans, timeout=grace_seconds)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
