"""The local cloud without a container engine: real repositories, real builds, real servers."""

import contextlib
import dataclasses
import os
import signal
import socket
import stat
import threading
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from bot.errors import CannotBuild, CloudError
from bot.provisioning.agent.environment import MARK
from bot.provisioning.agent.environments import remove_tree
from bot.provisioning.agent.sandbox import works
from bot.provisioning.instances import InstanceSpec, InstanceState, Phase, Report
from bot.provisioning.local import cloud
from bot.provisioning.local.instance import InstanceDirectory
from bot.provisioning.local.processes import processes_of
from tests.conftest import GitServer
from tests.fakes.waiting import eventually
from tests.integration.local.world import TOKEN, Bench, order

SECRET = "xoxb-nobody-may-see-this"
POST_BUILD = """#!/bin/sh\r
set -e
env > environment.txt
"$NB_PYTHON_PREFIX/bin/pip" --version
"$NB_PYTHON_PREFIX/bin/python" -c "import ipywidgets"
test "$KERNEL_PYTHON_PREFIX" = "$NB_PYTHON_PREFIX" && test -f "$REPO_DIR/requirements.txt"
set +e
cat "$(dirname "$HOME")/../task.json" > order.txt 2> denied.txt
exit 0
"""


FROM_PYPI = "The conda packages of `environment.yml` were taken from PyPI under the same names."
GOOD = {
    "requirements.txt": "six==1.17.0\n",
    "notebooks/index.ipynb": "{}",
    "postBuild": POST_BUILD,
    "start": '#!/bin/sh\nexport STARTED=yes\nexec "$@"\n',
}


def hosted(server: GitServer, files: dict[str, str]) -> tuple[str, str]:
    """A repository of one commit: its URL and that commit."""
    repository = server.repository("team/repository")
    return repository.url, repository.commit(files)


def directory_of(bench: Bench, binder_id: str) -> InstanceDirectory:
    return InstanceDirectory(bench.root / "instances" / binder_id)


def agent_of(bench: Bench, binder_id: str) -> psutil.Process:
    agent = directory_of(bench, binder_id).read_agent()
    assert agent is not None
    return psutil.Process(agent.pid)


def server_of(bench: Bench, binder_id: str) -> psutil.Process:
    return next(each for each in processes_of(directory_of(bench, binder_id)) if is_server(each))


