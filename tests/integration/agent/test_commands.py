"""Commands end: whatever they print, leave running, or refuse to do."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bot.provisioning.agent.commands import capture, run, succeeds
from bot.provisioning.agent.failures import CommandFailed, Failure
from bot.provisioning.agent.job import BuildDeadline, Job
from tests.fakes.waiting import eventually
from tests.unit.provisioning.agent.jobs import TOKEN, a_job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return a_job(tmp_path)


def test_all_that_a_command_prints_arrives_and_is_in_the_log(job: Job) -> None:
    printed = run(job, ["sh", "-c", "printf 'one\\ntwo' && cat >&2"], given="three\n")

    assert printed == "one\ntwothree"
    assert job.places.log.read_text() == "one\ntwothree\n"


def test_a_command_has_the_environment_that_it_is_given_and_no_more(job: Job) -> None:
    assert run(job, ["env"], environment={"PATH": os.defpath, "A": "b"}) == f"PATH={os.defpath}\nA=b"


def test_lines_may_be_kept_out_of_the_log(job: Job) -> None:
    assert run(job, ["echo", "hello"], on_line=lambda _: None) == "hello"
    assert not job.places.log.exists()


def test_a_secret_is_in_no_log(job: Job) -> None:
    run(job, ["echo", f"token={TOKEN}"])

    assert job.places.log.read_text() == "token=[token]\n"


def test_a_command_that_fails_says_how_and_what(job: Job) -> None:
    with pytest.raises(CommandFailed) as error:
        run(job, ["sh", "-c", "echo no; exit 3"])

    assert (error.value.code, error.value.output, error.value.last_line) == (3, "no", "no")


@pytest.mark.parametrize("command", [["/nonexistent"], ["echo", "a\0b"]])
def test_a_command_that_cannot_be_started_fails(job: Job, command: list[str]) -> None:
    with pytest.raises(CommandFailed):
        run(job, command)
    with pytest.raises(CommandFailed):
        capture(*command)
    assert not succeeds(*command)


def has_ended(process: int) -> bool:
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_what_a_command_leaves_running_does_not_hold_it_open(job: Job, tmp_path: Path) -> None:
    written = tmp_path / "pid"
    begun = time.monotonic()

    run(job, ["sh", "-c", f"sleep 601 & echo $! > {written}"])

    assert time.monotonic() - begun < 60
    left = int(written.read_text())
    eventually(lambda: has_ended(left), 20)


@pytest.mark.parametrize("behaviour", ["sleep 602", "yes", "exec 1>&- 2>&-; sleep 603"])
def test_a_command_that_takes_too_long_is_ended(job: Job, behaviour: str) -> None:
    job = replace(job, deadline=BuildDeadline(0.2))

    with pytest.raises(Failure, match="was not built within"):
        run(job, ["sh", "-c", behaviour], on_line=lambda _: None)


def test_a_line_without_an_end_does_not_fill_the_memory(job: Job) -> None:
    script = "import sys; sys.stdout.write('x' * 10_000_000)"

    printed = run(job, [sys.executable, "-c", script], on_line=lambda _: None)

    assert len(printed) < 2_000_000
