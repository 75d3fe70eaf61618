"""Running the commands of a build: their output goes to the build log, their time is limited."""

import os
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import CannotBuild
from bot.provisioning.local_instance import InstanceDirectory, RunnerSettings
from bot.provisioning.runner.reporter import Reporter

_LOOK_SECONDS = 0.05
_OUTPUT_KEPT = 256 * 1024


class CommandFailed(Exception):
    """A command ended with another code than 0.

    Args:
        code: Its exit code; negative where a signal ended it.
        output: The end of what it printed.
    """

    def __init__(self, code: int, output: str) -> None:
        super().__init__(f"exit code {code}")
        self.code = code
        self.output = output


@dataclass(slots=True)
class Job:
    """What all steps of one binder's build share.

    Attributes:
        directory: The instance's directory.
        settings: What the operator chose.
        reporter: Where progress is told.
        deadline: When the build must be done, on the monotonic clock.
    """

    directory: InstanceDirectory
    settings: RunnerSettings
    reporter: Reporter
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.settings.build_seconds

    def run(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        stdin: str = "",
        on_line: Callable[[str], None] | None = None,
    ) -> str:
        """Run a command to its end and give the end of its output, which is also in the build log.

        Args:
            arguments: The command; no shell is involved.
            cwd: Where it runs.
            environment: All of its environment.
            stdin: What it reads.
            on_line: Called with each line of output as it appears.

        Raises:
            CommandFailed: It ended with another code than 0.
            CannotBuild: The time of the build was up, or there is no such command.
        """
        follow = _Follower(self.directory.log, on_line)
        with self.directory.log.open("ab") as log, tempfile.TemporaryFile() as given:
            given.write(stdin.encode())
            given.seek(0)
            try:
                process = subprocess.Popen(  # noqa: S603 - an argument list, never a shell
                    arguments,
                    cwd=cwd,
                    env=dict(environment),
                    stdin=given,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise CannotBuild(
                    f"`{Path(arguments[0]).name}` could not be run: {error.strerror}."
                ) from error
            code = self._wait(process, follow)
        output = follow.rest()
        if code != 0:
            raise CommandFailed(code, output)
        return output

    def check_time(self) -> None:
        """Raise where the time of the build is up.

        Raises:
            CannotBuild: It is.
        """
        if time.monotonic() >= self.deadline:
            raise CannotBuild(f"It was not built within {self.settings.build_seconds / 60:g} minutes.")

    def _wait(self, process: subprocess.Popen[bytes], follow: "_Follower") -> int:
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    return process.wait(_LOOK_SECONDS)
                follow.look()
                self.check_time()
        finally:
            _end_group(process)


def runnable(script: Path) -> list[str]:
    """The command that runs a script as a shell would: by sh where it names no interpreter."""
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    with script.open("rb") as file:
        return [str(script)] if file.read(2) in {b"#!", b"\x7fE"} else ["/bin/sh", str(script)]


class _Follower:
    """Reads what is appended to the build log from now on.

    A pipe would not do: whatever a build leaves running in the background would hold it open.
    """

    def __init__(self, path: Path, on_line: Callable[[str], None] | None) -> None:
        self._path = path
        self._on_line = on_line
        self._begin = self._seen = path.stat().st_size if path.exists() else 0

    def look(self) -> None:
        """Hand on the whole lines that are new."""
        if self._on_line is None:
            return
        with self._path.open("rb") as file:
            file.seek(self._seen)
            new = file.read(_OUTPUT_KEPT)
        whole = new[: new.rfind(b"\n") + 1]
        self._seen += len(whole) or (len(new) if len(new) == _OUTPUT_KEPT else 0)
        for line in whole.decode(errors="replace").splitlines():
            self._on_line(line)

    def rest(self) -> str:
        """Hand on what is left, and give the end of everything that was printed."""
        self.look()
        with self._path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._begin, size - _OUTPUT_KEPT))
            return file.read().decode(errors="replace")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what the command left running, and the command where its time was up."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
