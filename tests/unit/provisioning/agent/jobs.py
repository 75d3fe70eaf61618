"""Jobs for tests: an agent's task, settings and reporter below a temporary directory."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.provisioning.agent.job import Job, start_job
from bot.provisioning.agent.settings import AgentSettings, ReportSettings
from bot.provisioning.agent.task import Task

TOKEN = "s3cr3t-" + "token" * 8


def a_task(url: str = "https://example.org/team/repo.git", provider: str = "git", **changes: Any) -> Task:
    task = Task(
        binder_id="k3v9",
        provider=provider,
        url=url,
        ref=None,
        commit=None,
        is_tip=False,
        path=None,
        extra=None,
        token=TOKEN,
    )
    return replace(task, **changes)


def a_job(root: Path, task: Task | None = None, **reports: Any) -> Job:
    """A job whose console is the file `console` below the root."""
    (root / "console").touch()
    settings = AgentSettings(
        directory="/agent", reports=ReportSettings(**{"console": "/console", "seconds": 0, **reports})
    )
    job = start_job(task or a_task(), settings, root)
    job.places.make()
    return job
