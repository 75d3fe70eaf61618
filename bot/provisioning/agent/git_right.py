"""The right to read one repository: how git is given it, and how an instance gets it.

It stands in the environment of git alone: not in the address, so that neither a checkout's configuration, nor
git's messages, nor a list of processes show it. git sends it to that repository's address and to no other.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from bot.provisioning.agent import instructions
from bot.provisioning.agent.failures import Failure, FailureCode

if TYPE_CHECKING:
    from bot.provisioning.agent.job import Job

INSTRUCTION = "source"
"""The name under which the bot leaves it."""
_WAIT_SECONDS = 300.0


@dataclass(frozen=True)
class GitRight:
    """The right to read one repository.

    Attributes:
        url: The repository's address.
        user: The name that goes with the password.
        password: A secret.
        until: When it ends, Unix seconds UTC; None for never.
    """

    url: str
    user: str
    password: str = field(repr=False)
    until: float | None = None

    def variables(self) -> dict[str, str]:
        """What is added to git's environment; secret."""
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        plain = self.url.rstrip("/")
        plain = plain.removesuffix(".git")
        variables = {"GIT_CONFIG_COUNT": "2"}
        for number, address in enumerate((plain, f"{plain}.git")):
            variables[f"GIT_CONFIG_KEY_{number}"] = f"http.{address}.extraHeader"
            variables[f"GIT_CONFIG_VALUE_{number}"] = f"Authorization: Basic {pair}"
        return variables

    def as_text(self) -> str:
        """The form in which it travels, sealed."""
        return json.dumps(asdict(self))


def await_right(job: Job) -> GitRight:
    """The right to read the repository of this launch. The bot gives it once this instance fetches.

    Raises:
        Failure: It did not come.
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        right = read_right(instructions.read(job, INSTRUCTION), job.task.url)
        if right is not None:
            return right
        job.reporter.write_due()
        time.sleep(min(1.0, job.settings.poll_seconds))
    raise Failure(
        f"The right to read {job.task.url} did not arrive.", FailureCode.FETCH_FAILED, "Launch it again."
    )


def read_right(text: str | None, url: str) -> GitRight | None:
    """The right that a text gives to this repository; None where it gives none, or it is over."""
    try:
        right = GitRight(**json.loads(text or "null"))
    except (ValueError, TypeError):
        return None
    is_over = right.until is not None and right.until < time.time()
    return None if is_over or right.url != url else right
