"""The local cloud as the reconciler sees it.

An instance is a directory (see `instance`), and an agent beside it that outlives the bot. Everything that the
cloud knows is in these directories, so that a bot which is started again knows it too.
"""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from math import ceil
from pathlib import Path

import psutil

import bot
from bot.errors import CannotBuild, CloudError, CloudUnreachable
from bot.provisioning.agent import task
from bot.provisioning.agent.environments import Environments, remove_tree
from bot.provisioning.agent.failures import FailureCode
from bot.provisioning.agent.job import scrubber_of
from bot.provisioning.agent.source import archive_refused
from bot.provisioning.base import MAX_LOG_BYTES, MinimalCloud
from bot.provisioning.instances import (
    Instance,
    InstanceSpec,
    InstanceState,
    Phase,
    Report,
    ResourceIds,
    Size,
    Survey,
)
from bot.provisioning.local.engine import Containers, detect
from bot.provisioning.local.instance import (
    AgentProcess,
    InstanceDirectory,
    instances_in,
    is_binder_id,
    read_tail,
)
from bot.provisioning.local.kept_logs import KeptLogs
from bot.provisioning.local.limits import Limiter, find_limiter
from bot.provisioning.local.options import LocalOptions, agent_settings
from bot.provisioning.local.processes import agent_environment, is_alive, processes_of, send
from bot.provisioning.reports import fold
from bot.provisioning.tasks import task_of

_REPORT_BYTES = 64 * 1024
_LOG_BYTES = 32 * 1024
_START_SECONDS = 30
_GRACE_SECONDS = 3.0
_ESTABLISHED = (0, 3)
"""Exit codes of the launcher where there is an agent, this one or another."""


