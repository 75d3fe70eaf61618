"""Fetching a repository at one exact commit, with git as a guarded child process."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from bot.provisioning.agent.checkout import fetch_tags, note_of_lfs
from bot.provisioning.agent.commands import run
from bot.provisioning.agent.failures import CommandFailed, Failure, FailureCode
from bot.provisioning.agent.git_right import await_right
from bot.provisioning.agent.phases import Phase
from bot.provisioning.agent.reasons import git_reason
from bot.provisioning.agent.source import source_of
from bot.provisioning.agent.submodules import update_submodules

if TYPE_CHECKING:
    from bot.provisioning.agent.git_right import GitRight
    from bot.provisioning.agent.job import Job
    from bot.provisioning.agent.task import Task

_GIT = (
    "git",
    *("-c", "protocol.allow=never", "-c", "protocol.https.allow=always", "-c", "protocol.http.allow=always"),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false"),
    # A host that sends less than this many bytes a second for that many seconds has gone away.
    *("-c", "http.lowSpeedLimit=100", "-c", "http.lowSpeedTime=60"),
)
_VARIABLES = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LFS_SKIP_SMUDGE": "1",
    # What git says is read for reasons.
    "LC_ALL": "C.UTF-8",
}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FINAL = (
    "unable to access",
    "could not read Username",
    "not found",
    "not allowed",
    "Authentication failed",
)
"""What git says where another way to fetch the same is no use."""


def fetch(job: Job) -> str:
    """Check out the commit that was asked for, by the cheapest way that its host allows; gives that commit.

    Raises:
        Failure: It cannot be had.
    """
    job.deadline.restart()
    job.reporter.begin(Phase.FETCHING, f"Fetching {job.task.url}")
    git = _Git(job, await_right(job) if job.task.needs_right else None)
    shutil.rmtree(job.places.repo, ignore_errors=True)
    job.places.repo.mkdir(parents=True)
    try:
        commit = _check_out(job, git)
        note = note_of_lfs(job.places.repo, git)
    except CommandFailed as error:
        job.reporter.log(error.output)
        raise Failure(
            f"{job.task.url} could not be fetched: {git_reason(error.output)}.", FailureCode.FETCH_FAILED
        ) from error
    if note:
        job.reporter.note(note)
    return commit


class _Git:
    """Runs git in the checkout.

    What it prints stays out of the log: a way that fails is followed by another one, which may work.

    Args:
        job: Whose checkout it is.
        right: The right to read the repository, where it needs one.
    """

    def __init__(self, job: Job, right: GitRight | None) -> None:
        self._job = job
        self._variables = right.variables() if right is not None else {}

    def __call__(self, *arguments: str) -> str:
        environment = {**os.environ, **_VARIABLES, **self._variables}
        command = [*_GIT, *arguments]
        where = self._job.places.repo
        return run(self._job, command, cwd=where, environment=environment, on_line=_not_in_the_log)


def _check_out(job: Job, git: _Git) -> str:
    git("init", "--quiet")
    git("remote", "add", "--", "origin", source_of(job.task))
    commit = _fetch_commit(job, git, job.task.commit) if job.task.commit else _fetch_ref(job, git)
    git("checkout", "--quiet", "--detach", commit)
    fetch_tags(job.places.repo, git)
    if (job.places.repo / ".gitmodules").is_file():
        job.reporter.progress("Fetching its submodules")
        update_submodules(job.places.repo, git, has_right=job.task.needs_right)
    return commit


def _fetch_commit(job: Job, git: _Git, commit: str) -> str:
    """Fetch one commit by the cheapest way that the server allows."""
    if not _COMMIT.fullmatch(commit):
        raise Failure(f"{commit!r} is no full commit.", FailureCode.BAD_SOURCE)
    ref = "HEAD" if job.task.is_tip else job.task.ref or "HEAD"
    ways = (
        ("--depth", "1", "--", "origin", commit),
        ("--depth", "1", "--", "origin", ref),
        ("--", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"),
    )
    for way in ways:
        try:
            git("fetch", "--quiet", "--no-tags", *way)
        except CommandFailed as error:
            if way is ways[-1] or any(sign in error.output for sign in _FINAL):
                raise
            continue
        if _has(git, commit):
            return commit
    raise _without_commit(job.task, commit)


def _without_commit(task: Task, commit: str) -> Failure:
    """Why a commit is not there: it was asked for itself, or as the end of a branch that moved meanwhile."""
    if task.ref and commit.startswith(task.ref):
        return Failure(
            f"{task.url} has no commit {commit[:12]}.",
            FailureCode.COMMIT_GONE,
            "Is it a commit of a fork? Then launch the fork.",
        )
    return Failure(
        f"The commit {commit[:12]} is no longer in {task.url}.",
        FailureCode.COMMIT_GONE,
        "The branch was rewritten or removed meanwhile. Launch it again.",
    )


def _fetch_ref(job: Job, git: _Git) -> str:
    ref = job.task.ref or "HEAD"
    git("fetch", "--quiet", "--no-tags", "--depth", "1", "--", "origin", ref)
    return git("rev-parse", "--verify", "FETCH_HEAD^{commit}").strip()


def _has(git: _Git, commit: str) -> bool:
    try:
        git("cat-file", "-e", f"{commit}^{{commit}}")
    except CommandFailed:
        return False
    return True


def _not_in_the_log(_: str) -> None:
    return None
