"""The real container engine and registry that some measurements need, and steps done with them by hand."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from bot.images.rights import TokenRights
from bot.images.tokens import TokenMinter, read_certificate, read_key
from tests.conftest import HostedRepository
from tests.engines.guest import PORT, an_address, docker

PATIENCE_SECONDS = 600.0
SERVICE = "binder-bot"
"""What the registry of the tests calls itself."""
TOKEN = "bench-token-that-nobody-guesses"
_MACHINE = Path(__file__).parents[1] / "tests/engines/machine"
_PATH = "/srv/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_COMPILED = ("regex", "zstandard", "greenlet", "lz4", "msgpack")
"""Packages that are compiled, as R compiles most of its own."""
_DOCKERFILE = """\
FROM {base}
ARG NB_USER=jovyan
ARG NB_UID=1000
RUN useradd --create-home --uid ${{NB_UID}} ${{NB_USER}}
RUN apt-get update && apt-get install --yes --no-install-recommends g++ gfortran make python3-dev
RUN pip install --no-cache-dir pandas matplotlib scikit-learn statsmodels seaborn bokeh xarray dask
RUN pip install --no-cache-dir --no-binary {compiled} {packages}
COPY --chown=${{NB_UID}} . /home/${{NB_USER}}
USER ${{NB_USER}}
WORKDIR /home/${{NB_USER}}
"""
"""As repo2docker builds `apt.txt` and `requirements.txt`: what seldom changes comes first."""


def is_there() -> bool:
    """Whether this process was started with the engine of the tests."""
    return "ENGINES" in os.environ


def lacking() -> str:
    """What keeps the engine from being started on this machine, in a sentence; empty if nothing does."""
    return run(str(_MACHINE / "up"), "--lacking").strip()


def entering(command: Sequence[str]) -> list[str]:
    """The command that starts the engine, runs a command with it, and ends what it started."""
    return [str(_MACHINE / "with"), *command]


def write_repository(repository: HostedRepository, base: str, notebook: str = "first") -> str:
    """Commit an environment that takes a while to build, and a notebook; gives the commit."""
    cell = {"cell_type": "markdown", "metadata": {}, "source": [notebook]}
    content = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return repository.commit(
        {
            "Dockerfile": _DOCKERFILE.format(
                base=base, compiled=",".join(_COMPILED), packages=" ".join(_COMPILED)
            ),
            "index.ipynb": json.dumps(content),
        }
    )


@contextmanager
def a_base_image() -> Iterator[str]:
    """A base image whose layers no other image has, so that they can be removed."""
    name = f"benchbase:{os.getpid()}"
    container = docker("create", os.environ["ENGINES_IMAGE"], "true").strip()
    try:
        export = subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE)
        command = ["docker", "import", "--change", f"ENV PATH={_PATH}", "-", name]
        subprocess.run(command, stdin=export.stdout, check=True, capture_output=True)
        export.wait()
        yield name
    finally:
        docker("rm", "--force", container)
        docker("rmi", "--force", name)


def rights() -> TokenRights:
    """Rights in the registry of the tests."""
    key = read_key(Path(os.environ["ENGINES_REGISTRY_KEY"]))
    certificate = read_certificate(Path(os.environ["ENGINES_REGISTRY_CERTIFICATE"]), key)
    return TokenRights(TokenMinter(key, certificate, service=SERVICE, issuer="binder-bot"))


@contextmanager
def logged_in(folder: Path, name: str) -> Iterator[None]:
    """Let the commands of the block use one repository of the registry."""
    host, before = os.environ["ENGINES_REGISTRY"], os.environ["DOCKER_CONFIG"]
    folder.mkdir(parents=True, exist_ok=True)
    content = {"auths": {host: dict(rights().to_push(name, 600.0))}}
    (folder / "config.json").write_text(json.dumps(content))
    os.environ["DOCKER_CONFIG"] = str(folder)
    try:
        yield
    finally:
        os.environ["DOCKER_CONFIG"] = before


def run(*command: str) -> str:
    """Run a command that must succeed, and give what it printed."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def repo2docker() -> str:
    """The path of the repo2docker of the tests."""
    return str(Path(os.environ["ENGINES"], "repo2docker/bin/repo2docker"))


def forget_builds() -> None:
    """Remove what the engine remembers of earlier builds."""
    run("docker", "builder", "prune", "--all", "--force")


def seconds_to_serve(start: Callable[[], object], url: str) -> float:
    """How long it takes from a start until JupyterLab answers."""
    begun = time.perf_counter()
    start()
    while time.perf_counter() - begun < PATIENCE_SECONDS:
        try:
            if requests.get(f"{url}/lab?token={TOKEN}", timeout=5).ok:
                return time.perf_counter() - begun
        except requests.ConnectionError:
            time.sleep(0.02)
    raise TimeoutError(url)


@contextmanager
def serving_by_hand(image: str) -> Iterator[tuple[Callable[[], None], str]]:
    """What starts a container of an image as a person does, and where it serves; it is removed afterwards."""
    address, name = an_address(), f"by-hand-{os.getpid()}"

    def start() -> None:
        publish = ("--publish", f"{address}:{PORT}:8888", "--env", f"JUPYTER_TOKEN={TOKEN}")
        serve = ("jupyter", "notebook", "--ip=0.0.0.0", "--port=8888", "--no-browser")
        run("docker", "run", "--detach", "--name", name, *publish, image, *serve)

    try:
        yield start, f"http://{address}:{PORT}"
    finally:
        docker("rm", "--force", "--volumes", name)
