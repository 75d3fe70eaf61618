"""The container image of `deploy/`: built from the lock files, and run as the compose file runs it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from tests.chaos.soak.cloud import GuestCloud
from tests.chaos.soak.world import settings_of
from tests.conftest import HostedRepository
from tests.engines.conftest import Engine
from tests.engines.desk import PATIENCE, workspace_with_ada
from tests.fakes.waiting import eventually
from workspace.hands import links

ROOT = Path(__file__).parents[2]
IMAGE = "binder-bot:test"
COMPOSE = ROOT / "deploy" / "compose.yml"


@pytest.fixture(scope="module")
def image() -> str:
    """The image, on the base image of this machine, which is like `python:3.12-slim`, but older."""
    base = os.environ["ENGINES_IMAGE"]
    names = ["--file", "deploy/Dockerfile", "--build-arg", f"BASE={base}", "--tag", IMAGE]
    command = ["docker", "build", *names, "."]
    built = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-4000:]
    return IMAGE


@pytest.fixture
def guests() -> Iterator[GuestCloud]:
    cloud = GuestCloud()
    cloud.start()
    yield cloud
    cloud.stop()


def options() -> list[str]:
    """How the compose file confines the bot, as options of `docker run`."""
    bot = yaml.safe_load(COMPOSE.read_text())["services"]["bot"]
    assert bot["read_only"]
    found = ["--read-only", "--memory", bot["mem_limit"], "--pids-limit", str(bot["pids_limit"])]
    found += [f"--tmpfs={each}" for each in bot["tmpfs"]]
    found += [f"--cap-drop={each}" for each in bot["cap_drop"]]
    return found + [f"--security-opt={each}" for each in bot["security_opt"]]


@contextmanager
def container(engine: Engine, image: str, environment: dict[str, str], folder: Path) -> Iterator[str]:
    """The bot in a container, in this machine's network: the workspace and the cloud are on its loopback."""
    file = folder / "settings.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
    number = engine.ask("run", "--detach", "--network=host", *options(), f"--env-file={file}", image).strip()
    try:
        yield number
    finally:
        engine.ask("rm", "--force", "--volumes", number)


def test_the_image_runs_a_launch_from_command_to_links_and_ends_when_it_is_told(
    engine: Engine, image: str, guests: GuestCloud, repository: HostedRepository, tmp_path: Path
) -> None:
    with workspace_with_ada() as (workspace, ada):
        environment = settings_of(guests, workspace) | {
            "DATABASE_URL": "sqlite:////var/lib/binder-bot/bot.sqlite3",
            "HEALTH_PORT": "0",
        }
        with container(engine, image, environment, tmp_path) as number:
            eventually(lambda: workspace.sockets.connected, PATIENCE)
            ada.command(f"/binder launch {repository.url}")
            assert "JupyterLab" in dict(links(ada.wait_for_text("Your links to", PATIENCE)))
            assert engine.ask("exec", number, "id", "-u").strip() == "10001"
            engine.ask("stop", "--time", "30", number)
            assert engine.inspect(number)["State"]["ExitCode"] == 0


def test_docker_compose_takes_the_file(tmp_path: Path) -> None:
    file = shutil.copy(COMPOSE, tmp_path)
    (tmp_path / "binder-bot.env").write_text("SLACK_BOT_TOKEN=xoxb-1\n")
    command = ["docker-compose", "--file", file, "--profile", "images", "config"]
    environment = {"PATH": os.environ["PATH"], "DATABASE_PASSWORD": "p4ss"}
    shown = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert "postgresql://binder-bot:p4ss@database/binder-bot" in shown


def test_the_image_has_no_secret_no_builder_and_no_test_in_it(engine: Engine, image: str) -> None:
    listed = ["python", "-c", "import importlib.metadata as m; print(*{d.name for d in m.distributions()})"]
    packages = set(engine.ask("run", "--rm", "--entrypoint", listed[0], image, *listed[1:]).split())
    assert "binder-bot" in packages
    assert packages.isdisjoint({"hatchling", "pytest", "hypothesis"})
    [described] = json.loads(engine.ask("image", "inspect", image))
    assert described["Config"]["User"] == "10001"
    assert not [each for each in described["Config"]["Env"] if "TOKEN" in each or "PASSWORD" in each]
    assert engine.ask("run", "--rm", image, "--version").strip() == version("binder-bot")
