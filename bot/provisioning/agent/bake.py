"""Preparing a machine whose image is kept, and proving that what boots from it is right.

It travels only to machines that are baked: the instances of binders have no use for it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.provisioning.agent.__main__ import parsed, prepared, run
from bot.provisioning.agent.cleaning import clean
from bot.provisioning.agent.commands import capture
from bot.provisioning.agent.commands import run as run_command
from bot.provisioning.agent.egress import check_egress
from bot.provisioning.agent.engine import Engine
from bot.provisioning.agent.failures import CommandFailed, Failure, FailureCode
from bot.provisioning.agent.firewall import METADATA, close_metadata_service
from bot.provisioning.agent.phases import Phase
from bot.provisioning.agent.repo2docker import Build, build_image, repo2docker_version
from bot.provisioning.agent.reports import Console
from bot.provisioning.agent.tools import has_https, is_up, require_tools

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bot.provisioning.agent.job import Job

EXAMPLE_IMAGE = "binder-bot/example"
"""The name of the example's image. It stays, so that its layers do."""

_PROOF_IMAGE = "binder-bot/proof"
"""The name of an image that is built for a proof: repo2docker builds nothing whose name is there."""
_BUILD_SECONDS, _REBUILD_SECONDS = "build-seconds", "rebuild-seconds"
_VERSION = re.compile(r"\d+\.\d+[\w.+~-]*")
_PROBE = "import socket; s = socket.socket(); s.settimeout(5); print('open', s.connect_ex(('{address}', 80)))"


@dataclass(frozen=True)
class BakeOrder:
    """What a machine that is baked, or was baked, has to do.

    Attributes:
        example: The files of a small repository by their names: its first layers are those of most others.
        expected: What must be inside, as the baked machine told it; empty where this one is to be baked.
        linger_seconds: How long the machine stays on after its last report, so that somebody can read that.
    """

    example: Mapping[str, str]
    expected: Mapping[str, str] = field(default_factory=dict)
    linger_seconds: float = 30.0


def main(arguments: Sequence[str]) -> int:
    """Run the agent on a machine that is baked; 0 where a later start would end the same."""
    options = parsed(arguments)
    if options.firewall:
        close_metadata_service()
        return 0
    order = BakeOrder(**json.loads(options.task.read_text(encoding="utf-8"))["bake"])
    return run(prepared(options), lambda job: _carry_out(job, order))


def _carry_out(job: Job, order: BakeOrder) -> None:
    try:
        (prove if order.expected else bake)(job, order)
    except CommandFailed as error:
        raise Failure(f"{error}: {error.last_line}.", FailureCode.NO_TOOLS) from error


def bake(job: Job, order: BakeOrder) -> None:
    """Install, pull and build; then clean the machine, say what is inside, and switch it off.

    Raises:
        Failure: Why nothing comes of it.
    """
    engine = Engine(job.settings.container.engine)
    _check_egress(job)
    require_tools(job, engine)
    _require_pinned_repo2docker(job)
    close_metadata_service()
    base = job.settings.container.base_image or _base_image(job)
    _pull(job, engine, base)
    seconds = _build_example(job, order.example, EXAMPLE_IMAGE)
    contents = {**_contents(job, engine, base), _BUILD_SECONDS: seconds}
    job.reporter.begin(Phase.STARTING, "Cleaning the machine")
    console = _console(job)
    clean(job)
    _tell(console, "The machine is ready to be copied", contents)
    time.sleep(order.linger_seconds)
    capture("systemctl", "poweroff")


def prove(job: Job, order: BakeOrder) -> None:
    """Say what is inside, if it is what was baked, works, and is closed.

    Raises:
        Failure: What is wrong.
    """
    engine = Engine(job.settings.container.engine)
    _check_egress(job)
    if not is_up(job, engine):
        raise Failure("Docker does not run.", FailureCode.NO_TOOLS)
    if not has_https(job):
        raise Failure("Caddy is not inside.", FailureCode.NO_TOOLS)
    contents = _contents(job, engine, order.expected["base-image"])
    wanted = {name: value for name, value in order.expected.items() if name != _BUILD_SECONDS}
    wrong = [name for name, value in wanted.items() if contents.get(name) != value]
    if wrong:
        found = ", ".join(f"{name} is {contents.get(name)}" for name in wrong)
        raise Failure(f"Something else is inside than was baked: {found}.", FailureCode.NO_TOOLS)
    _require_closed_metadata_service(engine)
    # From the layers that are there already: that is what they are for.
    seconds = _build_example(job, order.example, _PROOF_IMAGE)
    engine.remove_name(_PROOF_IMAGE)
    _tell(_console(job), "The image works", {**order.expected, _REBUILD_SECONDS: seconds})