def is_server(process: psutil.Process) -> bool:
    try:
        return process.name() != "bwrap" and any("jupyter-server" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def listens(url: str) -> bool:
    with socket.socket() as client:
        client.settimeout(2)
        return client.connect_ex(("127.0.0.1", urlsplit(url).port or 0)) == 0


def fails(bench: Bench, ordered: InstanceSpec) -> Report:
    bench.cloud.create(ordered)
    report = bench.settle(ordered.binder_id)
    assert report.phase == Phase.FAILED
    (instance,) = bench.cloud.survey().of(ordered.binder_id)
    assert instance.state == InstanceState.ACTIVE
    bench.remove(ordered.binder_id)
    return report


def how_built(bench: Bench, binder_id: str) -> str:
    image = bench.report(binder_id).image
    assert image is not None
    return image.how


def test_a_binder_from_its_order_to_nothing_left(
    bench: Bench, git_server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", SECRET)
    url, sha = hosted(git_server, GOOD)
    parts = bench.cloud.create(order(url, sha, "first"))
    assert bench.cloud.create(order(url, sha, "first")) == parts  # the same again makes nothing
    assert bench.settle("first").phase == Phase.SERVING
    base = bench.url("first")
    assert base.endswith(parts["port"])

    with requests.Session() as web:
        assert web.get(f"{base}/api").status_code == 200
        for page in ("lab", "tree", "lab/tree/notebooks/index.ipynb"):
            assert web.get(f"{base}/{page}", params={"token": TOKEN}).status_code == 200
    with requests.Session() as web:
        assert web.get(f"{base}/lab", allow_redirects=False).status_code in {302, 403}
        assert web.get(f"{base}/api/contents").status_code == 403
        headers = {"Authorization": f"token {TOKEN}"}
        built = web.get(f"{base}/api/contents/environment.txt", headers=headers).json()["content"]
        assert SECRET not in built
        assert "REPO_DIR=" in built
        assert "JUPYTER_TOKEN" not in built

    directory = directory_of(bench, "first")
    assert stat.S_IMODE((directory.path / "task.json").stat().st_mode) == 0o600
    assert TOKEN not in directory.places.log.read_text() + directory.places.report.read_text()
    family = processes_of(directory)
    server = server_of(bench, "first")
    assert server.environ()["JUPYTER_TOKEN"] == TOKEN
    assert server.environ()["STARTED"] == "yes"
    for process in family:
        with contextlib.suppress(
            psutil.NoSuchProcess
        ):  # what compiles in the background ends when it is done
            assert SECRET not in str(process.environ())
            assert TOKEN not in str(process.cmdline())
    if works("auto"):
        assert "No such file" in (directory.places.repo / "denied.txt").read_text()
        assert (directory.places.repo / "order.txt").read_text() == ""

    # The same commit again, while the first still serves: nothing is fetched, nothing is built.
    asked = len(git_server.requests)
    bench.cloud.create(order(url, sha, "second", path="notebooks/index.ipynb"))
    assert bench.settle("second").phase == Phase.SERVING
    assert len(git_server.requests) == asked
    assert [how_built(bench, each) for each in ("first", "second")] == ["built", "kept"]
    assert "building" not in directory_of(bench, "second").places.report.read_text()
    assert (directory_of(bench, "second").places.repo / "environment.txt").exists()
    assert bench.url("second") != base

    bench.remove("first")
    assert not directory.path.exists()
    assert not [each for each in family if lives(each)]
    assert not listens(base)
    assert listens(bench.url("second"))
    assert bench.cloud.remove("first", {})  # again: still nothing left

    # A server that ends by itself is an error; its binder can still be removed.
    server_of(bench, "second").kill()
    eventually(lambda: bench.cloud.survey().of("second")[0].state == InstanceState.ERROR)
    assert bench.cloud.survey().of("second")[0].fault.startswith("Its server ")
    bench.remove("second")
    assert not bench.cloud.survey().leaves("second")


def test_a_rebuild_builds_anew_and_later_launches_use_that(bench: Bench, git_server: GitServer) -> None:
    url, sha = hosted(git_server, GOOD)
    for name, rebuild in (("first", False), ("second", True), ("third", False)):
        bench.cloud.create(order(url, sha, name, rebuild=rebuild))
        assert bench.settle(name).phase == Phase.SERVING

    assert [how_built(bench, name) for name in ("first", "second", "third")] == ["built", "built", "kept"]
    old, anew, later = (bench.report(name).image for name in ("first", "second", "third"))
    assert anew is not None
    assert later is not None
    assert anew.key == later.key
    assert anew != old


def test_a_stand_in_for_a_python_that_is_not_here_is_part_of_the_reason(
    bench: Bench, git_server: GitServer
) -> None:
    url, sha = hosted(git_server, {"runtime.txt": "python-3.2", "requirements.txt": "six==99.0\n"})
    report = fails(bench, order(url, sha, "standin"))
    assert report.reason.startswith(
        "The repository asks for Python 3.2, which is not installed on this machine;"
    )
    assert "there is no version of six==99.0" in report.reason
    assert report.hint.startswith("Installed here: Python 3.")
    assert len(report.notes) == 1


def test_what_cannot_be_installed_is_the_reason(bench: Bench, git_server: GitServer) -> None:
    url, sha = hosted(git_server, {"requirements.txt": "six==99.0\n"})
    report = fails(bench, order(url, sha, "unsolvable"))
    assert report.reason == (
        "No set of packages satisfies `requirements.txt`: because there is no version of six==99.0 and you "
        "require six==99.0."
    )
    assert "six==99.0" in report.log
    while not bench.cloud.remove("unsolvable", {}):
        pass
    assert b"six==99.0" in bench.cloud.read_log("unsolvable")  # who asks, asks after the failure


def test_conda_packages_are_refused_and_can_be_tried_from_pypi(bench: Bench, git_server: GitServer) -> None:
    url, sha = hosted(git_server, {"environment.yml": "dependencies: [humanize=4.9]\n"})
    refused = fails(bench, order(url, sha, "conda"))
    assert refused.code == "needs-conda"
    assert "asks for conda packages (`humanize`)" in refused.reason

    bench.cloud.create(order(url, sha, "pypi", without_conda=True))
    served = bench.settle("pypi")
    assert (served.phase, served.notes) == (Phase.SERVING, (FROM_PYPI,))
    assert list(bench.root.glob("environments/*/venv/lib/python3*/site-packages/humanize-4.9.*"))

    # Built already: the same is served, and said. Who does not ask for it is refused as before.
    bench.cloud.create(order(url, sha, "again", without_conda=True))
    assert bench.settle("again").notes == (FROM_PYPI,)
    assert "building" not in directory_of(bench, "again").places.report.read_text()
    refused = fails(bench, order(url, sha, "conda2"))
    assert (refused.code, refused.notes) == ("needs-conda", ())


def test_conda_packages_that_pypi_does_not_have_are_the_reason(bench: Bench, git_server: GitServer) -> None:
    url, sha = hosted(git_server, {"environment.yml": "dependencies: [humanize=99.0]\n"})
    report = fails(bench, order(url, sha, "unknown", without_conda=True))
    assert report.code == "build-failed"
    assert report.reason.startswith("No set of packages satisfies `environment.yml`:")
    assert "humanize==99.0" in report.reason
    assert "`environment.yml` were tried from PyPI under the same names." in report.hint


def test_a_broken_package_is_the_reason(bench: Bench, git_server: GitServer) -> None:
    url, sha = hosted(git_server, {"setup.py": "raise RuntimeError('boom here')\n"})
    assert fails(bench, order(url, sha, "broken")).reason.endswith("RuntimeError: boom here.")


@pytest.mark.parametrize(
    ("files", "changes", "reason"),
    [
        ({"Dockerfile": "FROM scratch"}, {}, "`Dockerfile` asks for a container image"),
        ({"runtime.txt": "python-2.7"}, {}, "asks for Python 2.7, which is not installed"),
        ({"a.txt": ""}, {"path": "b.txt"}, "has no file or directory `b.txt`"),
        ({"a.txt": ""}, {"path": "../../task.json"}, "has no file or directory"),
        ({"a.txt": ""}, {"commit": "1" * 40}, "The commit 111111111111 is no longer in http"),
        ({"a.txt": ""}, {"url": "http://127.0.0.1:1/none"}, "could not be fetched: unable to access"),
        ({"a.txt": ""}, {"url": "file:///etc"}, "cannot be fetched: it is no address on the web"),
        ({"a.txt": ""}, {"commit": None, "ref": "--upload-pack=touch x"}, "could not be fetched"),
    ],
)
def test_what_cannot_be_built_is_said_before_building(
    bench: Bench,
    git_server: GitServer,
    files: dict[str, str],
    changes: dict[str, object],
    reason: str,
) -> None:
    url, sha = hosted(git_server, files)
    ordered = dataclasses.replace(order(url, sha, "refused"), **changes)  # type: ignore[arg-type]  # as listed above
    assert reason in fails(bench, ordered).reason
    assert not list(bench.root.glob("environments/*"))


def test_an_older_commit_is_fetched_exactly(bench: Bench, git_server: GitServer) -> None:
    repository = git_server.repository("moved")
    old = repository.commit({"Dockerfile": "FROM old"})
    repository.commit({"Project.toml": "", "Dockerfile": "FROM new"})
    report = fails(bench, order(repository.url, old, "moved", is_tip=False))
    assert "Dockerfile" in report.reason
    assert "Project.toml" not in report.reason


def test_a_killed_agent_is_an_error(bench: Bench, git_server: GitServer) -> None:
    url, sha = hosted(git_server, {"setup.py": "import time; time.sleep(600)\n"})
    bench.cloud.create(order(url, sha, "killed"))
    eventually(lambda: "Creating" in directory_of(bench, "killed").places.report.read_text())
    assert bench.cloud.survey().of("killed")[0].state == InstanceState.ACTIVE
    agent_of(bench, "killed").kill()
    eventually(lambda: bench.cloud.survey().of("killed")[0].state == InstanceState.ERROR)
    assert "ended unexpectedly" in bench.cloud.survey().of("killed")[0].fault
    bench.remove("killed")
    assert not processes_of(directory_of(bench, "killed"))
    assert not list(bench.root.glob("environments/*"))


def test_removing_ends_a_build_and_all_that_hides(bench: Bench, git_server: GitServer) -> None:
    hiding = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    os.execve('/bin/sleep', ['sleep', '613'], {})\n"
        "time.sleep(600)\n"
    )
    bench = Bench(bench.root, isolation="none")
    url, sha = hosted(git_server, {"setup.py": hiding})
    bench.cloud.create(order(url, sha, "hiding"))
    agent = agent_of(bench, "hiding")

    def hidden() -> list[psutil.Process]:
        living = [each for each in agent.children(recursive=True) if lives(each)]
        return [each for each in living if each.cmdline() == ["sleep", "613"]]

    eventually(lambda: bool(hidden()))
    family = [agent, *agent.children(recursive=True)]
    assert MARK not in hidden()[0].environ()
    bench.remove("hiding")
    assert not [each for each in family if lives(each)]
    assert not list(bench.root.glob("instances/*"))
    assert not list(bench.root.glob("environments/*"))


def test_a_bot_killed_before_the_start_goes_on(
    bench: Bench, git_server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, sha = hosted(git_server, {"Dockerfile": ""})

    def die(_directory: InstanceDirectory, _command: list[str]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cloud, "_spawn", die)
        with pytest.raises(KeyboardInterrupt):
            bench.cloud.create(order(url, sha, "unstarted"))
    (instance,) = bench.cloud.survey().of("unstarted")
    assert (instance.state, instance.url) == (InstanceState.PENDING, None)
    assert bench.cloud.report(instance) is None

    again = Bench(bench.root).cloud  # another process, as it were
    parts = again.expose("unstarted", {})
    assert again.expose("unstarted", parts) == parts
    assert bench.settle("unstarted").phase == Phase.FAILED


def test_many_creates_make_one_agent(bench: Bench, git_server: GitServer) -> None:
    url, sha = hosted(git_server, {"setup.py": "import time; time.sleep(600)\n"})
    threads = [
        threading.Thread(target=bench.cloud.create, args=(order(url, sha, "twice"),)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    directory = directory_of(bench, "twice")
    agents = [each for each in processes_of(directory) if "bot.provisioning.agent" in each.cmdline()]
    assert len(agents) == 1
    assert directory.places.report.read_text().count("is starting") == 1


def test_a_directory_without_an_order_is_stray(bench: Bench) -> None:
    directory = directory_of(bench, "stray")
    directory.path.mkdir(parents=True)
    (directory.path / "task.json").write_text('{"order": {')
    (bench.root / "instances" / "NOT-AN-ID").mkdir()
    survey = bench.cloud.survey()
    assert survey.strays == {"stray"}
    assert not survey.instances
    bench.remove("stray")
    assert not bench.cloud.survey().strays


@pytest.mark.parametrize("name", ["", "abc", "../../etc", "a/b/c/d", "ABCD", "abcd\n", "abcdé", "a" * 33])
def test_no_other_name_becomes_a_path(bench: Bench, name: str) -> None:
    ordered = order("http://127.0.0.1:1/x", "1" * 40, name)
    for act in (
        lambda: bench.cloud.create(ordered),
        lambda: bench.cloud.expose(name, {}),
        lambda: bench.cloud.remove(name, {}),
    ):
        with pytest.raises(CloudError, match="no id"):
            act()
    assert not bench.root.exists()


def test_an_archive_needs_an_engine(bench: Bench) -> None:
    ordered = dataclasses.replace(order("10.5281/zenodo.3242074", None, "zenodo"), provider="zenodo")
    with pytest.raises(CannotBuild, match="needs a container engine"):
        bench.cloud.create(ordered)
    assert not bench.cloud.survey().leaves("zenodo")


def test_removal_follows_no_link_and_minds_no_permission(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    tree = tmp_path / "tree"
    (tree / "closed" / "deep").mkdir(parents=True)
    (tree / "closed" / "deep" / "file").touch()
    (tree / "link").symlink_to(outside)
    (tree / "closed" / "deep" / "link").symlink_to(outside / "kept")
    os.mkfifo(tree / "pipe")
    (tree / "closed" / "deep").chmod(0)
    (tree / "closed").chmod(stat.S_IRUSR)
    remove_tree(tree)
    assert not tree.exists()
    assert (outside / "kept").exists()


def test_the_agent_outlives_the_signals_of_its_bot(bench: Bench, git_server: GitServer) -> None:
    url, sha = hosted(git_server, {"setup.py": "import time; time.sleep(600)\n"})
    bench.cloud.create(order(url, sha, "session"))
    agent = agent_of(bench, "session")
    assert os.getsid(agent.pid) != os.getsid(0)
    assert agent.ppid() != os.getpid()
    agent.send_signal(signal.SIGTERM)  # what a machine that shuts down sends
    eventually(lambda: not processes_of(directory_of(bench, "session")))
