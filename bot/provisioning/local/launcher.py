"""Start an instance's agent, detached from the bot.

    python -m bot.provisioning.local.launcher <directory> [<control group to enter>]

The command returns once the agent is established (it holds its lock, and its process and port are written
down), with exit code 0; with 3 where another agent has this instance, or had it.
"""

import fcntl
import os
import random
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from bot.provisioning.agent.phases import Phase
from bot.provisioning.agent.reports import ReportFile
from bot.provisioning.local.cgroups import enter
from bot.provisioning.local.instance import AgentProcess, InstanceDirectory, instances_in

ESTABLISHED = 0
NOTHING_TO_DO = 3
NO_PORT = 4
_PORTS = range(20_000, 32_000)
"""Below what systems hand out to outgoing connections, so that a port stays free until it is listened on."""
_TRIES = 200


def main() -> NoReturn:
    """Detach, become the agent, and tell the waiting command how that went."""
    directory = InstanceDirectory(Path(sys.argv[1]))
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        sys.exit(int(os.read(reading, 1) or b"1"))
    os.close(reading)
    for group in sys.argv[2:]:
        enter(Path(group))
    os.setsid()
    os.umask(0o077)
    result, agent = _establish(directory)
    os.write(writing, str(result).encode())
    os.close(writing)
    if agent is None:
        sys.exit(result)
    _become_agent(directory, agent)


def _establish(directory: InstanceDirectory) -> tuple[int, AgentProcess | None]:
    """Become this instance's only agent; the result, and the agent where there was none."""
    lock = os.open(directory.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return NOTHING_TO_DO, None
    if directory.created_at() is None or directory.read_agent() is not None:
        return NOTHING_TO_DO, None
    os.set_inheritable(lock, True)  # the agent holds it until it ends; what the agent starts does not  # noqa: FBT003
    directory.places.make()
    directory.places.log.touch()
    with _locked(directory.root / "ports.lock"):
        port = _free_port(directory.root)
        if port is None:
            return NO_PORT, None
        agent = AgentProcess(os.getpid(), port)
        directory.write_agent(agent)
    ReportFile(directory.places.report).write(
        {"phase": Phase.BOOTING.value, "message": "The agent is starting"}
    )
    return ESTABLISHED, agent


def _become_agent(directory: InstanceDirectory, agent: AgentProcess) -> NoReturn:
    """Let go of the bot's streams, and go on as the agent; what it prints goes to a file."""
    with directory.output.open("ab") as output, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    command = [sys.executable, "-m", "bot.provisioning.agent", str(directory.task), "--port", str(agent.port)]
    os.execv(sys.executable, command)  # noqa: S606 - our own interpreter and module


def _free_port(root: Path) -> int | None:
    """A port of loopback that nobody listens on, and that no other binder of this root has."""
    taken = {agent.port for each in instances_in(root) if (agent := each.read_agent())}
    return next(
        (port for port in random.sample(_PORTS, _TRIES) if port not in taken and _is_free(port)), None
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; waits for it."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    main()