class LocalCloud(MinimalCloud):
    """A `Cloud` whose instances live on the bot's own host.

    Args:
        options: What the operator chose. The root is made where it does not exist.
        engine: `auto`, `docker`, `podman`, or `none` for building with uv.
    """

    name = "local"
    poll_seconds = 0.5
    attempt_seconds = 1.0
    keeps_images = True
    sizes: tuple[Size, ...] = (Size("local", "this machine"),)

    def __init__(self, options: LocalOptions, *, engine: str = "auto") -> None:
        self._options = replace(options, root=options.root.resolve())
        self._choice = engine
        self.example_url = options.public_url.format(port=8888)

    @property
    def isolated(self) -> bool:
        """Whether binders are isolated from this host and from each other, by a container engine.

        Raises:
            CloudError: The engine that the operator chose does not work.
        """
        return self._containers is not None

    def check(self) -> list[str]:
        """See `Cloud.check`. The engine is found, or its error raised; nothing else can be missing."""
        with _border(CloudError, "The local cloud cannot be used"):
            self._options.uv_cache.mkdir(parents=True, exist_ok=True)
            _ = self._containers
        return []

    def vcpus(self, _size: str) -> int:
        """See `Cloud.vcpus`. Where nothing limits them, nobody knows."""
        return ceil(self._options.cpus) if self.isolated or self._limits("cpu") else 1

    def advice(self) -> list[str]:
        """See `Cloud.advice`."""
        return self.host_advice()

    def host_advice(self) -> list[str]:
        """See `Cloud.host_advice`."""
        _, missing = self._found_limiter
        return [missing] if missing else []

    def survey(self) -> Survey:
        """See `Cloud.survey`."""
        with _border(CloudUnreachable, "The local cloud could not be read"):
            running = self._running_containers()
            instances: dict[str, tuple[Instance, ...]] = {}
            strays = set(running) | (self._limiter.groups.list() if self._limiter else set())
            for directory in instances_in(self._options.root):
                instance = self._instance(directory, contained=running.get(directory.binder_id, False))
                if instance is None:
                    strays.add(directory.binder_id)
                else:
                    instances[directory.binder_id] = (instance,)
            return Survey(instances, frozenset(strays - set(instances)))

    def create(self, spec: InstanceSpec) -> ResourceIds:
        """See `Cloud.create`. Creating the same binder again goes on with what there is."""
        if spec.size not in {size.key for size in self.sizes}:
            raise CloudError(f"This cloud has no size `{spec.size}`.")
        with _border(CloudError, "The instance could not be made"):
            what = task_of(spec)
            if self._containers is None and not what.is_git:
                refused = archive_refused(what)
                raise CannotBuild(refused.reason, hint=refused.hint)
            directory = self._directory(spec.binder_id)
            directory.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._options.uv_cache.mkdir(parents=True, exist_ok=True)
            if directory.created_at() is None:
                settings = agent_settings(self._options, directory, self._containers, self._limiter)
                directory.write_task(what, settings, time.time())
            return self._start(directory, {"directory": str(directory.path)})

    def expose(self, binder_id: str, parts: ResourceIds) -> ResourceIds:
        """See `Cloud.expose`. Starts the agent where the bot died between writing its task and the start."""
        with _border(CloudError, "The instance could not be started"):
            directory = self._directory(binder_id)
            return parts if directory.created_at() is None else self._start(directory, parts)

    def report(self, instance: Instance) -> Report | None:
        """See `Cloud.report`."""
        with _border(CloudUnreachable, "The instance's report could not be read"):
            return _report(self._directory(instance.binder_id))

    def read_log(self, binder_id: str) -> bytes:
        """See `Cloud.read_log`."""
        with _border(CloudError, "The log could not be read"):
            directory = self._directory(binder_id)
            return _whole_log(directory) or self._kept_logs.read(binder_id)

    def mark_end(self, parts: ResourceIds, ends_at: float) -> None:
        """See `Cloud.mark_end`. Nothing is rebuilt from directories: surveys tell of no end."""

    def instruct(self, binder_id: str, resources: ResourceIds, name: str, text: str) -> None:  # noqa: ARG002 - the id says where everything is
        """See `Cloud.instruct`. The text becomes a file."""
        with _border(CloudError, "The instance could not be told"):
            directory = self._directory(binder_id)
            if directory.created_at() is None:
                raise CloudError("There is no such instance.")
            folder = directory.places.instructions
            folder.mkdir(mode=0o700, exist_ok=True)
            written = folder / f".{name}"
            written.write_text(text, encoding="ascii")
            written.replace(folder / name)

    def withdraw(self, binder_id: str, resources: ResourceIds, name: str) -> None:  # noqa: ARG002 - the id says where everything is
        """See `Cloud.withdraw`."""
        with _border(CloudError, "What the instance was told could not be taken back"):
            (self._directory(binder_id).places.instructions / name).unlink(missing_ok=True)

    def prune(self, binder_id: str, keep: str) -> None:
        """See `Cloud.prune`. An instance is a directory of the binder's name: there is never a second one."""

    def remove(self, binder_id: str, parts: ResourceIds) -> bool:  # noqa: ARG002 - the id says where everything is
        """See `Cloud.remove`."""
        with _border(CloudError, "The instance could not be removed"):
            directory = self._directory(binder_id)
            if directory.path.is_dir():
                self._kept_logs.keep(binder_id, _whole_log(directory))
                directory.withdraw_task()
            if not _end_processes(directory):
                return False
            if self._containers is not None:
                self._containers.remove(binder_id)
            if self._limiter is not None and not self._limiter.groups.remove(binder_id):
                return False
            if not _remove_directory(directory.path):
                return False
            Environments(self._options.root, self._options.keep_environments).prune()
            return True

    @cached_property
    def _kept_logs(self) -> KeptLogs:
        return KeptLogs(self._options.root / "logs")

    @cached_property
    def _containers(self) -> Containers | None:
        engine = detect(self._choice)
        return Containers(engine, self._options.deployment) if engine else None

    @cached_property
    def _found_limiter(self) -> tuple[Limiter | None, str]:
        if self._containers is not None:  # the engine limits its containers
            return None, ""
        return find_limiter(self._options.limits, self._options.deployment)

    @property
    def _limiter(self) -> Limiter | None:
        return self._found_limiter[0]

    def _limits(self, controller: str) -> bool:
        return self._limiter is not None and controller in self._limiter.controllers

    def _start(self, directory: InstanceDirectory, parts: ResourceIds) -> ResourceIds:
        """Start the agent where none ever was; the parts with its process and port."""
        if directory.read_agent() is None:
            launcher = [sys.executable, "-m", "bot.provisioning.local.launcher", str(directory.path)]
            limiter = self._limiter
            _spawn(directory, limiter.limited(directory.binder_id, launcher) if limiter else launcher)
        agent = directory.read_agent()
        if agent is None:
            raise CloudError("The local agent did not start.")
        return dict(parts) | {"agent": str(agent.pid), "port": str(agent.port)}

    def _directory(self, binder_id: str) -> InstanceDirectory:
        if not is_binder_id(binder_id):
            raise CloudError("That is no id of a binder.")
        return InstanceDirectory(self._options.root / "instances" / binder_id)

    def _running_containers(self) -> dict[str, bool]:
        if self._containers is None:
            return {}
        return {each.binder_id: each.running for each in self._containers.list()}

    def _instance(self, directory: InstanceDirectory, *, contained: bool) -> Instance | None:
        created_at = directory.created_at()
        if created_at is None:
            return None
        agent = directory.read_agent()
        state, fault = _judge(directory, agent, contained=contained)
        return Instance(
            ref=f"binder-{directory.binder_id}",
            binder_id=directory.binder_id,
            state=state,
            created_at=created_at,
            url=self._options.public_url.format(port=agent.port) if agent else None,
            fault=fault,
        )


