"""The processes of one instance: the environment that they are given, and finding and ending all of them."""

import contextlib
import os
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from bot.provisioning.agent.environment import INHERITED, MARK
from bot.provisioning.local.instance import AgentProcess, InstanceDirectory

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
"""How a container engine is reached: for the agent itself, never for a repository's code."""


def agent_environment(directory: InstanceDirectory, inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment of an agent: the allowed part of the bot's own, the mark, and places to write to."""
    environment = {name: value for name, value in inherited.items() if name in INHERITED | _ENGINE}
    environment |= _own_configuration(inherited, environment)
    return environment | {
        MARK: str(directory.path),
        "HOME": str(directory.places.home),
        "TMPDIR": str(directory.places.scratch),
        "PYTHONUNBUFFERED": "1",
    }


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


def is_alive(agent: AgentProcess, directory: InstanceDirectory) -> bool:
    """Whether an instance's agent still runs, and its number was not given to another process since.

    The mark decides, not the time of its start: what systems say of that moves with their clock.
    """
    try:
        process = psutil.Process(agent.pid)
        return _is_alive(process) and process.environ().get(MARK) == str(directory.path)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to processes; those that are gone meanwhile do not matter."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
