"""Building a repository into an environment of its own with uv, without a container engine."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from uv import find_uv_bin

from bot.errors import CannotBuild
from bot.provisioning.base import Order, Phase
from bot.provisioning.local_processes import end_descendants, repository_environment
from bot.provisioning.reports import sentence
from bot.provisioning.runner.commands import CommandFailed, Job, runnable
from bot.provisioning.runner.environments import Environment, Environments, copy_tree, remove_tree
from bot.provisioning.runner.recipe import NEEDS_ENGINE, Recipe, build_root, read
from bot.provisioning.runner.sandbox import Sandbox, works
from bot.provisioning.runner.serving import Server, serve
from bot.provisioning.runner.source import GIT_PROVIDERS, fetch, require_path

JUPYTER = ("jupyterlab", "notebook")
EXTRAS = {"nteract": "nteract_on_jupyter", "voila": "voila", "nbclassic": "nbclassic"}
"""Interfaces that are added where they are asked for, and the package that brings them."""
SLOW_TO_START = "rfc3987-syntax"
"""An optional validator of jsonschema that builds its grammar at every import: half of a server's start
(2.2 of 4.0 s, measured in November 2026), and nothing that Jupyter needs."""

_STEPS = ("created", "Resolved", "Prepared", "Installed", "built")
"""The steps of a build; those in capitals are how uv announces that one is done."""
_COMPILE = """
import compileall, contextlib, importlib, pathlib, sys
names = "jupyterlab.labapp notebook.app notebook_shim.nbserver jupyter_lsp ipykernel.kernelapp"
for name in names.split():
    with contextlib.suppress(Exception):
        importlib.import_module(name)
compileall.compile_dir(sys.argv[1], quiet=2, workers=1)
pathlib.Path(sys.argv[2]).touch()
"""
"""First what a server imports, in the order in which it does; then everything else."""
_ERROR = re.compile(r"^\s*(?:error:|\u00d7)\s*(?P<what>.+)")
_CAUSE = re.compile(r"^\s*(?:cause:|[╰├]─▶)\s*(?P<what>.+)")
_PROBE_SECONDS = 30


def launch(job: Job, order: Order, port: int) -> None:
    """Build the order's repository (or find it built), serve it, and return when its server has ended.

    Raises:
        CannotBuild: The true reason why it does not run.
    """
    if order.provider not in GIT_PROVIDERS:
        raise CannotBuild(
            f"{order.url} is an archive, not a git repository, and needs a container engine here.",
            hint="Install docker or podman with buildx, or use the OpenStack cloud.",
        )
    _Launch(job, order).run(port)


class _Launch:
    def __init__(self, job: Job, order: Order) -> None:
        self._job = job
        self._order = order
        self._directory = job.directory
        self._environments = Environments(self._directory.root, job.settings.keep_environments)
        self._extra = EXTRAS.get(order.interface or "", "")
        self._confined = works(job.settings.isolation)

    def run(self, port: int) -> None:
        """Serve from what is built already, else build first."""
        if not self._order.commit or not self._serve_known(port):
            self._serve_new(port)

    def _serve_known(self, port: int) -> bool:
        """Serve from an environment of an earlier launch, without fetching; False where there is none."""
        for root in dict.fromkeys([str(Path(self._order.path or ".")), "."]):
            environment = self._environment(str(self._order.commit), root)
            with self._environments.use(environment, None, lambda: None) as found:
                if found and build_root(environment.repo, self._order.path) == root:
                    self._serve(environment, root, port)
                    return True
        return False

    def _serve_new(self, port: int) -> None:
        commit = fetch(self._job, self._order)
        repo = self._directory.repo
        root = build_root(repo, self._order.path)
        recipe = read(repo, root)
        interpreter = find_python(recipe, self._uv_environment()) or self._stand_in(recipe)
        environment = self._environment(commit, root)

        def build() -> None:
            repo.rename(environment.repo)
            try:
                self._build(environment, root, interpreter)
            finally:
                end_descendants()  # nothing may write any more to what is kept, or removed

        with self._environments.use(environment, build, self._wait):
            self._serve(environment, root, port)

    def _stand_in(self, recipe: Recipe) -> Path:
        """The bot's own Python instead of one that is not here: it mostly works, and the log says so."""
        own = f"{sys.version_info.major}.{sys.version_info.minor}"
        notice = f"Python {recipe.python} is asked for and not installed here: building with Python {own}"
        self._job.reporter.say(Phase.BUILDING, notice)
        with self._directory.log.open("a") as log:
            log.write(f"{notice}\n")
        return Path(os.path.realpath(sys.executable))

    def _environment(self, commit: str, root: str) -> Environment:
        return self._environments.at(self._order.url, commit, root, self._extra, sys.version)

    def _wait(self) -> None:
        self._job.reporter.say(Phase.BUILDING, "Another binder is building the same commit")
        self._job.check_time()

    def _build(self, environment: Environment, root: str, interpreter: Path) -> None:
        recipe = read(environment.repo, root)
        builder = _Builder(self._job, environment, self._sandbox(interpreter), self._uv_environment())
        builder.create(interpreter)
        builder.install(recipe, [*JUPYTER, *([self._extra] if self._extra else [])])
        builder.finish(recipe)

    def _serve(self, environment: Environment, root: str, port: int) -> None:
        repo = self._directory.repo
        remove_tree(repo)
        copy_tree(environment.repo, repo)
        if self._order.path:
            require_path(repo, self._order.path)
        interpreter = Path(os.path.realpath(environment.venv / "bin/python"))
        self._compile(environment, interpreter)
        serve(
            self._job,
            Server(
                venv=environment.venv,
                recipe=read(repo, root),
                port=port,
                token=self._order.token,
                sandbox=self._sandbox(interpreter),
            ),
        )

    def _compile(self, environment: Environment, interpreter: Path) -> None:
        """Compile the packages beside the starting server, so that the next one starts in half the time.

        The server itself cannot leave compiled modules behind: the environment is not its own to write to.
        """
        done = environment.path / "compiled"
        if done.exists():
            return
        python = str(environment.venv / "bin/python")
        command = ["nice", "-n", "10", python, "-I", "-c", _COMPILE, str(environment.venv / "lib"), str(done)]
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
        if not self._confined:
            return None
        hidden = [Path(each) for each in self._job.settings.hidden]
        configuration = [
            os.environ[name] for name in ("UV_CONFIG_FILE", "PIP_CONFIG_FILE") if name in os.environ
        ]
        visible = [interpreter.parent.parent, Path(find_uv_bin()), *map(Path, configuration)]
        return Sandbox([self._directory.root, *hidden], visible, self._directory.scratch)

    def _uv_environment(self) -> dict[str, str]:
        environment = repository_environment(os.environ) | {
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_CACHE_DIR": self._job.settings.cache,
            "UV_NO_PROGRESS": "1",
            # A binder that edits its packages must not edit what the cache gives to others.
            "UV_LINK_MODE": "copy",
        }
        # A repository's own uv.toml is not ours to follow.
        return environment if "UV_CONFIG_FILE" in environment else environment | {"UV_NO_CONFIG": "1"}


