"""The local cloud with a container engine, which two small programs on PATH stand in for."""

import os
import sys
from pathlib import Path

import pytest

from bot.errors import CloudUnreachable
from bot.provisioning.base import InstanceState, Phase
from bot.provisioning.local import LocalCloud
from tests.conftest import GitServer
from tests.provisioning.world import TOKEN, Bench, order, wait_until

DOCKER = '''#!{python}
"""Just enough of docker: containers are web servers, images are files."""
import json, os, pathlib, signal, subprocess, sys

state = pathlib.Path("{state}")
arguments = sys.argv[1:]
with (state / "calls").open("a") as calls:
    calls.write(json.dumps(arguments) + "\\n")


def value(option):
    return arguments[arguments.index(option) + 1]


def pid_of(name):
    return int((state / "containers" / name).read_text())


def runs(name):
    return pathlib.Path(f"/proc/{{pid_of(name)}}/cwd").exists()


match arguments:
    case ["version", *_] | ["buildx", "version"]:
        pass
    case ["image", "inspect", "--format", *_]:
        print("jovyan")
    case ["image", "inspect", name]:
        sys.exit(not (state / "images" / name.replace("/", "-")).exists())
    case ["images", *_] | ["rmi", *_]:
        pass
    case ["ps", *_]:
        for each in (state / "containers").iterdir():
            print(f"{{each.name}}\\t{{'running' if runs(each.name) else 'exited'}}")
    case ["run", *_]:
        (state / "token").write_text(os.environ["JUPYTER_TOKEN"])
        port = value("--publish").split(":")[1]
        command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", port]
        nothing = subprocess.DEVNULL
        server = subprocess.Popen(
            command, cwd=state / "web", env={{}}, start_new_session=True, stdout=nothing, stderr=nothing
        )
        (state / "containers" / value("--name")).write_text(str(server.pid))
    case ["rm", "--force", "--volumes", name]:
        if not (state / "containers" / name).exists():
            sys.exit(f"Error response from daemon: No such container: {{name}}")
        if runs(name):
            os.kill(pid_of(name), signal.SIGKILL)
        (state / "containers" / name).unlink()
    case _:
        sys.exit(f"unknown: {{arguments}}")
'''
REPO2DOCKER = '''#!{python}
"""Just enough of repo2docker."""
import json, pathlib, sys

state = pathlib.Path("{state}")
name = sys.argv[sys.argv.index("--image-name") + 1]
(state / "built").write_text(json.dumps(sys.argv[1:]))


def say(phase, message):
    print(json.dumps(dict(phase=phase, message=message)), file=sys.stderr)


say("building", "#7 [ 3/12] RUN something")
print("not JSON", file=sys.stderr)
if (pathlib.Path(sys.argv[-1]) / "broken").exists():
    say("building", "ERROR: failed to solve: apt-get did not complete")
    say("failed", "Error during build: ")
    sys.exit(1)
(state / "images" / name.replace("/", "-")).touch()
'''


class Stage:
    """A PATH on which docker and repo2docker are those of this test."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state = folder / "state"
        for name in ("containers", "images", "web"):
            (self.state / name).mkdir(parents=True)
        (self.state / "web" / "api").write_text("{}")
        programs = folder / "programs"
        programs.mkdir()
        for name, text in {"docker": DOCKER, "jupyter-repo2docker": REPO2DOCKER}.items():
            (programs / name).write_text(text.format(python=sys.executable, state=self.state))
            (programs / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    @property
    def containers(self) -> list[Path]:
        return list((self.state / "containers").iterdir())


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench: Bench) -> Stage:
    stage = Stage(tmp_path, monkeypatch)
    bench.cloud = LocalCloud(bench.root, engine="docker")
    return stage


def test_a_container_from_its_order_to_nothing_left(
    stage: Stage, bench: Bench, git_server: GitServer
) -> None:
    repository = git_server.repository("good")
    sha = repository.commit({"sub/apt.txt": "gdal-bin", "sub/index.ipynb": "{}"})
    assert bench.cloud.isolated
    bench.cloud.create(order(repository.url, sha, "first", path="sub"))
    assert bench.settle("first").phase == Phase.SERVING
    report = (bench.root / "instances" / "first" / "report.jsonl").read_text()
    assert '"fraction": 0.25' in report
    assert bench.cloud.survey().of("first")[0].state == InstanceState.ACTIVE
    assert len(stage.containers) == 1
    assert (stage.state / "token").read_text() == TOKEN
    assert TOKEN not in (stage.state / "calls").read_text()
    assert '"--subdir", "sub"' in (stage.state / "built").read_text()
    calls = (stage.state / "calls").read_text()
    for limit in ('"--memory"', '"--cpus"', '"--pids-limit"', '"no-new-privileges"', '"127.0.0.1:'):
        assert limit in calls

    (stage.state / "built").unlink()
    bench.cloud.create(order(repository.url, sha, "second", path="sub"))
    assert bench.settle("second").phase == Phase.SERVING
    assert not (stage.state / "built").exists()  # the image is there already

    bench.remove("first")
    bench.remove("second")
    assert not stage.containers
    assert not bench.cloud.survey().instances


def test_a_failing_build_says_what_failed(stage: Stage, bench: Bench, git_server: GitServer) -> None:
    repository = git_server.repository("bad")
    bench.cloud.create(order(repository.url, repository.commit({"broken": ""}), "broken"))
    report = bench.settle("broken")
    assert report.reason == "The image could not be built: ERROR: failed to solve: apt-get did not complete."
    assert not stage.containers


def test_an_archive_goes_to_repo2docker(stage: Stage, bench: Bench) -> None:
    bench.cloud.create(order("10.5281/zenodo.3242074", None, "archive", provider="zenodo"))
    assert bench.settle("archive").phase == Phase.SERVING
    assert (stage.state / "built").read_text().endswith('"10.5281/zenodo.3242074"]')


def test_a_container_without_a_directory_is_stray(stage: Stage, bench: Bench) -> None:
    bench.cloud.create(order("10.5281/zenodo.3242074", None, "lost", provider="zenodo"))
    assert bench.settle("lost").phase == Phase.SERVING
    (container,) = stage.containers
    pid = container.read_text()
    bench.remove("lost")
    container.write_text(pid)
    assert bench.cloud.survey().strays == {"lost"}
    bench.remove("lost")
    assert not bench.cloud.survey().leaves("lost")


def test_an_ended_container_is_an_error(stage: Stage, bench: Bench) -> None:
    bench.cloud.create(order("10.5281/zenodo.3242074", None, "ended", provider="zenodo"))
    assert bench.settle("ended").phase == Phase.SERVING
    os.kill(int(stage.containers[0].read_text()), 9)
    wait_until(lambda: bench.cloud.survey().of("ended")[0].state == InstanceState.ERROR)


def test_an_engine_that_does_not_answer_tells_nothing(stage: Stage, bench: Bench) -> None:
    assert bench.cloud.survey().instances == {}
    (stage.state.parent / "programs" / "docker").write_text("#!/bin/sh\necho 'Cannot connect' >&2\nexit 1\n")
    with pytest.raises(CloudUnreachable, match="Cannot connect"):
        bench.cloud.survey()
    (stage.state.parent / "programs" / "docker").write_text(
        DOCKER.format(python=sys.executable, state=stage.state)
    )
