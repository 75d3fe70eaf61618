"""The local cloud with a container engine, for which stub commands on PATH stand in."""

import json
import os
from pathlib import Path

import pytest

from bot.errors import CloudUnreachable
from bot.provisioning.instances import InstanceState, Phase
from tests.conftest import GitServer
from tests.fakes.waiting import eventually
from tests.integration.agent.guest import install_stub
from tests.integration.local.world import TOKEN, Bench, order

CAPTURED = Path(__file__).parents[2] / "unit/provisioning/agent/captured"


class Stage:
    """A PATH on which docker and repo2docker are stubs."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state = folder / "state"
        self.programs = folder / "programs"
        (self.state / "containers").mkdir(parents=True)
        self.programs.mkdir()
        for name in ("docker", "repo2docker"):
            install_stub(self.programs, name)
        monkeypatch.setenv("PATH", f"{self.programs}{os.pathsep}{os.environ['PATH']}")

    @property
    def containers(self) -> list[Path]:
        return list((self.state / "containers").iterdir())

    def builds(self) -> list[list[str]]:
        """The arguments of every build."""
        calls = [json.loads(line) for line in (self.state / "calls.jsonl").read_text().splitlines()]
        return [call["argv"] for call in calls if call["name"] == "repo2docker"]

    def end_servers(self) -> None:
        for container in self.containers:
            os.kill(json.loads(container.read_text())["Pid"], 9)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench: Bench) -> Stage:
    stage = Stage(tmp_path, monkeypatch)
    bench.cloud = Bench(bench.root, engine="docker").cloud
    return stage


def test_a_container_from_its_order_to_nothing_left(
    stage: Stage, bench: Bench, git_server: GitServer
) -> None:
    repository = git_server.repository("good")
    sha = repository.commit({"sub/apt.txt": "gdal-bin", "sub/index.ipynb": "{}"})
    (stage.state / "build.log").write_text(
        '{"message": "#7 [ 3/12] RUN something", "phase": "building"}\nnot JSON\n'
    )
    assert bench.cloud.isolated
    bench.cloud.create(order(repository.url, sha, "first", path="sub"))
    assert bench.settle("first").phase == Phase.SERVING
    report = (bench.root / "instances" / "first" / "report.jsonl").read_text()
    assert '"fraction": 0.25' in report
    assert bench.cloud.survey().of("first")[0].state == InstanceState.ACTIVE
    assert len(stage.containers) == 1
    assert (bench.root / "instances/first/server.env").read_text() == f"JUPYTER_TOKEN={TOKEN}\n"
    assert "--subdir=sub" in stage.builds()[0]
    calls = (stage.state / "calls.jsonl").read_text()
    assert TOKEN not in calls
    for limit in ('"--memory"', '"--cpus"', '"--pids-limit"', '"no-new-privileges"', '"127.0.0.1:'):
        assert limit in calls

    asked = len(git_server.requests)
    bench.cloud.create(order(repository.url, sha, "second", path="sub"))
    first, second = bench.report("first").image, bench.settle("second").image
    assert first is not None
    assert second is not None
    assert (first.how, second.how) == ("built", "kept")
    assert (first.key, first.id, first.directory) == (second.key, second.id, "sub")
    assert len(stage.builds()) == 1, "the image is there already"
    assert len(git_server.requests) == asked, "it is known which directory is built"

    bench.remove("first")
    bench.remove("second")
    assert not stage.containers
    assert not bench.cloud.survey().instances


def test_a_failing_build_says_what_failed(stage: Stage, bench: Bench, git_server: GitServer) -> None:
    repository = git_server.repository("bad")
    log = (CAPTURED / "buildx-pip-no-version.log").read_text()
    (stage.state / "build.log").write_text(log)
    (stage.state / "build.exit").write_text("1")
    bench.cloud.create(order(repository.url, repository.commit({}), "broken"))
    report = bench.settle("broken")
    assert report.reason == "The image could not be built: No matching distribution found for numpy==99.0."
    assert not stage.containers


def test_an_archive_goes_to_repo2docker(stage: Stage, bench: Bench) -> None:
    bench.cloud.create(order("10.5281/zenodo.3242074", None, "archive", provider="zenodo"))
    assert bench.settle("archive").phase == Phase.SERVING
    assert stage.builds()[0][-1] == "https://zenodo.org/records/3242074"


def test_a_container_without_a_directory_is_stray(stage: Stage, bench: Bench) -> None:
    bench.cloud.create(order("10.5281/zenodo.3242074", None, "lost", provider="zenodo"))
    assert bench.settle("lost").phase == Phase.SERVING
    (container,) = stage.containers
    content = container.read_text()
    bench.remove("lost")
    container.write_text(content)
    assert bench.cloud.survey().strays == {"lost"}
    bench.remove("lost")
    assert not bench.cloud.survey().leaves("lost")


def test_an_ended_container_is_an_error(stage: Stage, bench: Bench) -> None:
    bench.cloud.create(order("10.5281/zenodo.3242074", None, "ended", provider="zenodo"))
    assert bench.settle("ended").phase == Phase.SERVING
    stage.end_servers()
    eventually(lambda: bench.cloud.survey().of("ended")[0].state == InstanceState.ERROR)
    assert bench.cloud.survey().of("ended")[0].fault.endswith("and did not come back.")


def test_an_engine_that_does_not_answer_tells_nothing(stage: Stage, bench: Bench) -> None:
    assert bench.cloud.survey().instances == {}
    (stage.programs / "docker").write_text("#!/bin/sh\necho 'Cannot connect' >&2\nexit 1\n")
    with pytest.raises(CloudUnreachable, match="Cannot connect"):
        bench.cloud.survey()
    install_stub(stage.programs, "docker")