class _Builder:
    """Builds one environment, counting its steps."""

    def __init__(
        self, job: Job, environment: Environment, sandbox: Sandbox | None, variables: Mapping[str, str]
    ) -> None:
        self._job = job
        self._environment = environment
        self._sandbox = sandbox
        bin_folder = environment.venv / "bin"
        self._variables = {
            **variables,
            "VIRTUAL_ENV": str(environment.venv),
            "PATH": f"{bin_folder}{os.pathsep}{variables.get('PATH', os.defpath)}",
        }
        self._done = 0

    def create(self, interpreter: Path) -> None:
        """Make the empty environment."""
        self._say("Creating an environment")
        self._uv(["venv", "--quiet", "--seed", "--python", str(interpreter), str(self._environment.venv)])
        self._reach("created", "Resolving packages")

    def install(self, recipe: Recipe, added: Iterable[str]) -> None:
        """Install Jupyter and what the repository asks for, in one resolution."""
        python = str(self._environment.venv / "bin/python")
        arguments = ["pip", "install", "--python", python, *self._left_out(recipe), *added]
        self._uv([*arguments, *recipe.requirements], recipe)

    def _left_out(self, recipe: Recipe) -> list[str]:
        """Options that leave out what only makes Jupyter start slowly, unless the repository names it."""
        if SLOW_TO_START in recipe.text:
            return []
        listing = self._environment.path / "left-out.txt"
        listing.write_text(f"{SLOW_TO_START}\n", encoding="utf-8")
        return ["--excludes", str(listing)]

    def finish(self, recipe: Recipe) -> None:
        """Run postBuild."""
        if recipe.post_build is not None:
            self._say("Running postBuild")
            try:
                self._run(runnable(recipe.post_build), cwd=recipe.root)
            except CommandFailed as error:
                raise CannotBuild(_script_reason("postBuild", error)) from error
        self._reach("built", "Built")

    def _uv(self, arguments: list[str], recipe: Recipe | None = None) -> None:
        try:
            self._run(
                [find_uv_bin(), *arguments],
                cwd=recipe.cwd if recipe else self._environment.path,
                stdin=recipe.stdin if recipe else "",
            )
        except CommandFailed as error:
            raise CannotBuild(uv_reason(error.output, recipe.origin if recipe else "")) from error

    def _run(self, command: list[str], *, cwd: Path, stdin: str = "") -> None:
        directory = self._job.directory
        variables = dict(self._variables)
        if self._sandbox is not None:
            writable = [
                self._environment.path,
                Path(self._job.settings.cache),
                directory.home,
                directory.scratch,
            ]
            command = self._sandbox.wrap(command, cwd=cwd, writable=writable)
            variables["TMPDIR"] = "/tmp"  # noqa: S108 - its own
        self._job.run(command, cwd=cwd, environment=variables, stdin=stdin, on_line=self._read)

    def _read(self, line: str) -> None:
        step = line.partition(" ")[0]
        if step.istitle() and step in _STEPS:
            self._reach(step, line)

    def _reach(self, step: str, message: str) -> None:
        self._done = max(self._done, _STEPS.index(step) + 1)
        self._say(message)

    def _say(self, message: str) -> None:
        self._job.reporter.say(Phase.BUILDING, message, self._done / len(_STEPS))


