"""What the operator chose for the local cloud, and what the agent is told of it."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from uv import find_uv_bin

from bot.provisioning.agent.settings import (
    AgentSettings,
    ContainerSettings,
    MachineSettings,
    ReportSettings,
    UvSettings,
)
from bot.provisioning.local import yaml_to_json
from bot.provisioning.local.cgroups import Limits, memory_bytes
from bot.provisioning.local.engine import DEPLOYMENT_LABEL, Containers
from bot.provisioning.local.instance import InstanceDirectory
from bot.provisioning.local.limits import Limiter

IMAGES = "binder-bot/"
"""What the names of all images begin with that are built here."""
_REPO2DOCKER = ContainerSettings.repo2docker
_REPO2PODMAN = "repo2podman"
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """What the operator chose for the local cloud.

    Attributes:
        root: Where instances and built environments are kept.
        public_url: How people reach a port of this host; `{port}` is filled in.
        isolation: `auto`, `bwrap` or `none`: whether builds with uv are confined by bubblewrap.
        hidden: Directories that confined code cannot see, beside the operator's home, the bot's working
            directory and the root.
        build_seconds: How long fetching and building may take.
        start_seconds: How long a server may take until it answers.
        cache: Where uv keeps what it downloaded; below the root by default.
        python_downloads: Whether uv may download a Python that a repository asks for and that is not here.
        base_image: The image that repo2docker builds on; empty for its own one.
        keep_environments: How many built environments (or images) are kept.
        memory: A binder's limit, as container engines write it.
        cpus: A binder's limit.
        pids: A binder's limit, of processes and threads.
    """

    root: Path
    public_url: str = "http://127.0.0.1:{port}"
    isolation: str = "auto"
    hidden: tuple[str, ...] = ()
    build_seconds: float = 1800.0
    start_seconds: float = 120.0
    cache: str = ""
    python_downloads: bool = False
    base_image: str = ""
    keep_environments: int = 5
    memory: str = "4g"
    cpus: float = 2.0
    pids: int = 512

    @property
    def deployment(self) -> str:
        """Marks the containers and images of this root among those of others."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:10]

    @property
    def limits(self) -> Limits:
        """What an instance may use where no container engine limits it."""
        return Limits(memory_bytes(self.memory), self.cpus, self.pids)

    @property
    def uv_cache(self) -> Path:
        """Where uv keeps what it downloaded."""
        return Path(self.cache or self.root / "cache").absolute()


def agent_settings(
    options: LocalOptions,
    directory: InstanceDirectory,
    containers: Containers | None,
    limiter: Limiter | None,
) -> AgentSettings:
    """What the agent of one instance is told.

    Args:
        options: What the operator chose.
        directory: Of which instance.
        containers: The engine to build with; None for uv.
        limiter: What limits the instance where there is no engine; None for nothing.
    """
    return AgentSettings(
        directory=str(directory.path),
        build_seconds=options.build_seconds,
        start_seconds=options.start_seconds,
        poll_seconds=0.1,
        watch_seconds=3.0,
        reports=ReportSettings(console="", seconds=0.5, bytes=None),
        machine=MachineSettings(install=False, firewall=False, check_egress=False, metadata=""),
        container=_container(options, directory, containers) if containers else ContainerSettings(),
        uv=None if containers else _uv(options, limiter),
    )


def _container(
    options: LocalOptions, directory: InstanceDirectory, containers: Containers
) -> ContainerSettings:
    return ContainerSettings(
        engine=containers.engine,
        name=containers.name_of(directory.binder_id),
        labels={DEPLOYMENT_LABEL: options.deployment},
        images=f"{IMAGES}{options.deployment}-",
        keep_images=options.keep_environments,
        repo2docker_command=_repo2docker(containers.engine),
        base_image=options.base_image,
        directories=str(options.root / "directories"),
        address="127.0.0.1",
        memory=options.memory,
        cpus=options.cpus,
        pids=options.pids,
        drop_capabilities=True,
        gpus=False,
        volume=False,
    )


def _repo2docker(engine: str) -> list[str]:
    """The command by which uv fetches repo2docker and runs it."""
    plugin = ["--with", _REPO2PODMAN] if engine == "podman" else []
    return [find_uv_bin(), "tool", "run", "--from", _REPO2DOCKER, *plugin, "jupyter-repo2docker"]


def _uv(options: LocalOptions, limiter: Limiter | None) -> UvSettings:
    hidden = (Path.home(), Path.cwd(), options.root, *map(Path, options.hidden))
    return UvSettings(
        uv=find_uv_bin(),
        root=str(options.root),
        cache=str(options.uv_cache),
        keep_environments=options.keep_environments,
        isolation=options.isolation,
        hidden=sorted({str(path.resolve()) for path in hidden}),
        is_remote=urlsplit(options.public_url).hostname not in _LOOPBACK,
        python_downloads=options.python_downloads,
        memory=options.memory if limiter and "memory" in limiter.controllers else "",
        yaml_to_json=[sys.executable, "-I", yaml_to_json.__file__],
    )
