"""What the operator chose for the agent. The defaults are those of an instance in a cloud.

Settings are readable inside of the instance: no secrets are among them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_USERINFO = re.compile(r"://[^/\s]*@")
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+/?")
_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_DIRECTORY = re.compile(r"https://[A-Za-z0-9._:/\[\]-]+")
_ABSOLUTE = re.compile(r"(?:/[A-Za-z0-9._-]+)+")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}")


@dataclass(frozen=True)
class ReportSettings:
    """Where the agent reports to, and how much.

    Attributes:
        console: The device whose output the cloud shows as the console log; empty for the file
            `report.jsonl` in the agent's directory.
        seconds: Between two reports of progress.
        bytes: Of all reports of progress during one build, since a console holds 100 KiB; None for any
            number.
    """

    console: str = "/dev/console"
    seconds: float = 5.0
    bytes: int | None = 32 * 1024

    def __post_init__(self) -> None:
        _require(self.bytes is None or 0 <= self.bytes <= 64 * 1024, "the size of all reports", self.bytes)
        _require(
            not self.console or bool(_ABSOLUTE.fullmatch(self.console)), "a path of a console", self.console
        )


@dataclass(frozen=True)
class MachineSettings:
    """What the agent does to the machine before it builds.

    Attributes:
        install: Whether Docker, buildx, git and repo2docker are installed where the machine lacks them.
        firewall: Whether containers are kept from the cloud's metadata service.
        check_egress: Whether the network is tried first.
        egress: What must be reachable beside the repository's host, as `https://host/`.
        egress_seconds: How long the network may take to come up.
        metadata: The cloud's metadata service, as `http://host`; empty where the agent is told things by
            files in its directory.
    """

    install: bool = True
    firewall: bool = True
    check_egress: bool = True
    egress: Sequence[str] = field(default_factory=list)
    egress_seconds: float = 60.0
    metadata: str = "http://169.254.169.254"

    def __post_init__(self) -> None:
        _require(self.egress_seconds > 0, "the time for the network", self.egress_seconds)
        for url in self.egress:
            _require(bool(_ENDPOINT.fullmatch(url)), "an address that instances must reach", url)


@dataclass(frozen=True)
class ContainerSettings:
    """How a repository is built with repo2docker and run in a container.

    Attributes:
        engine: `docker` or `podman`.
        name: The container's name.
        labels: The container's labels, beside the one that says whose it is.
        images: What the names of all built images begin with.
        keep_images: How many images with such names are kept after a build; None for all.
        repo2docker: What pip installs where the machine has no repo2docker and may be changed.
        repo2docker_command: What runs repo2docker where it is not installed and nothing may be installed.
        base_image: The image that repo2docker builds on; empty for its own one.
        directories: Where it is remembered which directory of a repository is built for a path; empty for
            the agent's own directory.
        transfer_seconds: How long an image may take from or to a registry.
        silence_seconds: How long a registry may send nothing before an image is built instead.
        address: The address of the machine on which the server is published; empty for all of them.
        memory: The container's limit as the engine writes it; empty for a fraction of the machine's memory.
        memory_fraction: That fraction.
        cpus: Processors that the container may use; None for all.
        pids: Processes and threads that the container may have.
        drop_capabilities: Whether the container's root has no rights beyond those of any user.
        gpus: Whether a GPU is passed on where there is one.
        volume: Whether the repository's files lie on a volume, which outlives the container.
    """

    engine: str = "docker"
    name: str = "binder"
    labels: Mapping[str, str] = field(default_factory=dict)
    images: str = "binder-bot/"
    keep_images: int | None = None
    repo2docker: str = "jupyter-repo2docker==2026.4.0"
    repo2docker_command: Sequence[str] = field(default_factory=list)
    base_image: str = ""
    directories: str = ""
    transfer_seconds: float = 900.0
    silence_seconds: float = 45.0
    address: str = ""
    memory: str = ""
    memory_fraction: float = 0.9
    cpus: float | None = None
    pids: int = 4096
    drop_capabilities: bool = False
    gpus: bool = True
    volume: bool = True

    def __post_init__(self) -> None:
        _require(0 < self.memory_fraction <= 1, "the container's part of the memory", self.memory_fraction)
        _require(self.pids > 0, "the container's number of processes", self.pids)
        _require(self.transfer_seconds > 0, "the time for an image", self.transfer_seconds)
        _require(self.silence_seconds > 0, "the time in which a registry must answer", self.silence_seconds)
        is_image = not self.base_image or bool(_IMAGE.fullmatch(self.base_image))
        _require(is_image, "the name of an image to build on", self.base_image)


@dataclass(frozen=True)
class HttpsSettings:
    """How the server is reached by https.

    Attributes:
        domain: What follows the address in the names of machines, such as `sslip.io`.
        directory: The directory of the authority that gives certificates (ACME).
        roots: The certificates that vouch for the authority itself, as PEM; empty for those of the system.
        port: Where Caddy listens.
        ask_port: Where, on loopback, Caddy asks itself whether a name may get a certificate.
    """

    domain: str
    directory: str
    roots: str = ""
    port: int = 443
    ask_port: int = 5443

    def __post_init__(self) -> None:
        _require(bool(_DOMAIN.fullmatch(self.domain)), "a domain", self.domain)
        _require(bool(_DIRECTORY.fullmatch(self.directory)), "the directory of an authority", self.directory)


@dataclass(frozen=True)
class UvSettings:
    """How a repository is built with uv, without containers.

    Attributes:
        uv: The path of uv.
        root: The directory below which built environments are kept.
        cache: Where uv keeps what it downloaded.
        keep_environments: How many built environments are kept.
        isolation: `auto`, `bwrap` or `none`: whether the repository's code is confined by bubblewrap.
        hidden: Directories that confined code cannot see.
        is_remote: Whether people reach the server under another name than that of this machine's loopback.
        python_downloads: Whether uv may download a Python that a repository asks for and that is not here.
        memory: The limit of memory of the agent's own control group; empty for none.
        yaml_to_json: The command that reads YAML on its standard input and prints it as JSON: the standard
            library has no reader of YAML.
    """

    uv: str
    root: str
    cache: str
    keep_environments: int = 5
    isolation: str = "auto"
    hidden: Sequence[str] = field(default_factory=list)
    is_remote: bool = False
    python_downloads: bool = False
    memory: str = ""
    yaml_to_json: Sequence[str] = field(default_factory=list)


@dataclass(frozen=True)
class AgentSettings:
    """All settings of one agent.

    Attributes:
        directory: Where the agent keeps its files.
        port: Where the server is published.
        build_seconds: How long fetching and building may take.
        start_seconds: How long the container engine, and then the server, may take to answer.
        poll_seconds: Between two looks at what is awaited.
        watch_seconds: Between two looks at a server that serves.
        environment: For the agent and what it runs, such as the proxies and mirrors of pip and git.
        reports: See there.
        machine: See there.
        container: See there.
        uv: See there; None for building with repo2docker.
        https: See there; None where the server is published as it is.

    Raises:
        ValueError: A value is out of range.
    """

    directory: str = "/var/lib/binder-bot"
    port: int = 8888
    build_seconds: float = 3600.0
    start_seconds: float = 300.0
    poll_seconds: float = 1.0
    watch_seconds: float = 15.0
    environment: Mapping[str, str] = field(default_factory=dict)
    reports: ReportSettings = field(default_factory=ReportSettings)
    machine: MachineSettings = field(default_factory=MachineSettings)
    container: ContainerSettings = field(default_factory=ContainerSettings)
    uv: UvSettings | None = None
    https: HttpsSettings | None = None

    def __post_init__(self) -> None:
        _require(0 < self.port < 2**16, "the port of a server", self.port)
        for name in ("build", "start", "poll", "watch"):
            seconds = getattr(self, f"{name}_seconds")
            _require(seconds > 0, f"{name}_seconds of the agent", seconds)
        for name, value in self.environment.items():
            _require(not _USERINFO.search(value), "a password in the environment of instances", name)


def _require(is_so: bool, what: str, value: object) -> None:  # noqa: FBT001 - a condition, as of an assertion
    if not is_so:
        raise ValueError(f"{value!r} cannot be {what}.")
