"""Start a runner: `python -m bot.provisioning.runner <instance directory>`.

The command returns once the runner is established (it holds its lock, and its process and port are written
down), with exit code 0; with 3 where another runner has this instance, or had it.
"""

import fcntl
import os
import random
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bot.errors import BinderBotError, CannotBuild
from bot.provisioning.base import Phase
from bot.provisioning.local_instance import InstanceDirectory, Ordered, Runner, instances_in, locked
from bot.provisioning.local_processes import adopt_orphans, end_descendants
from bot.provisioning.runner.commands import CommandFailed, Job
from bot.provisioning.runner.reporter import Reporter
from bot.provisioning.runner.serving import ServerEnded

ESTABLISHED = 0
NOTHING_TO_DO = 3
_PORTS = range(20_000, 32_000)
"""Below what systems hand out to outgoing connections, so that a port stays free until it is listened on."""


def main() -> NoReturn:
    """Detach, establish the runner, and tell the waiting command how that went."""
    directory = InstanceDirectory(Path(sys.argv[1]))
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        sys.exit(int(os.read(reading, 1) or b"1"))
    os.close(reading)
    os.setsid()
    os.chdir("/")
    os.umask(0o077)
    try:
        established = _establish(directory)
    except BaseException:
        os.write(writing, b"1")
        raise
    if established is None:
        os.write(writing, str(NOTHING_TO_DO).encode())
        sys.exit(NOTHING_TO_DO)
    os.write(writing, str(ESTABLISHED).encode())
    os.close(writing)
    _redirect_output(directory)
    _work(directory, *established)


def _establish(directory: InstanceDirectory) -> tuple[Ordered, Runner] | None:
    """Become this instance's only runner; None where there is or was another, or nothing is ordered."""
    lock = os.open(directory.path / "runner.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held until this process ends
    except BlockingIOError:
        return None
    ordered = directory.read_order()
    if ordered is None or directory.read_runner() is not None:
        return None
    for place in (directory.home, directory.scratch):
        place.mkdir(parents=True, exist_ok=True)
    directory.log.touch()
    with locked(directory.root / "ports.lock"):
        runner = Runner(os.getpid(), _free_port(directory.root))
        directory.write_runner(runner)
    Reporter(directory.report).say(Phase.BOOTING, "The local runner has started")
    return ordered, runner


def _free_port(root: Path) -> int:
    """A port of loopback that nobody listens on, and that no other binder of this root has."""
    taken = {runner.port for each in instances_in(root) if (runner := each.read_runner())}
    for port in random.sample(_PORTS, 200):
        if port not in taken and _is_free(port):
            return port
    raise CannotBuild("This machine has no free port.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _redirect_output(directory: InstanceDirectory) -> None:
    """Let go of the bot's own streams; what the runner itself says goes to a log of its own."""
    with (directory.path / "runner.log").open("ab") as log, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)


def _work(directory: InstanceDirectory, ordered: Ordered, runner: Runner) -> NoReturn:
    adopt_orphans()
    signal.signal(signal.SIGTERM, _stop)
    job = Job(directory, ordered.settings, Reporter(directory.report))
    try:
        _launch(job, ordered, runner)
    except ServerEnded as ended:
        job.reporter.fail(BinderBotError(ended.sentence))
        directory.write_runner(replace(runner, outcome="ended", fault=ended.sentence))
    except BinderBotError as error:
        job.reporter.fail(error)
        directory.write_runner(replace(runner, outcome="failed"))
    except (CommandFailed, OSError) as error:
        job.reporter.fail(BinderBotError(f"This machine could not build it: {error}."))
        directory.write_runner(replace(runner, outcome="failed"))
    finally:
        end_descendants()
    sys.exit(0)


def _launch(job: Job, ordered: Ordered, runner: Runner) -> None:
    # Each way has imports that the other does without.
    if ordered.settings.engine is None:
        from bot.provisioning.runner import uv_way  # noqa: PLC0415

        uv_way.launch(job, ordered.order, runner.port)
    else:
        from bot.provisioning.runner import container_way  # noqa: PLC0415

        container_way.launch(job, ordered.order, runner.port)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


if __name__ == "__main__":
    main()