def _judge(
    directory: InstanceDirectory, agent: AgentProcess | None, *, contained: bool
) -> tuple[InstanceState, str]:
    """An instance's state, and its fault where it is broken."""
    if agent is None:
        return InstanceState.PENDING, ""
    if is_alive(agent, directory):
        return InstanceState.ACTIVE, ""
    report = _report(directory)
    if report is not None and report.code == FailureCode.SERVER_ENDED.value:
        return InstanceState.ERROR, report.reason
    if contained or (report is not None and report.phase == Phase.FAILED):
        return InstanceState.ACTIVE, ""
    return (
        InstanceState.ERROR,
        "The local agent ended unexpectedly: it was killed, or the machine was restarted.",
    )


def _report(directory: InstanceDirectory) -> Report | None:
    """What the agent reported, with the end of the log, to which the server itself writes, too."""
    log = _scrubbed_log(directory, _LOG_BYTES)
    return fold(read_tail(directory.places.report, _REPORT_BYTES), log)


def _whole_log(directory: InstanceDirectory) -> bytes:
    return _scrubbed_log(directory, MAX_LOG_BYTES)


def _scrubbed_log(directory: InstanceDirectory, limit: int) -> bytes:
    """The end of the log without secrets and paths; empty where nobody can tell any more what these are."""
    places = directory.places
    log = read_tail(places.log, limit)
    try:
        what, settings = task.read(directory.task)
    except (OSError, KeyError, TypeError, ValueError):  # withdrawn meanwhile
        return b""
    return scrubber_of(places, settings, what.token).scrub(log.decode(errors="replace")).encode()


def _spawn(directory: InstanceDirectory, command: list[str]) -> None:
    """Start an agent and wait until it is established; a second one ends itself."""
    result = subprocess.run(  # noqa: S603 - our own interpreter and module, a path of ours
        command,
        check=False,
        # The modules of the bot, and nothing that lies in a directory of a stranger's.
        cwd=Path(bot.__file__).parents[1],
        env=agent_environment(directory, os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_START_SECONDS,
    )
    # systemd makes no second scope where another agent has just been established.
    if result.returncode not in _ESTABLISHED and directory.read_agent() is None:
        raise CloudError(f"The local agent did not start: exit code {result.returncode}.")


def _end_processes(directory: InstanceDirectory) -> bool:
    """Take one step of ending an instance's processes; True when none is left."""
    processes = processes_of(directory)
    if not processes:
        return True
    agent = directory.read_agent()
    leader = [each for each in processes if agent is not None and each.pid == agent.pid]
    asked = directory.path / "ending"
    if leader and not asked.exists():
        asked.touch()
        send(leader, signal.SIGTERM)  # it ends all that descends from it, also what shed its mark
    elif not leader or time.time() - asked.stat().st_mtime > _GRACE_SECONDS:
        send(processes, signal.SIGKILL)
    return False


def _remove_directory(path: Path) -> bool:
    try:
        remove_tree(path)
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT}:  # something was still being written
            return False
        raise
    return True


@contextmanager
def _border(kind: type[CloudError], what: str) -> Iterator[None]:
    """Let nothing but our own errors out."""
    try:
        yield
    except (OSError, psutil.Error, subprocess.SubprocessError) as error:
        raise kind(f"{what}: {error}.") from error
