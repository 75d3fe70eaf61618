"""What an instance is told at its first boot: cloud-init user data with the agent, the order and a unit.

All that comes from a person travels as base64 of JSON: nothing of it stands in YAML, in a unit or on a
command line. The only secret is the binder's own token, in a file that only root reads.
"""

import base64
import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from bot.errors import CannotBuild, ConfigError
from bot.provisioning.base import Order
from bot.provisioning.runner.uv_way import EXTRAS

MAX_ENCODED = 65_535
"""Characters of base64 that Nova takes as `user_data`."""

_TEMPLATE = """\
#cloud-config
# At each boot, and long before the agent can start: it comes after the network and, at first, after Docker.
bootcmd:
- [sh, -c, "printf '\\n%s\\n' '{booting}' >{console}"]
# Three files: the agent, the order (this binder's token is in it, and no other secret), and the unit that
# starts the agent at each boot.
write_files:
- path: /opt/binder-bot/agent.py
  permissions: "0755"
  encoding: gz+b64
  content: {agent}
- path: /etc/binder-bot/order.json
  owner: root:root
  permissions: "0600"
  encoding: b64
  content: {order}
- path: /etc/systemd/system/binder-bot-agent.service
  permissions: "0644"
  content: |
    [Unit]
    Description=Builds and serves one repository
    Wants=network-online.target
    After=network-online.target
    # At later boots the container starts with Docker: what it must not reach is closed before.
    Before=docker.service
    StartLimitIntervalSec=3600
    StartLimitBurst=10

    [Service]
    Environment=HOME=/root
    ExecStartPre=-/usr/bin/python3 /opt/binder-bot/agent.py --guard
    ExecStart=/usr/bin/python3 /opt/binder-bot/agent.py /etc/binder-bot/order.json
    Restart=on-failure
    RestartSec=10
    # When memory is short, the container goes first.
    OOMScoreAdjust=-500

    [Install]
    WantedBy=multi-user.target
runcmd:
- [systemctl, daemon-reload]
- [systemctl, enable, --now, --no-block, binder-bot-agent.service]
# The console is for the agent's reports.
output: {{all: ">> /var/log/cloud-init-output.log"}}
ssh: {{emit_keys_to_console: false}}
"""
_BOOTING = 'BINDER-BOT {"phase": "booting", "message": "The instance is starting"}'
_USERINFO = re.compile(r"://[^/\s]*@")
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+/?")
_ABSOLUTE = re.compile(r"(?:/[A-Za-z0-9._-]+)+")


@dataclass(frozen=True, slots=True)
class GuestSettings:
    """What the operator chose for the inside of all instances.

    Attributes:
        port: Where the server is published, on all of the instance's addresses.
        console: The device whose output the cloud shows as the console log.
        data_directory: Where the agent keeps its files.
        repo2docker: What pip installs where the image has no repo2docker.
        install: Whether Docker, buildx, git and repo2docker are installed where the image lacks them.
        memory_fraction: The part of the instance's memory that the container may use.
        pids: Processes and threads that the container may have.
        build_seconds: How long a build may take.
        start_seconds: How long Docker, and then the server, may take to answer.
        egress_seconds: How long the network may take to come up.
        poll_seconds: Between two looks at what is awaited.
        watch_seconds: Between two looks at a server that serves.
        report_seconds: Between two reports of progress on the console.
        report_bytes: Of all reports of progress during a build of `build_seconds`; the console holds 100 KiB.
        egress: What must be reachable beside the repository's host, as `https://host/`.
        environment: For the agent and what it runs, such as pip's and git's proxies and mirrors. Readable
            inside of the instance: no secrets.

    Raises:
        ConfigError: A value is out of range.
    """

    port: int = 8888
    console: str = "/dev/console"
    data_directory: str = "/var/lib/binder-bot"
    repo2docker: str = "jupyter-repo2docker==2026.4.0"
    install: bool = True
    memory_fraction: float = 0.9
    pids: int = 4096
    build_seconds: float = 3600.0
    start_seconds: float = 300.0
    egress_seconds: float = 60.0
    poll_seconds: float = 1.0
    watch_seconds: float = 15.0
    report_seconds: float = 5.0
    report_bytes: int = 32 * 1024
    egress: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require(0 < self.port < 2**16, "the port in the instance", self.port)
        _require(0 < self.memory_fraction <= 1, "the container's part of the memory", self.memory_fraction)
        _require(self.pids > 0, "the container's number of processes", self.pids)
        _require(0 <= self.report_bytes <= 64 * 1024, "the size of all reports", self.report_bytes)
        for name in ("build", "start", "egress", "poll", "watch"):
            seconds = getattr(self, f"{name}_seconds")
            _require(seconds > 0, f"{name}_seconds of the instance", seconds)
        for path in (self.console, self.data_directory):
            _require(bool(_ABSOLUTE.fullmatch(path)), "a path in the instance", path)
        for url in self.egress:
            _require(bool(_ENDPOINT.fullmatch(url)), "an address that instances must reach", url)
        for name, value in self.environment.items():
            _require(not _USERINFO.search(value), "a password in the environment of instances", name)


def encode(order: Order, settings: GuestSettings) -> str:
    """The user data as Nova takes it: base64 of at most 65,535 characters.

    Raises:
        CannotBuild: It would be longer, or the repository's address has a password in it.
    """
    encoded = base64.b64encode(render(order, settings).encode()).decode()
    if len(encoded) > MAX_ENCODED:
        raise CannotBuild("The address, ref and path of this repository are too long for an instance.")
    return encoded


def render(order: Order, settings: GuestSettings) -> str:
    """The user data as cloud-init reads it.

    Raises:
        CannotBuild: The repository's address has a password in it.
    """
    if _USERINFO.search(order.url):
        raise CannotBuild(
            "The repository's address has a user or a password in it, which instances do not get."
        )
    content = json.dumps({"order": _order(order), "settings": asdict(settings)})
    return _TEMPLATE.format(
        agent=_agent(),
        order=base64.b64encode(content.encode()).decode(),
        booting=_BOOTING.replace('"', '\\"'),
        console=settings.console,
    )


def _order(order: Order) -> dict[str, Any]:
    """What the agent needs to know; who ordered it is none of that."""
    return {
        "binder_id": order.binder_id,
        "provider": order.provider,
        "url": order.url,
        "ref": order.ref,
        "commit": order.commit,
        "is_tip": order.is_tip,
        "path": order.path,
        "extra": EXTRAS.get(order.interface or ""),
        "token": order.token,
    }


@cache
def _agent() -> str:
    source = (Path(__file__).parents[1] / "agent.py").read_bytes()
    # Without the time, the same agent always is the same user data.
    return base64.b64encode(gzip.compress(source, mtime=0)).decode()


def _require(is_so: bool, what: str, value: object) -> None:  # noqa: FBT001 - a condition, as of an assertion
    if not is_so:
        raise ConfigError(f"{value!r} cannot be {what}.")
