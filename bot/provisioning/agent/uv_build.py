"""Building a repository into an environment of its own with uv, and serving it, without containers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.provisioning.agent import jupyter_process
from bot.provisioning.agent.commands import capture
from bot.provisioning.agent.environment import repository_environment
from bot.provisioning.agent.environments import Environment, Environments, copy_tree, remove_tree
from bot.provisioning.agent.failures import CommandFailed
from bot.provisioning.agent.fetch import fetch
from bot.provisioning.agent.jupyter_process import Server
from bot.provisioning.agent.kinds import PYTHON
from bot.provisioning.agent.paths import build_root, require_path
from bot.provisioning.agent.processes import end_descendants
from bot.provisioning.agent.pythons import find_python
from bot.provisioning.agent.recipe import read as read_recipe
from bot.provisioning.agent.sandbox import Sandbox, works
from bot.provisioning.agent.source import archive_refused, source_of
from bot.provisioning.agent.stored_images import BUILT, KEPT
from bot.provisioning.agent.uv_install import Installation

if TYPE_CHECKING:
    from bot.provisioning.agent.job import Job
    from bot.provisioning.agent.pythons import Interpreter
    from bot.provisioning.agent.recipe import Recipe
    from bot.provisioning.agent.settings import UvSettings

_COMPILE = """
import compileall, pathlib, sys
libraries, done, *first = sys.argv[1:]
for site in pathlib.Path(libraries).glob("python*/site-packages"):
    for name in first:
        compileall.compile_dir(site / name, quiet=2, workers=1)
compileall.compile_dir(libraries, quiet=2, workers=1)
pathlib.Path(done).touch()
"""
_IMPORTED_LAST = (
    *("httpcore", "h11", "httpx", "requests", "charset_normalizer", "urllib3", "json5", "jupyterlab_server"),
    *("websocket", "prometheus_client", "jinja2", "yaml", "nbformat", "fastjsonschema", "arrow", "dateutil"),
)
"""What a starting server imports last, backwards: the two meet halfway, instead of compiling the same.

These took longest of all that JupyterLab 4.6 imports. It starts in 2.6 s with this, in 3.0 s in the order of
its imports, and in 3.2 s without (medians on two busy cores, December 2026).
"""


def launch(job: Job, uv: UvSettings) -> None:
    """Build the repository (or find it built), serve it, and stay until its server ends.

    Raises:
        Failure: The true reason why it does not run, or no longer.
    """
    if not job.task.is_git:
        raise archive_refused(job.task)
    _Launch(job, uv).run()


class _Launch:
    def __init__(self, job: Job, uv: UvSettings) -> None:
        self._job = job
        self._uv = uv
        self._places = job.places
        self._environments = Environments(Path(uv.root), uv.keep_environments)
        self._is_confined = works(uv.isolation)
        self._how = KEPT

    def run(self) -> None:
        """Serve from what is built already, else build first."""
        self._job.reporter.kind(PYTHON)
        source_of(self._job.task)  # what has no address that may be fetched from was never built either
        if not (self._job.task.commit and self._serve_known(self._job.task.commit)):
            self._serve_new()

    def _serve_known(self, commit: str) -> bool:
        """Serve from an environment of an earlier launch, without fetching; False where there is none."""
        path = self._job.task.path
        for root in dict.fromkeys([str(Path(path or ".")), "."]):
            environment = self._environment(commit, root)
            with self._environments.use(environment, None, lambda: None) as found:
                if found and build_root(environment.repo, path) == root:
                    self._serve(environment, root)
                    return True
        return False

    def _serve_new(self) -> None:
        commit = fetch(self._job)
        repo = self._places.repo
        root = build_root(repo, self._job.task.path)
        recipe = self._read(repo, root)
        for note in recipe.notes:
            self._job.reporter.note(note)
        interpreter = find_python(self._job, self._uv, recipe.wanted.python)
        environment = self._environment(commit, root)

        def build() -> None:
            repo.rename(environment.repo)
            try:
                self._build(environment, root, interpreter)
            finally:
                end_descendants()  # nothing may write any more to what is kept, or removed

        with self._environments.use(environment, build, self._wait):
            if self._job.task.rebuild:
                self._environments.prefer(*self._key(commit, root), rebuild=self._job.task.binder_id)
            self._serve(environment, root)

    def _environment(self, commit: str, root: str) -> Environment:
        rebuild = self._job.task.binder_id if self._job.task.rebuild else None
        return self._environments.at(*self._key(commit, root), rebuild=rebuild)

    def _key(self, commit: str, root: str) -> list[str]:
        task = self._job.task
        conda = ["without conda"] if task.without_conda else []
        return [task.url, commit, root, task.extra or "", sys.version, *conda]

    def _wait(self) -> None:
        self._job.reporter.progress("Another binder is building the same commit")
        self._job.deadline.check()

    def _build(self, environment: Environment, root: str, interpreter: Interpreter) -> None:
        installation = Installation(self._job, self._uv, environment, self._sandbox(interpreter.path))
        self._how = BUILT
        installation.make(self._read(environment.repo, root), interpreter)
        environment.keep_notes(self._job.reporter.notes)

    def _serve(self, environment: Environment, root: str) -> None:
        for note in environment.notes():
            self._job.reporter.note(note)
        self._job.reporter.image(
            {"key": environment.path.name, "id": "", "directory": root, "kind": PYTHON, "how": self._how}
        )
        repo = self._places.repo
        remove_tree(repo)
        copy_tree(environment.repo, repo)
        if self._job.task.path:
            require_path(repo, self._job.task.path)
        interpreter = Path(os.path.realpath(environment.venv / "bin/python"))
        self._compile(environment, interpreter)
        server = Server(
            venv=environment.venv,
            recipe=self._read(repo, root),
            port=self._job.settings.port,
            token=self._job.task.token,
            is_remote=self._uv.is_remote,
            sandbox=self._sandbox(interpreter),
        )
        jupyter_process.serve(self._job, server)

    def _compile(self, environment: Environment, interpreter: Path) -> None:
        """Compile the packages beside the starting server, so that the next one starts in half the time.

        The server itself cannot leave compiled modules behind: the environment is not its own to write to.
        """
        done = environment.path / "compiled"
        if done.exists():
            return
        python = str(environment.venv / "bin/python")
        command = ["nice", "-n", "10", python, "-I", "-c", _COMPILE]
        command += [str(environment.venv / "lib"), str(done), *_IMPORTED_LAST]
        sandbox = self._sandbox(interpreter)
        if sandbox is not None:
            command = sandbox.wrap(command, cwd=environment.path, writable=[environment.path])
        subprocess.Popen(  # noqa: S603 - an argument list of our own paths
            command,
            cwd=environment.path,
            env=repository_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _sandbox(self, interpreter: Path) -> Sandbox | None:
        if not self._is_confined:
            return None
        configuration = [
            os.environ[name] for name in ("UV_CONFIG_FILE", "PIP_CONFIG_FILE") if name in os.environ
        ]
        return Sandbox(
            hidden=map(Path, (self._uv.root, *self._uv.hidden)),
            visible=[interpreter.parent.parent, Path(self._uv.uv), *map(Path, configuration)],
            scratch=self._places.scratch,
        )

    def _read(self, checkout: Path, root: str) -> Recipe:
        without_conda = self._job.task.without_conda
        return read_recipe(checkout, root, self._read_yaml, without_conda=without_conda)

    def _read_yaml(self, text: str) -> Any:
        try:
            return json.loads(capture(*self._uv.yaml_to_json, given=text))
        except CommandFailed as error:
            raise ValueError(error.last_line) from error
