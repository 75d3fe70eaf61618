"""What an instance is told at its first boot: cloud-init user data with the agent, its task and a unit.

Everything that comes from a person travels as base64 of JSON: none of it stands in YAML, in a unit or on a
command line. The only secret is the binder's own token, in a file that only root reads.
"""

import base64
import gzip
import json
import re
from dataclasses import asdict
from functools import cache
from typing import Any

from bot.errors import CannotBuild
from bot.provisioning.agent.bake import BakeOrder
from bot.provisioning.agent.settings import AgentSettings
from bot.provisioning.agent.task import content_of
from bot.provisioning.agent_archive import archive, archive_that_bakes
from bot.provisioning.base import InstanceSpec
from bot.provisioning.tasks import task_of

MAX_ENCODED = 65_535
"""Characters of base64 that Nova takes as `user_data`."""

_TEMPLATE = """\
#cloud-config
# At each boot, and long before the agent can start: it comes after the network and, at first, after Docker.
bootcmd:
- [sh, -c, "printf '\\n%s\\n' '{booting}' >{console}"]
# Three files: the agent, its task (this binder's token is in it, and no other secret), and the unit that
# starts the agent at each boot.
write_files:
- path: /opt/binder-bot/agent.pyz
  permissions: "0755"
  encoding: gz+b64
  content: {agent}
- path: /etc/binder-bot/task.json
  owner: root:root
  permissions: "0600"
  encoding: b64
  content: {task}
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
    ExecStartPre=-/usr/bin/python3 /opt/binder-bot/agent.pyz --firewall
    ExecStart=/usr/bin/python3 /opt/binder-bot/agent.pyz /etc/binder-bot/task.json
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


def encode(spec: InstanceSpec, settings: AgentSettings) -> str:
    """The user data as Nova takes it: base64 of at most 65,535 characters.

    Raises:
        CannotBuild: It would be longer, or the repository's address has a password in it.
    """
    return pack(render(spec, settings))


def pack(text: str) -> str:
    """The form of user data in which Nova takes it: compressed, which cloud-init notices, and base64.

    Raises:
        CannotBuild: It is too long.
    """
    encoded = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    if len(encoded) > MAX_ENCODED:
        raise CannotBuild("The address, ref and path of this repository are too long for an instance.")
    return encoded


def render(spec: InstanceSpec, settings: AgentSettings) -> str:
    """The user data as cloud-init reads it.

    Raises:
        CannotBuild: The repository's address has a password in it.
    """
    if _USERINFO.search(spec.url):
        raise CannotBuild(
            "The repository's address has a user or a password in it, which instances do not get."
        )
    return _filled(archive(), content_of(task_of(spec), settings), settings)


def render_bake(spec: InstanceSpec, settings: AgentSettings, order: BakeOrder) -> str:
    """The user data of a machine whose image is kept, or was."""
    content = content_of(task_of(spec), settings)
    return _filled(archive_that_bakes(), {**content, "bake": asdict(order)}, settings)


def _filled(agent: bytes, content: dict[str, Any], settings: AgentSettings) -> str:
    return _TEMPLATE.format(
        agent=_encoded(agent),
        task=base64.b64encode(json.dumps(content).encode()).decode(),
        booting=_BOOTING.replace('"', '\\"'),
        console=settings.reports.console,
    )


@cache
def _encoded(agent: bytes) -> str:
    # Without the time, the same agent always is the same user data.
    return base64.b64encode(gzip.compress(agent, mtime=0)).decode()
