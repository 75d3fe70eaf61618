"""A server that never answers is told by what really happened."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.provisioning.agent import memory_events
from bot.provisioning.agent.failures import Failure
from bot.provisioning.agent.jupyter_process import Server, serve
from bot.provisioning.agent.recipe import Recipe, Wanted
from bot.provisioning.agent.settings import UvSettings
from tests.fakes.waiting import free_port
from tests.unit.provisioning.agent.jobs import a_job


def reason_of(root: Path, start: str | None, jupyter: str, uv: UvSettings | None = None) -> Failure:
    """Why a server does not start, of these two scripts."""
    job = a_job(root)
    job = replace(job, settings=replace(job.settings, uv=uv))
    job.reporter.log("+ websocket-client==1.9.2")
    job.places.repo.mkdir()
    for path, script in ((job.places.repo / "start", start), (root / "venv/bin/jupyter-server", jupyter)):
        if script is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(script)
            path.chmod(0o755)
    recipe = Recipe(
        root=job.places.repo,
        wanted=Wanted(job.places.repo),
        start=None if start is None else job.places.repo / "start",
    )
    server = Server(root / "venv", recipe, free_port(), "token", is_remote=False, sandbox=None)
    with pytest.raises(Failure) as failure:
        serve(job, server)
    return failure.value


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_start_script_without_exec_is_recognised(tmp_path: Path, line_end: str) -> None:
    failure = reason_of(tmp_path, line_end.join(["#!/bin/bash", "export X=1", ""]), "#!/bin/sh\n")

    assert failure.reason == "`start` ended without starting the server."
    assert 'must be `exec "$@"`' in failure.hint


def test_the_last_words_of_a_server_are_its_own(tmp_path: Path) -> None:
    script = (
        f"#!{sys.executable}\nimport sys\nsys.stderr.write('Loading\\n')\nraise ValueError('no such theme')\n"
    )
    failure = reason_of(tmp_path, None, script)

    assert (
        failure.reason == "Its server ended with exit code 1 before it answered: ValueError: no such theme."
    )


def test_a_server_without_last_words_gets_none_of_the_build_s(tmp_path: Path) -> None:
    assert reason_of(tmp_path, None, "#!/bin/sh\nexit 3\n").reason == (
        "Its server ended with exit code 3 before it answered."
    )


@pytest.mark.parametrize(
    ("counted", "how"), [(1, "ran out of memory"), (0, "was ended by SIGKILL")], ids=["memory", "a person"]
)
def test_a_killed_server_ran_out_of_memory_only_if_the_kernel_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: int, how: str
) -> None:
    events = tmp_path / "group/memory.events"
    events.parent.mkdir()
    events.write_text("oom_kill 0\n")
    (tmp_path / "proc").write_text("0::/group\n")
    monkeypatch.setattr(memory_events, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(memory_events, "_MOUNT", tmp_path)
    script = f"#!/bin/sh\necho oom_kill {counted} > {events}\nkill -9 $$\n"

    failure = reason_of(tmp_path, None, script, UvSettings("uv", "/nowhere", "/nowhere", memory="4g"))

    assert failure.reason == f"Its server {how} before it answered."
