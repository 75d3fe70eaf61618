"""Making one environment with uv, counting its steps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bot.provisioning.agent.commands import run
from bot.provisioning.agent.environment import prefixes, uv_variables
from bot.provisioning.agent.failures import CommandFailed, Failure
from bot.provisioning.agent.phases import Phase
from bot.provisioning.agent.pythons import installed_hint
from bot.provisioning.agent.reasons import packages_failure, script_failure
from bot.provisioning.agent.scripts import runnable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.provisioning.agent.environments import Environment
    from bot.provisioning.agent.job import Job
    from bot.provisioning.agent.pythons import Interpreter
    from bot.provisioning.agent.recipe import Recipe
    from bot.provisioning.agent.sandbox import Sandbox
    from bot.provisioning.agent.settings import UvSettings

JUPYTER = ("jupyterlab", "notebook", "ipywidgets")
"""What repo2docker puts into every image, and people count on."""
INSTALLERS = ("pip", "setuptools", "wheel")
"""What postBuild and people in a notebook install with. In the one resolution they take no time of their own:
`uv venv --seed` would fetch them first, one after another."""
SLOW_TO_START = "rfc3987-syntax"
"""An optional validator of jsonschema that builds its grammar at every import: half of a server's start
(2.2 of 4.0 s, measured in November 2026), and nothing that Jupyter needs."""

_STEPS = ("created", "Resolved", "Prepared", "Installed", "built")
"""The steps of a build; those in capitals are how uv announces that one is done."""


class Installation:
    """The making of one environment.

    Args:
        job: Of which launch.
        uv: How.
        environment: Where.
        sandbox: Confines the repository's code; None where bubblewrap does not work.
    """

    def __init__(self, job: Job, uv: UvSettings, environment: Environment, sandbox: Sandbox | None) -> None:
        self._job = job
        self._uv = uv
        self._environment = environment
        self._sandbox = sandbox
        self._done = 0

    def make(self, recipe: Recipe, interpreter: Interpreter) -> None:
        """Make the environment, install everything, and run postBuild.

        Raises:
            Failure: The true reason why that is not possible.
        """
        self._create(interpreter.path)
        try:
            self._install(recipe)
        except Failure as failure:
            blamed = self._blame_stand_in(failure, interpreter)
            hint = f"{blamed.hint} {recipe.wanted.hint}".strip()
            raise Failure(blamed.reason, blamed.code, hint) from failure
        if recipe.post_build is not None:
            self._run_post_build(recipe.post_build, recipe.root)
        self._reach("built", "Built")

    def _create(self, interpreter: Path) -> None:
        self._job.reporter.begin(Phase.BUILDING, "Creating an environment")
        venv = str(self._environment.venv)
        self._run_uv(["venv", "--quiet", "--python", str(interpreter), venv], self._environment.path)
        self._reach("created", "Resolving packages")

    def _install(self, recipe: Recipe) -> None:
        """Install Jupyter and what the repository asks for, in one resolution."""
        added = [*INSTALLERS, *JUPYTER, *([self._job.task.extra] if self._job.task.extra else [])]
        command = [
            *("pip", "install", "--python", str(self._environment.venv / "bin/python")),
            *self._left_out(recipe),
            *(("--prerelease", "allow") if recipe.wanted.takes_prereleases else ()),
            *added,
            *recipe.wanted.requirements,
        ]
        self._run_uv(command, recipe.wanted.cwd, recipe.wanted.stdin, recipe.wanted.origin)

    def _blame_stand_in(self, failure: Failure, interpreter: Interpreter) -> Failure:
        """Say of a failure that another Python stood in, which is its likely cause."""
        if not interpreter.stands_in_for:
            return failure
        reason = f"{interpreter.apology} With it: {failure.reason}"
        return Failure(reason, failure.code, installed_hint(self._uv))

    def _left_out(self, recipe: Recipe) -> list[str]:
        """Options that leave out what only makes Jupyter start slowly, unless the repository names it."""
        if SLOW_TO_START in recipe.text:
            return []
        listing = self._environment.path / "left-out.txt"
        listing.write_text(f"{SLOW_TO_START}\n", encoding="utf-8")
        return ["--excludes", str(listing)]

    def _run_post_build(self, script: Path, cwd: Path) -> None:
        self._job.reporter.progress("Running postBuild")
        try:
            self._run(runnable(script, self._environment.path), cwd)
        except CommandFailed as error:
            raise script_failure("postBuild", error) from error

    def _run_uv(self, arguments: Sequence[str], cwd: Path, given: str = "", origin: str = "") -> None:
        try:
            self._run([self._uv.uv, *arguments], cwd, given)
        except CommandFailed as error:
            raise packages_failure(error, origin) from error

    def _run(self, command: list[str], cwd: Path, given: str = "") -> None:
        places = self._job.places
        variables = self._variables()
        if self._sandbox is not None:
            writable = [self._environment.path, Path(self._uv.cache), places.home, places.scratch]
            command = self._sandbox.wrap(command, cwd=cwd, writable=writable)
            variables["TMPDIR"] = "/tmp"  # noqa: S108 - its own
        run(self._job, command, cwd=cwd, environment=variables, given=given, on_line=self._read)

    def _variables(self) -> dict[str, str]:
        inherited = uv_variables(self._uv)
        path = (str(self._environment.venv / "bin"), inherited.get("PATH", os.defpath))
        own = prefixes(self._environment.venv, self._environment.repo)
        return {**inherited, **own, "PATH": os.pathsep.join(path)}

    def _read(self, line: str) -> str:
        step = line.partition(" ")[0]
        if step.istitle() and step in _STEPS:
            self._reach(step, line)
        else:
            self._job.reporter.progress(line)
        return line

    def _reach(self, step: str, message: str) -> None:
        self._done = max(self._done, _STEPS.index(step) + 1)
        self._job.reporter.progress(message, self._done / len(_STEPS))
