"""A guest: a machine on which the agent runs among stubs of commands."""

import json
import os
import shutil
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.provisioning.agent.settings import AgentSettings, MachineSettings, ReportSettings
from bot.provisioning.instances import InstanceSpec
from bot.provisioning.openstack.user_data import render
from tests.fakes.waiting import free_port
from tests.integration.agent.machine import GuestMachine, unpack

TOKEN = "s3cr3t-" + "token" * 8
STUBS = ("docker", "repo2docker", "apt-get", "iptables")
REAL = ("git", "sh", "sed", "basename", "dirname", "uname", "cat", "tr", "grep", "env")
QUICK = AgentSettings(
    start_seconds=15,
    poll_seconds=0.02,
    watch_seconds=0.05,
    build_seconds=30,
    reports=ReportSettings(seconds=0),
    machine=MachineSettings(egress_seconds=0.3),
)


def an_order(url: str, **changes: Any) -> InstanceSpec:
    order = InstanceSpec(
        binder_id="k3v9",
        provider="git",
        url=url,
        ref=None,
        commit=None,
        is_tip=False,
        path=None,
        interface=None,
        size="m3.small",
        token=TOKEN,
        owner="UOWNER",
        channel="CCHANNEL",
        ends_at=1_800_000_000.0,
    )
    return replace(order, **changes)


def install_stub(folder: Path, name: str) -> None:
    """Put a stub of a command into a folder; its state is in `state` beside that folder.

    Stubs are called a thousand times: what they share is a module, which Python compiles once.
    """
    path = folder / name
    path.write_text(
        f"#!{sys.executable} -IS\n"
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from stub_commands import main; sys.exit(main())\n"
    )
    path.chmod(0o755)


class Guest(GuestMachine):
    """A machine whose commands are stubs, but for git and the plainest ones."""

    def __init__(self, directory: Path) -> None:
        self.commands = directory / "bin"
        self.state = directory / "state"
        self.port = free_port()
        root = directory / "root"
        super().__init__(root, {"PATH": str(self.commands), "HOME": str(root)})
        for each in (self.commands, self.state / "apt", self.state / "containers"):
            each.mkdir(parents=True)
        for name in STUBS:
            self.add(name)
        for name in REAL:
            found = shutil.which(name)
            if found:
                (self.commands / name).symlink_to(found)

    def add(self, name: str, *, by_apt: bool = False) -> None:
        """Install a stub, or have apt-get install it."""
        install_stub(self.state / "apt" if by_apt else self.commands, name)

    def remove(self, name: str, *, but_apt_has_it: bool = False) -> None:
        (self.commands / name).unlink()
        if but_apt_has_it:
            self.add(name, by_apt=True)

    def says(self, name: str, content: str = "") -> None:
        """Tell the stubs how to behave."""
        (self.state / name).write_text(content)

    def launch(self, order: InstanceSpec, settings: AgentSettings = QUICK) -> None:
        """Be a new machine with this user data."""
        unpack(render(order, replace(settings, port=self.port)), self.root)
        self.boot()

    def halt(self) -> None:
        """Lose power: nothing that ran does any more."""
        self.kill_agent()
        for container in (self.state / "containers").glob("*"):
            with suppress(ProcessLookupError, KeyError):
                os.kill(json.loads(container.read_text())["Pid"], signal.SIGKILL)

    def calls(self, name: str, *beginning: str) -> list[dict[str, Any]]:
        """How a command was called, with these first arguments."""
        file = self.state / "calls.jsonl"
        calls = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [c for c in calls if c["name"] == name and c["argv"][: len(beginning)] == list(beginning)]
