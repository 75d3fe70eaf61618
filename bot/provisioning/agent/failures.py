"""What stops a launch, a command, or the way of an image.

Exception
├── Failure         the launch goes no further; carries the sentences that people read
├── CommandFailed   a command ended with an error; the caller knows what that means
└── TransferFailed  an image could not be pulled or pushed; launches go on without
"""

from __future__ import annotations

from enum import Enum


class FailureCode(str, Enum):
    """What the bot, and an operator at the console, call a failure. docs/openstack.md explains each."""

    NO_EGRESS = "no-egress"
    HOST_UNREACHABLE = "host-unreachable"
    NO_METADATA = "no-metadata"
    NO_TOOLS = "no-tools"
    NO_FIREWALL = "no-firewall"
    BAD_SOURCE = "bad-source"
    BAD_TASK = "bad-task"
    FETCH_FAILED = "fetch-failed"
    COMMIT_GONE = "commit-gone"
    NO_PATH = "no-path"
    NEEDS_ENGINE = "needs-engine"
    NEEDS_CONDA = "needs-conda"
    BUILD_FAILED = "build-failed"
    BUILD_TIMEOUT = "build-timeout"
    START_FAILED = "start-failed"
    SERVER_LOST = "server-lost"
    SERVER_ENDED = "server-ended"
    AGENT_ERROR = "agent-error"


class Failure(Exception):
    """The launch goes no further.

    Args:
        reason: One sentence for the person who launched it.
        code: The same for the bot.
        hint: What can be done about it.
    """

    def __init__(self, reason: str, code: FailureCode, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.hint = hint


class CommandFailed(Exception):
    """A command ended with another code than 0.

    Args:
        command: Its name.
        code: Its exit code; negative where a signal ended it.
        output: The end of what it printed.
    """

    def __init__(self, command: str, code: int, output: str) -> None:
        super().__init__(f"{command}: exit code {code}")
        self.code = code
        self.output = output

    @property
    def last_line(self) -> str:
        """The last line that it printed."""
        printed = [line.strip() for line in self.output.splitlines() if line.strip()]
        return printed[-1].rstrip(".") if printed else f"exit code {self.code}"


class TransferFailed(Exception):
    """An image could not be pulled or pushed; the text says why, for the log."""