def _check_egress(job: Job) -> None:
    if job.settings.machine.check_egress:
        check_egress(job)


def _require_pinned_repo2docker(job: Job) -> None:
    wanted = job.settings.container.repo2docker.partition("==")[2]
    found = repo2docker_version(job)
    if wanted and found != wanted:
        raise Failure(
            f"The image has repo2docker {found}, but the bot builds with {wanted}.",
            FailureCode.NO_TOOLS,
            "Bake from an image without repo2docker.",
        )


def _base_image(job: Job) -> str:
    """What repo2docker builds on, as it says itself."""
    ask = "from repo2docker.app import Repo2Docker; print(Repo2Docker().base_image)"
    return capture(str(job.places.tools / "bin/python"), "-c", ask).strip()


def _pull(job: Job, engine: Engine, image: str) -> None:
    if engine.inspect_image(image):
        return
    job.reporter.begin(Phase.PULLING, f"Pulling {image}")
    run_command(job, [engine.name, "pull", image])


def _build_example(job: Job, files: Mapping[str, str], image: str) -> str:
    """Build the example; the seconds that it took."""
    began_at = time.monotonic()
    shutil.rmtree(job.places.repo, ignore_errors=True)
    job.places.repo.mkdir(parents=True)
    for name, content in files.items():
        (job.places.repo / name).write_text(content, encoding="utf-8")
    job.reporter.begin(Phase.BUILDING, "Building the example")
    build_image(job, Build(image, str(job.places.repo)))
    return f"{time.monotonic() - began_at:.0f}"


def _require_closed_metadata_service(engine: Engine) -> None:
    close_metadata_service()
    run_it = (engine.name, "run", "--rm", "--entrypoint", "python3", EXAMPLE_IMAGE)
    if "open 0" in capture(*run_it, "-c", _PROBE.format(address=METADATA)):
        raise Failure("A container reaches the metadata service.", FailureCode.NO_FIREWALL)


def _contents(job: Job, engine: Engine, base: str) -> dict[str, str]:
    """What is inside of this machine, by the names that an image's metadata has for it.

    Raises:
        CommandFailed, Failure: A part of it is not there.
    """
    return {
        "docker": _version(engine.name, "version", "--format", "{{.Server.Version}}"),
        "buildx": _version(engine.name, "buildx", "version"),
        "git": _version("git", "--version"),
        "repo2docker": repo2docker_version(job),
        "base-image": base,
        "base-digest": _digest(_image(engine, base)),
        "example": str(_image(engine, EXAMPLE_IMAGE)["Id"]),
        "architecture": os.uname().machine,
        "system": _system(job.places.root),
    }


def _version(*command: str) -> str:
    """The first version that a command prints."""
    found = _VERSION.search(capture(*command))
    return found[0] if found else "unknown"


def _digest(image: Mapping[str, Any]) -> str:
    """The digest by which an image was pulled; its id where it came in another way."""
    digests = image.get("RepoDigests") or [""]
    return str(digests[0]).rpartition("@")[2] or str(image["Id"])


def _image(engine: Engine, name: str) -> dict[str, Any]:
    found = engine.inspect_image(name)
    if not found:
        raise Failure(f"The image {name} is not inside.", FailureCode.NO_TOOLS)
    return found


def _system(root: Path) -> str:
    """The distribution, as it calls itself."""
    text = (root / "etc/os-release").read_text(encoding="utf-8")
    named = re.search(r'^PRETTY_NAME="?([^"\n]+)', text, re.MULTILINE)
    return named[1] if named else "unknown"


def _console(job: Job) -> Console:
    return Console(job.places.root / job.settings.reports.console.lstrip("/"))


def _tell(console: Console, message: str, contents: Mapping[str, str]) -> None:
    """Write the last report."""
    console.write({"phase": Phase.WAITING.value, "message": message, "contents": dict(contents)})
