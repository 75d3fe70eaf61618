"""Fetching a repository at one exact commit with git, and finding one's way in it."""

import difflib
import os
from pathlib import Path

from bot.errors import CannotBuild
from bot.provisioning.base import Order, Phase
from bot.provisioning.runner.commands import CommandFailed, Job

GIT_PROVIDERS = frozenset({"gh", "gl", "gist", "git"})
"""Providers whose source is a git repository."""

_GIT = [
    "git",
    *("-c", "protocol.allow=never", "-c", "protocol.https.allow=always", "-c", "protocol.http.allow=always"),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false"),
    # A host that sends less than this many bytes a second for that many seconds has gone away.
    *("-c", "http.lowSpeedLimit=100", "-c", "http.lowSpeedTime=60"),
]
_UNREACHABLE = (
    "unable to access",
    "could not read Username",
    "not found",
    "not allowed",
    "Authentication failed",
)


def fetch(job: Job, order: Order) -> str:
    """Check the order's commit out into the instance's directory; gives the full commit.

    Raises:
        CannotBuild: It is not to be had.
    """
    job.reporter.say(Phase.FETCHING, f"Fetching {order.url}")
    try:
        return _check_out(job, order)
    except CommandFailed as error:
        raise CannotBuild(f"{order.url} could not be fetched: {_last(error.output)}.") from error


def _check_out(job: Job, order: Order) -> str:
    repo = job.directory.repo
    repo.mkdir(parents=True, exist_ok=True)
    _git(job, "init", "--quiet")
    _git(job, "remote", "add", "--", "origin", order.url)
    commit = _fetch_commit(job, order) if order.commit else _fetch_ref(job, order.ref or "HEAD")
    _git(job, "checkout", "--quiet", "--detach", commit)
    if (repo / ".gitmodules").is_file():
        job.reporter.say(Phase.FETCHING, "Fetching its submodules")
        _git(job, "submodule", "update", "--quiet", "--init", "--recursive")
    return commit


def inside(checkout: Path, name: str) -> Path | None:
    """The path of a name within a checkout; None where it is absent or, by a link, lies elsewhere."""
    path = checkout / name
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):  # absent, too long, or a circle of links
        return None
    return path if real.is_relative_to(checkout.resolve()) else None


def require_path(checkout: Path, name: str) -> Path:
    """The path that was asked for.

    Raises:
        CannotBuild: There is no such file or directory; names the nearest ones.
    """
    path = None if _leads_out(name) else inside(checkout, name)
    if path is not None:
        return path
    near = difflib.get_close_matches(name, _names(checkout), n=3, cutoff=0.5)
    hint = f"The nearest names are {', '.join(f'`{each}`' for each in near)}." if near else ""
    raise CannotBuild(f"The repository has no file or directory `{name}` at this commit.", hint=hint)


def _leads_out(name: str) -> bool:
    return name.startswith("/") or ".." in Path(name).parts or "\0" in name


def _names(checkout: Path, limit: int = 5_000) -> list[str]:
    names: list[str] = []
    for folder, folders, files in os.walk(checkout):
        folders[:] = sorted(each for each in folders if each != ".git")
        here = Path(folder).relative_to(checkout)
        names += [str(here / each) for each in (*folders, *sorted(files))]
        if len(names) > limit:
            break
    return names


def _fetch_commit(job: Job, order: Order) -> str:
    """Fetch one commit by the cheapest way that the server allows."""
    commit = str(order.commit)
    ref = "HEAD" if order.is_tip else order.ref or "HEAD"
    ways = [
        ["--depth", "1", "--", "origin", commit],
        ["--depth", "1", "--", "origin", ref],
        ["--", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"],
    ]
    for way in ways:
        try:
            _git(job, "fetch", "--quiet", "--no-tags", *way)
        except CommandFailed as error:
            if any(sign in error.output for sign in _UNREACHABLE):
                raise
            continue
        if _has(job, commit):
            return commit
    raise CannotBuild(
        f"The commit {commit[:12]} is no longer in {order.url}.",
        hint="The branch was rewritten or removed meanwhile; launch it again.",
    )


def _fetch_ref(job: Job, ref: str) -> str:
    _git(job, "fetch", "--quiet", "--no-tags", "--depth", "1", "--", "origin", ref)
    return _git(job, "rev-parse", "FETCH_HEAD^{commit}").strip()


def _has(job: Job, commit: str) -> bool:
    try:
        _git(job, "cat-file", "-e", f"{commit}^{{commit}}")
    except CommandFailed:
        return False
    return True


def _last(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1].removeprefix("fatal: ").rstrip(".") if lines else "git said nothing"


def _git(job: Job, *arguments: str) -> str:
    environment = {
        **os.environ,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }
    return job.run([*_GIT, *arguments], cwd=job.directory.repo, environment=environment)
