"""git as a child process: with nobody's configuration, nobody to ask, and an end.

What it speaks to is hostile, and so is what it reads there: it ends at a deadline, prints no more than is
read, and may be kept from filling the memory and the disk.
"""

import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Final
from urllib.parse import urlsplit

from bot.errors import RepositoryUnreachable
from bot.sentences import Sentence

_PASSED_ON: Final = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE")
_PROXIES: Final = (
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
)


class GitComplaint(Exception):
    """git ended with an error; the text is what it said, in English, which quotes its host."""


@dataclass(frozen=True, slots=True)
class GuardedGit:
    """git, with the settings that keep it to one repository's host.

    Args:
        url: Where the repository really is.
        command: git and its settings.
        environment: Its whole environment.
        ceilings: What each process may use at most: {resource.RLIMIT_…: amount}.
    """

    url: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    ceilings: Mapping[int, int] = field(default_factory=dict)

    def run(self, *arguments: str, deadline: float, most: int, stdin: IO[bytes] | None = None) -> bytes:
        """What it prints when it is run with these arguments.

        Args:
            *arguments: A subcommand and its operands, which come from people only behind `--`.
            deadline: On the monotonic clock, in seconds.
            most: How many bytes are read.
            stdin: A file that it reads; nothing where none is given.

        Raises:
            GitComplaint: It ended with an error.
            RepositoryUnreachable: It did not end in time, or printed more than `most`.
        """
        return self.run_and_hear(*arguments, deadline=deadline, most=most, stdin=stdin)[0]

    def run_and_hear(
        self, *arguments: str, deadline: float, most: int, stdin: IO[bytes] | None = None
    ) -> tuple[bytes, str]:
        """What it prints, and what it says beside that, in English; the rest is as for `run`."""
        host = urlsplit(self.url).netloc
        with _running([*self.command, *arguments], self.environment, stdin) as process:
            for kind, amount in self.ceilings.items():
                resource.prlimit(process.pid, kind, (amount, amount))
            output, errors = _read_both(process, deadline, most, host)
            status = _status(process, deadline, host)
        if status:
            raise GitComplaint(errors.decode(errors="replace"))
        return output, errors.decode(errors="replace")


def environment(*, proxies: bool) -> dict[str, str]:
    """The little that git needs to know: none of our secrets, nobody's configuration, nobody to ask."""
    names = (*_PASSED_ON, *_PROXIES) if proxies else _PASSED_ON
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {
        "LC_ALL": "C",  # its complaints are read
        "HOME": "/nonexistent",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }


@contextmanager
def _running(
    command: Sequence[str], variables: Mapping[str, str], stdin: IO[bytes] | None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, of which nothing is left behind: git starts helpers."""
    process = subprocess.Popen(  # noqa: S603 - a list of arguments, and no shell
        command,
        env=dict(variables),
        cwd="/",  # away from any repository whose configuration git would read
        stdin=stdin or subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)  # not yet waited for, so the id is still its own
            raise


def _read_both(
    process: subprocess.Popen[bytes], deadline: float, limit: int, host: str
) -> tuple[bytes, bytes]:
    """What a process prints and complains, until it closes both.

    Raises:
        RepositoryUnreachable: The deadline passed, or more was printed than `limit` bytes.
    """
    texts = [bytearray(), bytearray()]
    with selectors.DefaultSelector() as selector:
        for pipe, text in zip((process.stdout, process.stderr), texts, strict=True):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, text)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready or time.monotonic() > deadline:
                raise RepositoryUnreachable(Sentence("{host} did not answer in time.", host=host))
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                key.data.extend(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
                if len(key.data) > limit:
                    raise RepositoryUnreachable(Sentence("{host} answered more than can be read.", host=host))
    return bytes(texts[0]), bytes(texts[1])


def _status(process: subprocess.Popen[bytes], deadline: float, host: str) -> int:
    try:
        return process.wait(timeout=max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise RepositoryUnreachable(Sentence("{host} did not answer in time.", host=host)) from None
