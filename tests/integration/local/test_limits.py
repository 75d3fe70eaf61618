"""Limits without a container engine, with real control groups of the kernel."""

import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.provisioning.local.cgroups import Limits
from bot.provisioning.local.cloud import LocalCloud
from bot.provisioning.local.limits import Limiter, find_limiter
from bot.provisioning.local.options import LocalOptions
from tests.fakes.waiting import eventually

LIMITS = Limits(memory=256 * 2**20, cpus=0.5, pids=40)
ID = "abcd2345"
ROOT = Path(__file__).parents[3]
# What the launcher does: enter the group that it is told, if any, and become another program.
ENTER = (
    "import os, sys; from pathlib import Path; from bot.provisioning.local.cgroups import enter\n"
    "for group in sys.argv[2:]: enter(Path(group))\n"
    "os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])"
)
TAKE_ALL = "taken = []\nwhile True: taken.append(bytearray(b'x' * 2**20))"
SLEEPS = "import time; print('started', flush=True); time.sleep(600)"
FORKS = """
import os, sys, time
children = 0
try:
    for _ in range(200):
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
        children += 1
except OSError:
    pass
print(children, flush=True)
time.sleep(600)
"""
SERVE = """
import json, sys
from dataclasses import replace
from pathlib import Path
from bot.provisioning.agent.settings import UvSettings
from tests.integration.local.test_jupyter_process import reason_of
uv = UvSettings("uv", "/nowhere", "/nowhere", memory="256m")
failure = reason_of(Path({root!r}), None, {server!r}, uv)
print(json.dumps([failure.reason, failure.code.value]))
"""
# Answers as Jupyter does; a program that it starts takes all memory, and then it does so itself.
SERVER = """#!{python}
import http.server, subprocess, sys, threading
class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
port = next(int(word.partition("=")[2]) for word in sys.argv if ".port=" in word)
server = http.server.HTTPServer(("127.0.0.1", port), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
hog = {hog!r}
subprocess.run([sys.executable, "-c", "import time; time.sleep(3)\\n" + hog])
import time; time.sleep(3)
from tests.fakes.waiting import eventually
exec(hog)
"""


@pytest.fixture
def deployment() -> str:
    return uuid.uuid4().hex[:10]


@pytest.fixture
def limiter(deployment: str) -> Iterator[Limiter]:
    found, missing = find_limiter(LIMITS, deployment)
    if found is None or missing:
        pytest.skip(missing)
    yield found
    for binder_id in found.groups.list():
        eventually(lambda binder_id=binder_id: found.groups.remove(binder_id))  # type: ignore[misc]  # a plain lambda


@pytest.fixture
def start(limiter: Limiter) -> Callable[[str], subprocess.Popen[str]]:
    """Starts a program within the limits."""

    def started(program: str) -> subprocess.Popen[str]:
        command = limiter.limited(ID, [sys.executable, "-c", ENTER, program])
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    return started


def test_a_program_that_takes_all_memory_is_ended(start: Callable[[str], subprocess.Popen[str]]) -> None:
    with start(TAKE_ALL) as program:
        assert program.wait(120) == -9


def test_programs_cannot_start_more_than_they_may(
    limiter: Limiter, start: Callable[[str], subprocess.Popen[str]]
) -> None:
    with start(FORKS) as program:
        assert program.stdout is not None
        assert 0 < int(program.stdout.readline()) < LIMITS.pids

        eventually(lambda: limiter.groups.remove(ID))
        assert program.wait(30) < 0
    assert not limiter.groups.list()


def test_processors_are_limited(limiter: Limiter, start: Callable[[str], subprocess.Popen[str]]) -> None:
    with start(SLEEPS) as program:
        assert program.stdout is not None
        program.stdout.readline()
        group = limiter.groups.path_of(ID)

        quota, period = map(int, (group / "cpu.max").read_text().split())
        assert quota / period == LIMITS.cpus
        assert (group / "memory.max").read_text().strip() == str(LIMITS.memory)
        assert str(program.pid) in (group / "cgroup.procs").read_text().split()

        eventually(lambda: limiter.groups.remove(ID))


def test_people_are_told_of_memory_as_with_a_container_engine(
    start: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    server = SERVER.format(python=sys.executable, hog=TAKE_ALL)
    with start(SERVE.format(root=str(tmp_path), server=server)) as program:
        told, _ = program.communicate(timeout=240)

    assert json.loads(told) == ["Its server ran out of memory.", "server-ended"]
    first = "A program was ended because the memory was full (256m)"
    assert first in (tmp_path / "console").read_text()


def test_what_a_killed_bot_left_behind_is_found_by_its_name_and_removed(tmp_path: Path) -> None:
    options = LocalOptions(tmp_path, memory="256m")
    limiter, missing = find_limiter(options.limits, options.deployment)
    if limiter is None:
        pytest.skip(missing)
    sleeping = limiter.limited(ID, [sys.executable, "-c", ENTER, SLEEPS])
    with subprocess.Popen(sleeping, stdout=subprocess.PIPE, text=True, cwd=ROOT) as program:
        assert program.stdout is not None
        program.stdout.readline()
        assert limiter.groups.list() == {ID}
        inner = limiter.groups.path_of(ID) / "inner"
        inner.mkdir()  # as a program of the repository may

        cloud = LocalCloud(options, engine="none")
        assert cloud.survey().strays == {ID}
        eventually(lambda: cloud.remove(ID, {}))

        assert program.wait(30) == -9
    assert not cloud.survey().strays
    assert not inner.parent.exists()


def test_a_host_that_cannot_limit_says_so_and_serves_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.provisioning.local.cgroups.MOUNT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    cloud = LocalCloud(LocalOptions(tmp_path / "root"), engine="none")

    [advice] = cloud.host_advice()

    assert advice == (
        "Without a container engine, nothing limits the memory, processors and processes of binders on this "
        "host. Systemd gives the bot no scopes, and no control group can be made: the kernel's cgroup v2 is "
        "not used here. See docs/local.md."
    )
    assert cloud.advice() == [advice]
    assert cloud.vcpus("local") == 1
    assert not list(tmp_path.iterdir())
