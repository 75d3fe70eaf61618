"""The local cloud: binders as processes or containers of the bot's own host.

An instance is a directory (see `local_instance`), and a runner beside it that outlives the bot. Everything
that the cloud knows is in these directories, so that a bot which is started again knows it too.
"""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import psutil

import bot
from bot.errors import CannotBuild, CloudError, CloudUnreachable
from bot.provisioning.base import (
    Instance,
    InstanceState,
    MinimalCloud,
    Order,
    Report,
    ResourceIds,
    Size,
    Survey,
)
from bot.provisioning.local_engine import Engine, detect
from bot.provisioning.local_instance import (
    InstanceDirectory,
    Ordered,
    Runner,
    RunnerSettings,
    instances_in,
    is_binder_id,
    read_tail,
)
from bot.provisioning.local_processes import is_alive, processes_of, runner_environment, send
from bot.provisioning.reports import fold
from bot.provisioning.runner.environments import Environments, remove_tree
from bot.provisioning.runner.source import GIT_PROVIDERS

DEFAULTS = RunnerSettings()

_REPORT_BYTES = 64 * 1024
_LOG_BYTES = 32 * 1024
_START_SECONDS = 30
_GRACE_SECONDS = 3.0


class LocalCloud(MinimalCloud):
    """A `Cloud` whose instances live on the bot's own host.

    Args:
        root: Where instances and built environments are kept; made where it does not exist.
        engine: `auto`, `docker`, `podman`, or `none` for building with uv.
        public_url: How people reach a port of this host; `{port}` is filled in.
        settings: What else the operator chose. `engine`, `remote` and `deployment` of it are filled in here;
            the operator's home, the bot's working directory and the root are always hidden; the cache is
            below the root by default.
    """

    name = "local"
    poll_seconds = 0.5
    attempt_seconds = 1.0
    sizes: tuple[Size, ...] = (Size("local", "this machine"),)

    def __init__(
        self,
        root: Path,
        *,
        engine: str = "auto",
        public_url: str = "http://127.0.0.1:{port}",
        settings: RunnerSettings = DEFAULTS,
    ) -> None:
        self._root = root.resolve()
        self._choice = engine
        self._public_url = public_url
        hidden = (Path.home(), Path.cwd(), self._root, *map(Path, settings.hidden))
        self._settings = replace(
            settings,
            hidden=tuple(sorted({str(path.resolve()) for path in hidden})),
            cache=str(Path(settings.cache or self._root / "cache").resolve()),
            remote=urlsplit(public_url).hostname not in {"127.0.0.1", "localhost"},
            deployment=hashlib.sha256(str(self._root).encode()).hexdigest()[:10],
        )

    @property
    def isolated(self) -> bool:
        """Whether binders are isolated from this host and from each other, by a container engine.

        Raises:
            CloudError: The engine that the operator chose does not work.
        """
        return self._engine is not None

    def check(self) -> list[str]:
        """See `Cloud.check`. The engine is found, or its error raised; nothing else can be missing."""
        with _border(CloudError, "The local cloud cannot be used"):
            self._settings_now()
        return []

    def survey(self) -> Survey:
        """See `Cloud.survey`."""
        with _border(CloudUnreachable, "The local cloud could not be read"):
            running = self._running_containers()
            instances: dict[str, tuple[Instance, ...]] = {}
            strays = set(running)
            for directory in instances_in(self._root):
                instance = self._instance(directory, contained=running.get(directory.binder_id, False))
                if instance is None:
                    strays.add(directory.binder_id)
                else:
                    instances[directory.binder_id] = (instance,)
            return Survey(instances, frozenset(strays - set(instances)))

    def create(self, order: Order) -> ResourceIds:
        """See `Cloud.create`. Creating the same binder again goes on with what there is."""
        if order.size not in {size.key for size in self.sizes}:
            raise CloudError(f"This cloud has no size `{order.size}`.")
        with _border(CloudError, "The instance could not be made"):
            settings = self._settings_now()
            if settings.engine is None and order.provider not in GIT_PROVIDERS:
                raise CannotBuild(
                    f"{order.url} is an archive, not a git repository, and needs a container engine here.",
                    hint="Install docker or podman with buildx, or use the OpenStack cloud.",
                )
            directory = self._directory(order.binder_id)
            directory.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if directory.read_order() is None:
                directory.write_order(Ordered(order, settings, time.time()))
            return self._start(directory, {"directory": str(directory.path)})

    def expose(self, binder_id: str, parts: ResourceIds) -> ResourceIds:
        """See `Cloud.expose`. Starts the runner where the bot died between the order and the start."""
        with _border(CloudError, "The instance could not be started"):
            directory = self._directory(binder_id)
            return parts if directory.read_order() is None else self._start(directory, parts)

    def report(self, instance: Instance) -> Report | None:
        """See `Cloud.report`."""
        with _border(CloudUnreachable, "The instance's report could not be read"):
            directory = self._directory(instance.binder_id)
            return fold(read_tail(directory.report, _REPORT_BYTES), read_tail(directory.log, _LOG_BYTES))

    def mark_end(self, parts: ResourceIds, ends_at: float) -> None:
        """See `Cloud.mark_end`. Nothing is rebuilt from directories: surveys tell of no end."""

    def prune(self, binder_id: str, keep: str) -> None:
        """See `Cloud.prune`. An instance is a directory of the binder's name: there is never a second one."""

    def remove(self, binder_id: str, parts: ResourceIds) -> bool:  # noqa: ARG002 - the id says where everything is
        """See `Cloud.remove`."""
        with _border(CloudError, "The instance could not be removed"):
            directory = self._directory(binder_id)
            if directory.path.is_dir():
                directory.withdraw_order()
            if not _end_processes(directory):
                return False
            if self._engine is not None:
                self._engine.remove_container(binder_id)
            if not _remove_directory(directory.path):
                return False
            Environments(self._root, self._settings.keep_environments).prune()
            return True

    @cached_property
    def _engine(self) -> Engine | None:
        name = detect(self._choice)
        return Engine(name, self._settings.deployment) if name else None

    def _settings_now(self) -> RunnerSettings:
        Path(self._settings.cache).mkdir(parents=True, exist_ok=True)
        return replace(self._settings, engine=self._engine.name if self._engine else None)

    def _directory(self, binder_id: str) -> InstanceDirectory:
        if not is_binder_id(binder_id):
            raise CloudError("That is no id of a binder.")
        return InstanceDirectory(self._root / "instances" / binder_id)

    def _running_containers(self) -> dict[str, bool]:
        if self._engine is None:
            return {}
        return {each.binder_id: each.running for each in self._engine.containers()}

    def _instance(self, directory: InstanceDirectory, *, contained: bool) -> Instance | None:
        ordered = directory.read_order()
        if ordered is None:
            return None
        runner = directory.read_runner()
        state, fault = _judge(directory, runner, contained=contained)
        return Instance(
            ref=f"binder-{directory.binder_id}",
            binder_id=directory.binder_id,
            state=state,
            created_at=ordered.created_at,
            url=self._public_url.format(port=runner.port) if runner else None,
            fault=fault,
        )

    def _start(self, directory: InstanceDirectory, parts: ResourceIds) -> ResourceIds:
        """Start the runner where none ever was; the parts with its process and port."""
        runner = directory.read_runner()
        if runner is None:
            _spawn(directory)
            runner = directory.read_runner()
        if runner is None:
            raise CloudError("The local runner did not start.")
        return dict(parts) | {"runner": str(runner.pid), "port": str(runner.port)}


