"""Fetching a checkout's submodules, over https even if their addresses are for ssh."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.provisioning.agent.failures import CommandFailed, Failure, FailureCode
from bot.provisioning.agent.reasons import git_reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_HOSTS = ("github.com", "gist.github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "hf.co")
"""Hosts whose repositories are at the same path for ssh and for https."""
_SCP_FORM = re.compile(r"^\s*url\s*=\s*(?:[\w.-]+@)(?P<host>[\w.-]+):", re.MULTILINE)
_OF_ONE = re.compile(r"(?:clone of '(?P<url>[^']+)' into )?submodule path '(?P<path>[^']+)'")
_MAX_BYTES = 64 * 1024


def update_submodules(checkout: Path, git: Callable[..., str], *, has_right: bool = False) -> None:
    """Check out all submodules of a checkout, and theirs.

    Args:
        checkout: The checkout.
        git: Runs git in it with these arguments.
        has_right: Whether the checkout was fetched with a right to this one repository.

    Raises:
        Failure: One cannot be had; names it.
    """
    try:
        git(*over_https(checkout), "submodule", "update", "--quiet", "--init", "--recursive")
    except CommandFailed as error:
        failure = _failure(checkout, error.output, has_right=has_right)
        if failure is None:
            raise
        raise failure from error


def over_https(checkout: Path) -> list[str]:
    """Options of git that turn addresses for ssh and of git's own protocol into addresses for https."""
    with (checkout / ".gitmodules").open("rb") as file:
        text = file.read(_MAX_BYTES).decode(errors="replace")
    hosts = dict.fromkeys([*_HOSTS, *(match["host"] for match in _SCP_FORM.finditer(text))])
    rules = {"https://": ["git://", "ssh://git@"]}
    rules |= {f"https://{host}/": [f"git@{host}:"] for host in hosts}
    return [
        word
        for replacement, replaced in rules.items()
        for each in replaced
        for word in ("-c", f"url.{replacement}.insteadOf={each}")
    ]


def _failure(checkout: Path, output: str, *, has_right: bool) -> Failure | None:
    """The sentence that names the submodule; None where git names none."""
    found = next((match for match in _OF_ONE.finditer(output) if match["path"]), None)
    if found is None:
        return None
    path = found["path"].replace(f"{checkout}/", "")
    at = f" ({found['url']})" if found["url"] else ""
    is_ssh = bool(found["url"]) and urlsplit(found["url"]).scheme not in {"http", "https"}
    hint = "Only submodules that everybody can clone over https can be fetched."
    if has_right:
        hint += " The right to read this repository is for no other one."
    return Failure(
        f"Its submodule `{path}`{at} could not be fetched: {git_reason(output)}.",
        FailureCode.FETCH_FAILED,
        f"{hint} The bot has no key for ssh." if is_ssh else hint,
    )