def find_python(recipe: Recipe, variables: Mapping[str, str]) -> Path | None:
    """The interpreter that a recipe asks for, or None where it is not here.

    Where it asks for none, the bot's own.

    Raises:
        CannotBuild: It asks for Python 2, which nothing here could stand in for.
    """
    own = Path(os.path.realpath(sys.executable))
    version = ".".join(map(str, sys.version_info[:3]))
    if not recipe.python or version == recipe.python or version.startswith(f"{recipe.python}."):
        return own
    found = _ask_uv(["python", "find", "--no-project", "--system", recipe.python], variables).strip()
    if found:
        return Path(os.path.realpath(found))
    if recipe.python.split(".")[0] != version.split(".")[0]:
        raise CannotBuild(
            f"The repository asks for Python {recipe.python}, which is not installed on this machine.",
            hint=f"Installed here: {', '.join(_installed(variables) or [version])}. {NEEDS_ENGINE}",
        )
    return None


def _installed(variables: Mapping[str, str]) -> list[str]:
    listing = _ask_uv(["python", "list", "--only-installed", "--output-format", "json"], variables)
    versions = {str(each["version"]) for each in json.loads(listing or "[]")}
    return sorted(versions, key=lambda version: [int(part) for part in re.findall(r"\d+", version)])


def _ask_uv(arguments: list[str], variables: Mapping[str, str]) -> str:
    """What uv answers; nothing where it fails."""
    answer = subprocess.run(  # noqa: S603 - an argument list; the version was checked against a pattern
        [find_uv_bin(), *arguments],
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env=dict(variables),
        timeout=_PROBE_SECONDS,
        text=True,
    )
    return answer.stdout if answer.returncode == 0 else ""


def uv_reason(output: str, origin: str = "") -> str:
    """One sentence of why uv failed, from what it printed."""
    lines = output.splitlines()
    starts = [number for number, line in enumerate(lines) if _ERROR.match(line)]
    if not starts:
        return f"The packages could not be installed: {_last_said(lines)}."
    said = lines[starts[-1] :]
    what = _ERROR.match(said[0])
    headline = what["what"].strip() if what else said[0]
    causes = _causes(said)
    detail = _last_said(_after_output_marker(said)) or (causes[-1] if causes else "")
    if headline.startswith("No solution found"):
        headline = f"No set of packages satisfies {f'`{origin}`' if origin else 'what it asks for'}"
        detail = detail.split(", we can conclude", 1)[0]
        detail = detail[:1].lower() + detail[1:]
    elif len(causes) > 1 and detail not in causes:
        detail = f"{causes[0]}: {detail}" if not headline.startswith("Failed to build") else detail
    return sentence(f"{headline}: {detail}" if detail else headline).rstrip(".") + "."


def _causes(lines: list[str]) -> list[str]:
    causes: list[str] = []
    for line in lines[1:]:
        match = _CAUSE.match(line)
        if match:
            causes.append(match["what"].strip())
        elif not line.strip():
            break
        elif causes:
            causes[-1] += " " + line.strip(" │\t")
    return causes


def _after_output_marker(lines: list[str]) -> list[str]:
    """What a failing build printed itself: errors before ordinary output."""
    for marker in ("[stderr]", "[stdout]"):
        for number, line in enumerate(lines):
            if line.strip() == marker:
                rest = lines[number + 1 :]
                end = next(
                    (at for at, each in enumerate(rest) if each.lstrip().startswith("hint:")), len(rest)
                )
                return rest[:end]
    return []


def _last_said(lines: Iterable[str]) -> str:
    said = [line.strip(" │\t") for line in lines]
    return next((line for line in reversed(said) if line), "").rstrip(".")


def _script_reason(name: str, error: CommandFailed) -> str:
    how = f"ended with exit code {error.code}" if error.code > 0 else f"was ended by signal {-error.code}"
    last = _last_said(error.output.splitlines())
    return sentence(f"`{name}` {how}: {last}" if last else f"`{name}` {how}").rstrip(".") + "."
