"""Start the agent: `python3 agent.pyz <task.json>`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bot.provisioning.agent.failures import Failure, FailureCode
from bot.provisioning.agent.firewall import close_metadata_service
from bot.provisioning.agent.job import start_job
from bot.provisioning.agent.phases import Phase
from bot.provisioning.agent.processes import adopt_orphans, end_descendants
from bot.provisioning.agent.task import read, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.provisioning.agent.job import Job


def main(arguments: Sequence[str]) -> int:
    """Run the agent; 0 where a later start would end the same."""
    options = parsed(arguments)
    if options.firewall:
        close_metadata_service()
        return 0
    job = prepared(options)
    if job.task.is_open:
        run(job, partial(_await_order, file=options.task))
        job = prepared(options)
    return 0 if job.task.is_open else run(job, _launch)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="agent", description="Serves one repository from this machine.")
    parser.add_argument("task", nargs="?", type=Path, help="what to serve and how, as JSON")
    parser.add_argument("--port", type=int, help="where to serve, instead of what the settings say")
    parser.add_argument("--root", type=Path, default=Path("/"), help="what stands for / (for tests)")
    parser.add_argument("--firewall", action="store_true", help="only close the cloud's metadata service")
    return parser.parse_args(arguments)


def prepared(options: argparse.Namespace) -> Job:
    """What the steps share, by the file that the command line names."""
    task, settings = read(options.task)
    if options.port is not None:
        settings = replace(settings, port=options.port)
    os.environ.update(settings.environment)
    return start_job(task, settings, options.root)


def run(job: Job, work: Callable[[Job], None]) -> int:
    """Do the work, such as to serve until the machine ends, or say why not."""
    adopt_orphans()
    signal.signal(signal.SIGTERM, _stop)
    try:
        job.places.make()
        job.reporter.begin(Phase.BOOTING, "The agent has started")
        work(job)
    except Failure as failure:
        job.reporter.fail(failure)
    except Exception as error:
        what = f"The agent broke: {type(error).__name__}: {error}."
        job.reporter.fail(Failure(what, FailureCode.AGENT_ERROR))
        raise
    finally:
        end_descendants()
    return 0


def _await_order(job: Job, file: Path) -> None:
    """Wait for an order, and write it down: what follows is the same as after the next start of the agent."""
    from bot.provisioning.agent.waiting import await_order  # noqa: PLC0415 - for warm instances alone

    write(file, await_order(job), job.settings)


def _launch(job: Job) -> None:
    # Each way has imports that the other does without; those of uv stay on the host.
    if job.settings.uv is None:
        from bot.provisioning.agent import container_build  # noqa: PLC0415

        container_build.launch(job)
    else:
        from bot.provisioning.agent import uv_build  # noqa: PLC0415

        uv_build.launch(job, job.settings.uv)


def _stop(_number: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
