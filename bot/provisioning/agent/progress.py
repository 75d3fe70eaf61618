"""What the output of a build tells of how far it is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from bot.provisioning.agent.kinds import kind_of

if TYPE_CHECKING:
    from bot.provisioning.agent.reports import Reporter

_STEP = re.compile(r"#\d+ \[(?:[\w.-]{1,80}\s{1,9})?\s{0,9}(\d{1,4})/(\d{1,4})\]")
_GIVING_UP = "Error during build:"
_COMMAND_ENDED = re.compile(r"Command '?\[.*\]'? returned non-zero exit status \d+\.?\s*\Z", re.DOTALL)
_BUILDER = re.compile(r"Using (\w{1,80}) builder")


class BuildProgress:
    """Reads the output of repo2docker line by line, and reports the steps that it tells of.

    Args:
        reporter: Where to.

    Attributes:
        own_reason: Why repo2docker itself gave up, in its own words; empty where a command failed.
        kind: What it builds with; empty where that is not known.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self.own_reason = ""
        self.kind = ""

    def __call__(self, line: str) -> str:
        """Report one line; gives what belongs into the log."""
        message = message_of(line)
        if message.startswith(_GIVING_UP):
            self.own_reason = message = own_reason_of(message)
        if used := _BUILDER.match(message):
            self.kind = kind_of(used[1])
            self._reporter.kind(self.kind)
        self._reporter.progress(message, fraction_of(message))
        return message


def message_of(line: str) -> str:
    """What a line of repo2docker says. It is one JSON object a line, with exceptions to that."""
    try:
        event = json.loads(line) if line.startswith("{") else None
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict) or not isinstance(event.get("message"), str):
        return line
    return str(event["message"]).rstrip("\n")


def own_reason_of(message: str) -> str:
    """Why repo2docker gave up. It repeats the command that ended; what is left without that is the reason."""
    return _COMMAND_ENDED.sub("", message[len(_GIVING_UP) :]).strip(" :\n")


def fraction_of(message: str) -> float | None:
    """The done part of a build, 0 to 1, where a line of buildx tells it."""
    step = _STEP.search(message)
    if step is None or int(step[2]) == 0:
        return None
    return min(int(step[1]) / int(step[2]), 1.0)
