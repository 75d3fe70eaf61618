"""Running commands. None of them goes through a shell, and each has an end."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from collections import deque
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from bot.provisioning.agent.failures import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bot.provisioning.agent.job import Job

_SHORT_SECONDS = 120
_LOOK_SECONDS = 0.05
_READ_BYTES = 65_536
_LINES_KEPT = 2_000
_LINE_KEPT = 4_000
_NOT_STARTED = 127


def capture(*command: str, given: str = "", environment: Mapping[str, str] | None = None) -> str:
    """Run a short command and give what it printed.

    Args:
        *command: The command.
        given: What it reads.
        environment: Its whole environment; the agent's own by default.

    Raises:
        CommandFailed: It failed, is not there, or took too long.
    """
    try:
        result = subprocess.run(  # noqa: S603 - an argument list, never a shell
            command,
            check=False,
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=None if environment is None else dict(environment),
            timeout=_SHORT_SECONDS,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(command[0], _NOT_STARTED, str(error)) from error
    if result.returncode != 0:
        raise CommandFailed(command[0], result.returncode, result.stderr or result.stdout)
    return result.stdout


def succeeds(*command: str) -> bool:
    """Whether a short command ends with 0."""
    try:
        capture(*command)
    except CommandFailed:
        return False
    return True


def run(
    job: Job,
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    given: str = "",
    on_line: Callable[[str], str | None] = str,
) -> str:
    """Run a long command to its end, and give the end of what it printed.

    Args:
        job: Says how long the command may take.
        command: The command.
        cwd: Where it runs.
        environment: Its whole environment; the agent's own by default.
        given: What it reads.
        on_line: Called with each line as it appears. What it returns goes to the log; None goes nowhere.

    Raises:
        CommandFailed: It failed, or could not be started.
        Failure: The time of the build is up.
    """
    printed: deque[str] = deque(maxlen=_LINES_KEPT)

    def keep(line: str) -> None:
        text = on_line(line)
        printed.append((line if text is None else text)[:_LINE_KEPT])
        if text is not None:
            job.reporter.log(text)

    with tempfile.TemporaryFile() as stdin:
        stdin.write(given.encode())
        stdin.seek(0)
        with _started(command, cwd or job.places.directory, environment, stdin) as process:
            code = _follow(job, process, keep)
    output = "\n".join(printed)
    if code != 0:
        raise CommandFailed(Path(command[0]).name, code, output)
    return output


def wait_until(is_so: Callable[[], bool], seconds: float, poll_seconds: float) -> bool:
    """Look until it is so, or the time is up; says which."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() >= deadline:
            return False
        time.sleep(poll_seconds)
    return True


@contextmanager
def _started(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str] | None, stdin: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command in a process group of its own, of which nothing is left afterwards."""
    try:
        process = subprocess.Popen(  # noqa: S603 - an argument list, never a shell
            list(command),
            cwd=cwd,
            env=None if environment is None else dict(environment),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise CommandFailed(Path(command[0]).name, _NOT_STARTED, f"{Path(command[0]).name}: {why}") from error
    with process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _follow(job: Job, process: subprocess.Popen[bytes], on_line: Callable[[str], None]) -> int:
    """Read what a command prints until it ends, whatever it leaves running that holds its output open."""
    assert process.stdout is not None  # noqa: S101 - it was asked for: tells the type checker
    lines = _Lines(process.stdout.fileno(), on_line)
    while True:
        # Asked before the reading, so that nothing is missed that the command printed at its end.
        code = process.poll() if lines.is_open else _awaited(process)
        has_more = lines.read(_LOOK_SECONDS if code is None else 0.0)
        if code is not None and not has_more:
            lines.flush()
            return code
        job.deadline.check()
        job.reporter.write_due()


def _awaited(process: subprocess.Popen[bytes]) -> int | None:
    """The exit code of a command that prints nothing more, as soon as it ends; None if that takes longer."""
    try:
        return process.wait(_LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return None


class _Lines:
    """Cuts what arrives on a pipe into lines.

    Args:
        handle: The pipe.
        on_line: Called with each line.
    """

    def __init__(self, handle: int, on_line: Callable[[str], None]) -> None:
        self._handle = handle
        self._on_line = on_line
        self._rest = b""
        self._is_open = True

    @property
    def is_open(self) -> bool:
        """Whether more may come."""
        return self._is_open

    def read(self, seconds: float) -> bool:
        """Wait so long for more; whether anything came."""
        if not self._is_open:
            return False
        ready, _, _ = select.select([self._handle], [], [], seconds)
        new = os.read(self._handle, _READ_BYTES) if ready else b""
        self._is_open = bool(new) or not ready
        *whole, self._rest = (self._rest + new).split(b"\n")
        for line in whole:
            self._on_line(line.decode("utf-8", "replace"))
        if len(self._rest) > _READ_BYTES:
            self.flush()
        return bool(new)

    def flush(self) -> None:
        """Take what is left as a line."""
        if self._rest:
            self._on_line(self._rest.decode("utf-8", "replace"))
            self._rest = b""
