"""Which Python builds, where the one that is asked for is not here. A script stands in for uv."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.provisioning.agent.failures import Failure
from bot.provisioning.agent.job import Job
from bot.provisioning.agent.pythons import find_python, satisfies
from bot.provisioning.agent.settings import UvSettings
from tests.unit.provisioning.agent.jobs import a_job

OWN = Path(os.path.realpath(sys.executable))
UV = """#!/bin/sh
folder=$(dirname "$0")
echo "$UV_PYTHON_DOWNLOADS $*" >> "$folder/calls"
case "$*" in
"python list"*)
  echo '[{"version": "3.11.7"}, {"version": "3.9.18"}, {"version": "3.9.1"}, {"version": "3.14.0a1"}]' ;;
"python install"*) touch "$folder/installed" ;;
"python find"*) test -e "$folder/installed" && echo "$folder/python" ;;
esac
"""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return a_job(tmp_path)


@pytest.fixture
def uv(tmp_path: Path) -> UvSettings:
    script = tmp_path / "uv/uv"
    script.parent.mkdir()
    script.write_text(UV)
    script.chmod(0o755)
    return UvSettings(uv=str(script), root=str(tmp_path / "root"), cache=str(tmp_path / "cache"))


def calls(uv: UvSettings) -> str:
    path = Path(uv.uv).with_name("calls")
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("asked", ["", ">=3.9", f"{sys.version_info[0]}.{sys.version_info[1]}"])
def test_the_agent_s_own_python_is_taken_where_it_will_do(job: Job, uv: UvSettings, asked: str) -> None:
    assert find_python(job, uv, asked).path == OWN
    assert calls(uv) == ""
    assert job.reporter.notes == ()


def test_another_one_stands_in_and_the_launch_says_so(job: Job, uv: UvSettings) -> None:
    found = find_python(job, uv, "3.6")

    assert (found.path, found.stands_in_for) == (OWN, "3.6")
    assert job.reporter.notes == (found.apology,)
    assert "asks for Python 3.6, which is not installed on this machine" in found.apology


def test_for_python_2_none_stands_in_and_those_that_are_here_are_named(job: Job, uv: UvSettings) -> None:
    with pytest.raises(Failure, match=r"asks for Python 2\.7") as failure:
        find_python(job, uv, "2.7")

    assert failure.value.hint.startswith(
        "Installed here: Python 3.9, 3.11, 3.14. It needs a container engine"
    )


def test_nothing_is_downloaded_unless_the_operator_allows_it(job: Job, uv: UvSettings) -> None:
    find_python(job, uv, "3.6")
    assert "install" not in calls(uv)
    assert {line.split()[0] for line in calls(uv).splitlines()} == {"never"}

    found = find_python(job, replace(uv, python_downloads=True), "3.6")
    assert found.path == Path(uv.uv).with_name("python")
    assert found.apology == ""
    assert "manual python install 3.6" in calls(uv)


@pytest.mark.parametrize(
    ("asked", "is_satisfied"),
    [
        ("3.11", True),
        ("3.11.7", True),
        ("3.11.6", False),
        ("3", True),
        ("3.1", False),
        ("==3.11.*", True),
        ("!=3.11", False),
        (">=3.9", True),
        (">=3.9,<4", True),
        (">=3.9, <3.11", False),
        (">=3.12", False),
        ("<=3.11", True),
        (">3.11", False),
        ("<3.12", True),
        ("~=3.9", True),
        ("~=3.11.2", True),
        ("~=3.10.2", False),
        ("anything", False),
    ],
)
def test_which_pythons_satisfy_what_is_asked(asked: str, is_satisfied: bool) -> None:  # noqa: FBT001 - a parameter
    assert satisfies((3, 11, 7), asked) == is_satisfied
