"""A guest: a directory into which user data was unpacked as cloud-init does, and the agent running in it."""

import base64
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.provisioning.agent.settings import AgentSettings, MachineSettings, ReportSettings
from bot.provisioning.base import InstanceSpec, Phase, Report
from bot.provisioning.openstack.console import MARKER, report_of_console
from bot.provisioning.openstack.user_data import render

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


def unpack(user_data: str, root: Path) -> None:
    """Do what cloud-init does with `write_files`."""
    for file in yaml.safe_load(user_data)["write_files"]:
        content = file["content"].encode()
        if file.get("encoding") in {"b64", "gz+b64"}:
            content = base64.b64decode(content, validate=True)
        if file.get("encoding") == "gz+b64":
            content = gzip.decompress(content)
        path = root / file["path"].lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(int(file["permissions"], 8))


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def install_stub(folder: Path, name: str) -> None:
    """Put a stub of a command into a folder; its state is in `state` beside that folder."""
    script = Path(__file__).with_name("stub_commands.py").read_text()
    path = folder / name
    path.write_text(f"#!{sys.executable} -IS\n{script}")
    path.chmod(0o755)


class Guest:
    """One machine: its files, its commands, its console, and the agent's process."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "root"
        self.commands = directory / "bin"
        self.state = directory / "state"
        self.port = a_free_port()
        self.python = sys.executable
        for each in (self.root / "dev", self.commands, self.state / "apt", self.state / "containers"):
            each.mkdir(parents=True)
        self._console.touch()
        for name in STUBS:
            self.add(name)
        for name in REAL:
            found = shutil.which(name)
            if found:
                (self.commands / name).symlink_to(found)
        self._process: subprocess.Popen[bytes] | None = None

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

    def boot(self) -> None:
        """Start what the unit starts."""
        unit = (self.root / "etc/systemd/system/binder-bot-agent.service").read_text()
        command = next(line for line in unit.splitlines() if line.startswith("ExecStart=")).split()[1:]
        self._process = subprocess.Popen(
            [self.python, *(str(self.root / part.lstrip("/")) for part in command), "--root", str(self.root)],
            env={"PATH": str(self.commands), "HOME": str(self.root)},
            cwd=self.root,
        )

    def halt(self) -> None:
        """Lose power: nothing that ran does any more."""
        self._kill_agent()
        for container in (self.state / "containers").glob("*"):
            with suppress(ProcessLookupError, KeyError):
                os.kill(json.loads(container.read_text())["Pid"], signal.SIGKILL)

    def _kill_agent(self) -> None:
        if self._process is None:
            return
        # Its commands have sessions of their own; systemd would end them by their cgroup.
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        with suppress(FileNotFoundError):
            for child in children.read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    def ended(self, seconds: float = 20) -> Report:
        """Wait for the agent to give up, or to be done; what it said last."""
        assert self._process is not None
        assert self._process.wait(seconds) == 0
        report = self.report
        assert report is not None
        return report

    def serving(self) -> Report:
        """Wait until it serves."""
        return self.until(lambda report: report.phase in {Phase.SERVING, Phase.FAILED})

    def until(self, is_so: Callable[[Report], bool]) -> Report:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            report = self.report
            if report is not None and is_so(report):
                return report
            time.sleep(0.02)
        pytest.fail(f"not within 20 seconds; the console says:\n{self.console}")

    @property
    def _console(self) -> Path:
        return self.root / "dev/console"

    @property
    def console(self) -> str:
        return self._console.read_text()

    def clear_console(self) -> None:
        self._console.write_text("")

    @property
    def report(self) -> Report | None:
        return report_of_console(self.console)

    @property
    def code(self) -> str:
        report = report_of_console(self.console)
        return report.code if report is not None else ""

    @property
    def events(self) -> list[dict[str, Any]]:
        """All that was reported, as it was written."""
        lines = self.console.splitlines()
        return [json.loads(line.removeprefix(MARKER.decode())) for line in lines if line]

    @property
    def phases(self) -> list[str]:
        """The phases in the order in which they came up."""
        return list(dict.fromkeys(event["phase"] for event in self.events))

    def calls(self, name: str, *beginning: str) -> list[dict[str, Any]]:
        """How a command was called, with these first arguments."""
        file = self.state / "calls.jsonl"
        calls = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [c for c in calls if c["name"] == name and c["argv"][: len(beginning)] == list(beginning)]

    def head(self) -> str:
        """The commit that is checked out."""
        repo = self.root / "var/lib/binder-bot/work/repo"
        return subprocess.check_output(["git", "-C", repo, "rev-parse", "HEAD"], text=True).strip()