def _judge(
    directory: InstanceDirectory, runner: Runner | None, *, contained: bool
) -> tuple[InstanceState, str]:
    """An instance's state, and its fault where it is broken."""
    if runner is None:
        return InstanceState.PENDING, ""
    if runner.outcome == "ended":
        return InstanceState.ERROR, runner.fault
    if runner.outcome == "failed" or contained or is_alive(runner, directory):
        return InstanceState.ACTIVE, ""
    return (
        InstanceState.ERROR,
        "The local runner ended unexpectedly: it was killed, or the machine was restarted.",
    )


def _spawn(directory: InstanceDirectory) -> None:
    """Start a runner and wait until it is established; a second one ends itself."""
    result = subprocess.run(  # noqa: S603 - our own interpreter and module, a path of ours
        [sys.executable, "-m", "bot.provisioning.runner", str(directory.path)],
        check=False,
        # The modules of the bot, and nothing that lies in a directory of a stranger's.
        cwd=Path(bot.__file__).parents[1],
        env=runner_environment(directory, os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_START_SECONDS,
    )
    if result.returncode not in {0, 3}:
        raise CloudError(f"The local runner did not start: exit code {result.returncode}.")


def _end_processes(directory: InstanceDirectory) -> bool:
    """Take one step of ending an instance's processes; True when none is left."""
    processes = processes_of(directory)
    if not processes:
        return True
    runner = directory.read_runner()
    leader = [each for each in processes if runner is not None and each.pid == runner.pid]
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
