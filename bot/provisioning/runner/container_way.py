"""Building a repository with repo2docker and running it in a container."""

import hashlib
import json
import os
import re
import shutil
import time

from uv import find_uv_bin

from bot.errors import CannotBuild, CloudError
from bot.provisioning.base import Order, Phase
from bot.provisioning.local_engine import IMAGES, SERVER_PORT, Engine, Limits
from bot.provisioning.reports import clean, sentence, spoken
from bot.provisioning.runner.commands import CommandFailed, Job
from bot.provisioning.runner.recipe import build_root
from bot.provisioning.runner.serving import ServerEnded, answers
from bot.provisioning.runner.source import GIT_PROVIDERS, fetch
from bot.provisioning.runner.uv_way import EXTRAS

REPO2DOCKER = "jupyter-repo2docker==2026.4.0"
REPO2PODMAN = "repo2podman"

_STEP = re.compile(r"\[\s*(\d{1,4})/(\d{1,4})\]")
_USER = 1000
_LOOK_SECONDS = 0.2
_WATCH_SECONDS = 3.0


def launch(job: Job, order: Order, port: int) -> None:
    """Build the order's image (or find it built), run it, and return when its container has ended.

    Raises:
        CannotBuild: The true reason why it does not run.
        ServerEnded: It ran, and ended later.
    """
    engine = Engine(str(job.settings.engine), job.settings.deployment)
    try:
        image = _known_image(engine, job, order) or _build(engine, job, order)
        _start(engine, job, order, image, port)
        _watch(engine, job, order, port)
    except CommandFailed as error:
        raise CannotBuild(_reason(error)) from error


def _known_image(engine: Engine, job: Job, order: Order) -> str | None:
    """The image of an earlier launch of the very same; archives without a commit are immutable."""
    image = image_of(job, order)
    fixed = order.commit or order.provider not in GIT_PROVIDERS
    return image if fixed and engine.has_image(image) else None


def _build(engine: Engine, job: Job, order: Order) -> str:
    image = image_of(job, order)
    source, options = order.url, []
    if order.provider in GIT_PROVIDERS:
        fetch(job, order)
        source = str(job.directory.repo)
        root = build_root(job.directory.repo, order.path)
        options = [] if root == "." else ["--subdir", root]
    if extra := EXTRAS.get(order.interface or ""):
        options += ["--appendix", f"RUN python3 -m pip install --no-cache-dir {extra}"]
    job.reporter.say(Phase.BUILDING, "Building the image")
    command = [
        *repo2docker(engine.name),
        *("--no-run", "--json-logs", "--image-name", image),
        *("--user-id", str(_USER), "--user-name", "jovyan"),
        *options,
        source,
    ]
    job.run(command, cwd=job.directory.work, environment=os.environ, on_line=_Progress(job))
    engine.prune_images(job.settings.keep_environments)
    return image


def image_of(job: Job, order: Order) -> str:
    """The image's name: of everything that decides what is built."""
    path = order.path if order.provider in GIT_PROVIDERS else None
    key = json.dumps([order.url, order.commit, path, EXTRAS.get(order.interface or "")])
    return f"{IMAGES}{job.settings.deployment}-{hashlib.sha256(key.encode()).hexdigest()[:24]}"


def repo2docker(engine: str) -> list[str]:
    """The command that is repo2docker here: the installed one, else one that uv fetches."""
    installed = shutil.which("jupyter-repo2docker") or shutil.which("repo2docker")
    podman = ["--engine", "podman"] if engine == "podman" else []
    if installed:
        return [installed, *podman]
    plugin = ["--with", REPO2PODMAN] if podman else []
    return [find_uv_bin(), "tool", "run", "--from", REPO2DOCKER, *plugin, "jupyter-repo2docker", *podman]


class _Progress:
    """Reads repo2docker's log: one JSON object a line, mostly."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._told = ""

    def __call__(self, line: str) -> None:
        """Report a line of the log where it tells of a new step."""
        message = clean(spoken(line))
        step = _STEP.search(message)
        if step is None or step[0] == self._told or int(step[2]) == 0:
            return
        self._told = step[0]
        fraction = min(int(step[1]) / int(step[2]), 1.0)
        self._job.reporter.say(Phase.BUILDING, sentence(message, 200), fraction)


def _start(engine: Engine, job: Job, order: Order, image: str, port: int) -> None:
    job.reporter.say(Phase.STARTING, "Starting the container")
    settings = job.settings
    limits = Limits(settings.memory, settings.cpus, settings.pids)
    jupyter = ["jupyter", "notebook", "--ip=0.0.0.0", f"--port={SERVER_PORT}", "--no-browser"]
    if engine.runs_as_root(image):
        jupyter.append("--allow-root")
    job.run(
        engine.run_command(order.binder_id, image, port, limits, jupyter),
        cwd=job.directory.work,
        environment={**os.environ, "JUPYTER_TOKEN": order.token},
    )


def _watch(engine: Engine, job: Job, order: Order, port: int) -> None:
    url = f"http://127.0.0.1:{port}/api"
    deadline = time.monotonic() + job.settings.start_seconds
    while not answers(url):
        if not engine.is_running(order.binder_id):
            raise CannotBuild("Its container ended before its server answered.")
        if time.monotonic() > deadline:
            raise CannotBuild(f"Its server did not answer within {job.settings.start_seconds:g} seconds.")
        time.sleep(_LOOK_SECONDS)
    job.reporter.say(Phase.SERVING, "Serving")
    while _still_runs(engine, order.binder_id):
        time.sleep(_WATCH_SECONDS)
    raise ServerEnded("Its container ended.")


def _still_runs(engine: Engine, binder_id: str) -> bool:
    try:
        return engine.is_running(binder_id)
    except CloudError:  # an engine that does not answer tells nothing
        return True


def _reason(error: CommandFailed) -> str:
    """The last thing that the build itself said before repo2docker gave up."""
    messages = [clean(spoken(line)).strip() for line in error.output.splitlines()]
    said = [each for each in "\n".join(messages).splitlines() if each.strip()]
    errors = [each for each in said if re.search(r"\berror\b|MRAN|not found|No such", each, re.IGNORECASE)]
    last = (errors or said or [f"exit code {error.code}"])[-1]
    return sentence(f"The image could not be built: {last}").rstrip(".") + "."
