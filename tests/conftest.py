"""What every test shares: modest properties, and real git repositories behind real HTTP."""

import gc
import os
import subprocess
from base64 import b64encode
from collections.abc import Generator, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from hypothesis import settings

from workspace.git_host import GIT_ENVIRONMENT, GitHandler, GitHost

settings.register_profile("modest", max_examples=100, deadline=None)
settings.register_profile("quick", max_examples=15, deadline=None)
settings.register_profile("thorough", max_examples=20_000, deadline=None)
settings.load_profile("modest")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without a search for garbage: thousands of tests are made, and all of them stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Use two workers for each core: the tests wait for processes about as long as they compute."""
    return 2 * (os.cpu_count() or 1)


STARTS_PROCESSES = {"git_server", "jupyter", "notebook", "one_postgresql", "postgresql", "postgresql_server"}
"""Fixtures that start processes, by their names."""


SLOW_FOLDERS = (
    ("acceptance",),
    ("unit/saved_work", "chaos/sim"),
    ("chaos/soak", "unit/jupyter", "integration/agent"),
    ("integration/openstack", "integration/local"),
)
"""The folders in which tests take long, those with real servers first: for each quarter of the suite some."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts processes, and spread what takes long over all workers."""
    mark_processes(items)
    items[:] = spread(items)


def spread(items: list[pytest.Item]) -> list[pytest.Item]:
    """Let each worker begin with slow tests: at first xdist gives each an equal part of the list."""
    slow: list[list[pytest.Item]] = [[] for _ in SLOW_FOLDERS]
    quick: list[pytest.Item] = []
    for each in items:
        group = _group_of(each.path.parent)
        (quick if group is None else slow[group]).append(each)
    size = len(items) // len(slow)
    ordered: list[pytest.Item] = []
    for tests in slow:
        fill = max(size - len(tests), 0)
        ordered += [*tests, *quick[:fill]]
        quick = quick[fill:]
    return ordered + quick


@cache
def _group_of(folder: Path) -> int | None:
    """Which group of slow folders a folder belongs to."""
    here = folder.relative_to(Path(__file__).parent).as_posix()
    for number, folders in enumerate(SLOW_FOLDERS):
        if any(here == each or here.startswith(f"{each}/") for each in folders):
            return number
    return None


def mark_processes(items: list[pytest.Item]) -> None:
    """Mark what starts processes by the fixtures that it uses, or is given the name of."""
    for item in items:
        if isinstance(item, pytest.Function):
            call = getattr(item, "callspec", None)
            given = [each for each in call.params.values() if isinstance(each, str)] if call else []
            if STARTS_PROCESSES.intersection([*item.fixturenames, *given]):
                item.add_marker(pytest.mark.process)


class HostedRepository:
    """A bare repository that a `GitServer` serves; `url` is what is cloned."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        self.url = url
        self._work = directory.with_name(f"{directory.name}-work")
        directory.mkdir(parents=True)
        self._run("init", "--quiet", "--bare", "--initial-branch=main", cwd=directory)
        self._run("clone", "--quiet", str(directory), str(self._work), cwd=directory.parent)

    def commit(self, files: Mapping[str, str], *, branch: str = "main") -> str:
        """Commit files onto a branch, made from `main` if it is new. Returns the commit's id."""
        known = self._run("branch", "--list", branch)
        self._run("checkout", "--quiet", *([branch] if known else ["-B", branch]))
        for name, text in files.items():
            path = self._work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self._run("add", "--all")
        self._run("commit", "--quiet", "--allow-empty", "--message", f"On {branch}")
        self._run("push", "--quiet", "origin", branch)
        commit = self._run("rev-parse", "HEAD")
        if branch != "main":
            self._run("checkout", "--quiet", "main")
        return commit

    def tag(self, name: str, *, annotated: bool = False) -> None:
        """Tag the tip of `main`."""
        self._run("tag", *(["--annotate", "--message", name] if annotated else []), name)
        self._run("push", "--quiet", "origin", f"refs/tags/{name}")

    def ref(self, name: str, commit: str) -> None:
        """Set any ref, such as `refs/pull/1/head`."""
        self._run("update-ref", name, commit, cwd=self.directory)

    def head(self, name: str) -> None:
        """Make another branch the default."""
        self._run("symbolic-ref", "HEAD", name, cwd=self.directory)

    def _run(self, *arguments: str, cwd: Path | None = None) -> str:
        command = ["git", *arguments]
        result = subprocess.run(
            command, cwd=cwd or self._work, env=GIT_ENVIRONMENT, check=True, capture_output=True, text=True
        )
        return result.stdout.strip()


class ScriptedHandler(GitHandler):
    """Answers as its server was told."""

    owner: ClassVar[Any]

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        self.owner.requests.append(self.path)
        path = urlsplit(self.path).path
        for prefix, target in self.owner.redirects.items():
            if path.startswith(prefix):
                self.answer(302, "text/plain", b"", location=target + self.path.removeprefix(prefix))
                return
        for prefix, answer in self.owner.answers.items():
            if path.startswith(prefix):
                self.answer(*answer)
                return
        if self.owner.lets_in(path, self.headers.get("Authorization", "")):
            self.serve_git()
        else:
            self.refuse()


class GitServer(GitHost):
    """Real git repositories over real smart HTTP; on loopback unless told otherwise.

    `requests` are the paths that were asked for; `redirects` maps the beginning of a path to what replaces
    it; `answers` maps the beginning of a path to (status, content type, body); `passwords` maps the beginning
    of a path to the `user:password` that it wants.
    """

    handler: ClassVar[type[ScriptedHandler]] = ScriptedHandler

    def __init__(self, root: Path, host: str = "127.0.0.1") -> None:
        self.requests: list[str] = []
        self.redirects: dict[str, str] = {}
        self.answers: dict[str, tuple[int, str, bytes]] = {}
        self.passwords: dict[str, str] = {}
        handler = type("Handler", (self.handler,), {"owner": self})
        super().__init__(root, host, handler=handler)

    def lets_in(self, path: str, authorization: str) -> bool:
        """Whether somebody may read what is at a path, by the header that they sent."""
        wanted = [pair for prefix, pair in self.passwords.items() if path.startswith(prefix)]
        return all(authorization == f"Basic {b64encode(pair.encode()).decode()}" for pair in wanted)

    def repository(self, name: str) -> HostedRepository:
        """Make an empty repository, say `team/repo`."""
        return HostedRepository(self._root / f"{name}.git", f"{self.url}/{name}.git")


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "git") as server:
        yield server
