"""A machine: a folder into which user data was unpacked as cloud-init does, and the agent running in it."""

import base64
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.provisioning.instances import Phase, Report
from bot.provisioning.openstack.console import MARKER, report_of_console

CONSOLE = "/dev/console"


def decode(user_data: str) -> str:
    """What cloud-init makes of the user data that Nova was given."""
    return gzip.decompress(base64.b64decode(user_data, validate=True)).decode()


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


def run_bootcmd(user_data: str, root: Path) -> None:
    """Do what cloud-init does at each boot, on the console of that machine instead of this one's."""
    for command in yaml.safe_load(user_data)["bootcmd"]:
        subprocess.run([word.replace(CONSOLE, f"{root}{CONSOLE}") for word in command], check=True)


class GuestMachine:
    """One machine: its files, its console, and the agent's process.

    Args:
        root: What stands for `/`.
        environment: What the agent's process finds in its environment.
    """

    patience = 60.0
    """How long a test waits for what a machine does, in seconds."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self.root = root
        self.environment = dict(environment)
        self.python = sys.executable
        self._agent: subprocess.Popen[bytes] | None = None
        self._console.parent.mkdir(parents=True)
        self._console.touch()

    def boot(self) -> None:
        """Start what the unit starts."""
        unit = (self.root / "etc/systemd/system/binder-bot-agent.service").read_text()
        command = next(line for line in unit.splitlines() if line.startswith("ExecStart=")).split()[1:]
        self._agent = subprocess.Popen(
            [self.python, *(str(self.root / part.lstrip("/")) for part in command), "--root", str(self.root)],
            env=self.environment,
            cwd=self.root,
        )

    def kill_agent(self) -> None:
        """End the agent and its commands without a word, as a loss of power does."""
        if self._agent is None:
            return
        # Its commands have sessions of their own; systemd would end them by their cgroup.
        children = Path(f"/proc/{self._agent.pid}/task/{self._agent.pid}/children")
        with suppress(FileNotFoundError):
            for child in children.read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)
        self._agent.kill()
        self._agent.wait()

    def ended(self) -> Report:
        """Wait for the agent to give up; what it said last."""
        assert self._agent is not None
        assert self._agent.wait(self.patience) == 0
        report = self.report
        assert report is not None
        return report

    def serving(self) -> Report:
        """Wait until it serves."""
        return self.until(lambda report: report.phase in {Phase.SERVING, Phase.FAILED})

    def until(self, is_so: Callable[[Report], bool]) -> Report:
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            report = self.report
            if report is not None and is_so(report):
                return report
            time.sleep(0.02)
        pytest.fail(f"not within {self.patience:g} seconds; the console says:\n{self.console}")

    @property
    def _console(self) -> Path:
        return self.root / CONSOLE.lstrip("/")

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
        report = self.report
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

    def head(self) -> str:
        """The commit that is checked out."""
        repo = self.root / "var/lib/binder-bot/work/repo"
        return subprocess.check_output(["git", "-C", repo, "rev-parse", "HEAD"], text=True).strip()
