"""What runs inside an instance: from a bare image to a served repository, told line by line on the console.

    python3 agent.py /etc/binder-bot/order.json     # what the systemd unit runs at every boot
    python3 agent.py --guard                        # only keep containers from the metadata service

This file is shipped to the instance as it is: one file, the standard library alone, Python 3.9 or newer.
The order and the settings come as JSON, rendered by `bot.provisioning.openstack.user_data`. Docker itself is
the memory: an image that is built is not built again, a container that exists is only started.

Each event is one line of JSON after `BINDER-BOT `: `phase`, `fraction`, `message`, and at the end of a
failure `reason`, `hint`, `code`. A log comes before it, in lines with `part` of `parts`. Lines are short and
few, because a console holds 100 KiB; the token is in none of them, because a whole project can read it.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import http.client
import importlib.util
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable  # noqa: UP035 - an alias is evaluated, and 3.9 is meant to run it
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MARKER = "BINDER-BOT"
CONTAINER = "binder"
SERVER_PORT = 8888
METADATA = "169.254.169.254"

GIT_PROVIDERS = frozenset({"gh", "gl", "gist", "git"})
CONFIGURATION = (
    *("binder", ".binder", "Dockerfile", "Project.toml", "JuliaProject.toml", "REQUIRE", "default.nix"),
    *(
        "DESCRIPTION",
        "install.R",
        "environment.yml",
        "Pipfile",
        "Pipfile.lock",
        "requirements.txt",
        "setup.py",
    ),
    *("pyproject.toml", "runtime.txt", "apt.txt", "postBuild", "start"),
)

MAX_MESSAGE = 200
MAX_SENTENCE = 400
MAX_LOG = 4_000
MAX_PIECE = 1_600
"""Bytes of JSON of one piece of a log: its whole line stays below 2 KB."""
_LOG_BYTES = 12_000
_BURST_BYTES = 4_096
_LINES_KEPT = 400
_LINE_BYTES = 65_536
_LOG_FILE_BYTES = 20 * 1024 * 1024
_RESTARTS = 3
_COMMAND_SECONDS = 120

_ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-Z\\-_]?")
_USERINFO = re.compile(r"(?<=://)[^/\s]*@")
_STEP = re.compile(r"#\d+ \[(?:[\w.-]{1,80}\s{1,9})?\s{0,9}(\d{1,4})/(\d{1,4})\]")
_STAMP = re.compile(r"^(?:#\d+ )?(?:\d+\.\d+ )?")
_TELLING = re.compile(
    r"error\b|not found|no such|cannot|could not|unable to|nothing provides|does not exist|killed"
    r"|no space left",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"did not complete successfully|executor failed running|failed to solve|non-zero exit status"
    r"|^\s*\d+ \||^\s*> \[|^-+$",
    re.IGNORECASE,
)
# repo2docker's own last words repeat the whole command that ended.
_COMMAND_ENDED = re.compile(r"Command '?\[.*\]'? returned non-zero exit status \d+")
_ZENODO = re.compile(
    r"(?:doi:|https?://(?:dx\.)?doi\.org/|https?://(?:sandbox\.)?zenodo\.org/(?:doi|badge/doi)/)?"
    r"10\.(5281|5072)/zenodo\.(\d{1,12})(?:\.svg)?/?",
    re.IGNORECASE,
)
_ARCHIVE = re.compile(
    r"https?://\S+|(?:doi:)?10\.\d{4,9}/\S+|swh:1:(?:rev|dir):[0-9a-f]{40}\S*", re.IGNORECASE
)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# What `--volume name:place` takes literally: no colon, nor anything that a mount option could be made of.
_PLAIN_DIRECTORY = re.compile(r"(?:/[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*)+/?")

_PROVIDERS = {
    "zenodo": ("Zenodo",),
    "figshare": ("Figshare",),
    "dataverse": ("Dataverse",),
    "hydroshare": ("Hydroshare",),
    "swh": ("Swhid",),
    "ckan": ("CKAN",),
    "doi": ("Zenodo", "Figshare", "Dataverse", "Hydroshare"),
}
"""repo2docker's sources by our providers. Fewer are asked than it has, and Mercurial never: it needs `hg`."""

_GIT = (
    "git",
    *("-c", "protocol.allow=never", "-c", "protocol.https.allow=always", "-c", "protocol.http.allow=always"),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false"),
    # A host that sends less than this many bytes a second for that many seconds has gone away.
    *("-c", "http.lowSpeedLimit=100", "-c", "http.lowSpeedTime=60"),
)
_UNREACHABLE = ("unable to access", "could not read Username", "not found", "Authentication failed")


class Failure(Exception):
    """It goes no further.

    Args:
        reason: One sentence for the person who launched it.
        code: The same for the bot, of a few fixed words: `no-egress`, `host-unreachable`, `no-tools`, ….
        hint: What can be done about it.
    """

    def __init__(self, reason: str, code: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.hint = hint


class CommandFailed(Exception):
    """A command ended with another code than 0.

    Args:
        command: Its name.
        code: Its exit code; negative where a signal ended it.
        output: The end of what it said.
    """

    def __init__(self, command: str, code: int, output: str) -> None:
        super().__init__(f"{command}: exit code {code}")
        self.code = code
        self.output = output

    @property
    def last(self) -> str:
        """The last thing that it said."""
        said = [line.strip() for line in self.output.splitlines() if line.strip()]
        return said[-1].removeprefix("fatal: ").rstrip(".") if said else f"exit code {self.code}"


@dataclass(frozen=True)
class Order:
    """What is to be served; the fields are those of the bot's own `Order`.

    Attributes:
        extra: A package to add to the image for the interface that was asked for, or None.
    """

    binder_id: str
    provider: str
    url: str
    ref: str | None
    commit: str | None
    is_tip: bool
    path: str | None
    extra: str | None
    token: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """What the operator chose; `bot.provisioning.openstack.user_data.GuestSettings` describes each."""

    port: int
    console: str
    data_directory: str
    repo2docker: str
    install: bool
    memory_fraction: float
    pids: int
    build_seconds: float
    start_seconds: float
    egress_seconds: float
    poll_seconds: float
    watch_seconds: float
    report_seconds: float
    report_bytes: int
    egress: list[str]
    environment: dict[str, str]


class Places:
    """Where everything is in the instance, below `root`."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.data = root / settings.data_directory.lstrip("/")
        self.repo = self.data / "repo"
        self.work = self.data / "work"
        self.log = self.data / "build.log"
        self.variables = self.data / "server.env"
        self.build_config = self.data / "repo2docker_config.py"
        self.venv = root / "opt/binder-bot/venv"
        self.console = root / settings.console.lstrip("/")
        self.apparmor = root / "sys/module/apparmor/parameters/enabled"


@dataclass(frozen=True)
class Job:
    """What all steps share."""

    order: Order
    settings: Settings
    places: Places
    reporter: Reporter


def main(arguments: Sequence[str]) -> int:
    """Run the agent; 0 where a later start would end the same."""
    parser = argparse.ArgumentParser(description="Serves one repository from this machine.")
    parser.add_argument("order", nargs="?", type=Path, help="the order, as JSON")
    parser.add_argument("--root", type=Path, default=Path("/"), help="what stands for / (for tests)")
    parser.add_argument("--guard", action="store_true", help="only keep containers from the metadata service")
    options = parser.parse_args(arguments)
    if options.guard:
        keep_from_metadata()
        return 0
    job = read_job(options.order, options.root)
    os.environ.update(job.settings.environment)
    return run(job)


def read_job(path: Path, root: Path) -> Job:
    """Read what is to be done."""
    content = json.loads(path.read_text(encoding="utf-8"))
    order, settings = Order(**content["order"]), Settings(**content["settings"])
    places = Places(root, settings)
    return Job(order, settings, places, Reporter(places.console, settings, order.token))


def run(job: Job) -> int:
    """Serve until the machine ends, or say why not."""
    try:
        job.places.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        serve(job)
    except Failure as failure:
        job.reporter.fail(failure)
        return 0
    except Exception as error:
        job.reporter.fail(Failure(f"The agent broke: {type(error).__name__}: {error}.", "agent-error"))
        raise
    return 0


def serve(job: Job) -> None:
    """All steps in their order. What an earlier start has done already is not done again.

    Raises:
        Failure: The reason why it is not served.
    """
    job.reporter.say("booting", "The instance has started")
    image = image_of(job.order)
    is_built = shutil.which("docker") is not None and docker_answers(job) and has_image(image)
    if not is_built:
        check_egress(job)
        install_tools(job)
    keep_from_metadata()
    if not is_built:
        build(job, image)
    start(job, image)
    watch(job)


# --- telling ----------------------------------------------------------------------------------------------


class Reporter:
    """Writes events to the console: few, short, and never the token.

    Whatever matters (a phase, a failure) is always written. Progress is written when it is due: but for
    the steps of a build not more often than `report_seconds`, and never more than `report_bytes` in its time.

    Args:
        console: What to write to.
        settings: Says how much.
        token: What never to write.
    """

    def __init__(self, console: Path, settings: Settings, token: str) -> None:
        self._console = console
        self._settings = settings
        self._token = token
        self._log: deque[str] = deque(maxlen=_LINES_KEPT)
        self._phase = "booting"
        self._fraction: float | None = None
        self._said_at = -settings.report_seconds
        self._allowed = float(_BURST_BYTES)
        self._counted_at = time.monotonic()

    def say(self, phase: str, message: str) -> None:
        """Report what begins."""
        self._phase, self._fraction = phase, None
        self._write(self._event(message))

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Report how far it is, if that is due; a new fraction is due at once.

        Args:
            message: What is being done.
            fraction: Of the build, 0 to 1; it never goes back.
        """
        is_step = fraction is not None and fraction > (self._fraction or 0.0)
        if is_step:
            self._fraction = fraction
        now = time.monotonic()
        if not is_step and now - self._said_at < self._settings.report_seconds:
            return
        event = self._event(message)
        if self._may_spend(len(json.dumps(event)) + len(MARKER) + 3, now):
            self._write(event)

    def log(self, line: str) -> None:
        """Keep a line of what a command said, for the end of a failure."""
        self._log.append(self._tidy(line)[:MAX_LOG])

    def fail(self, failure: Failure) -> None:
        """Report the end of the log, then why it goes no further."""
        pieces = list(_pieces("\n".join(self._log)))
        for part, piece in enumerate(pieces, start=1):
            self._write({"phase": self._phase, "log": piece, "part": part, "parts": len(pieces)})
        self._phase = "failed"
        texts = {"reason": failure.reason, "hint": failure.hint}
        event = {key: _bounded(self._flat(text), MAX_SENTENCE) for key, text in texts.items()}
        self._write({"phase": "failed", "code": failure.code, **event})

    def _event(self, message: str) -> dict[str, object]:
        event: dict[str, object] = {
            "phase": self._phase,
            "message": _bounded(self._flat(message), MAX_MESSAGE),
        }
        return event if self._fraction is None else {**event, "fraction": round(self._fraction, 3)}

    def _may_spend(self, count: int, now: float) -> bool:
        rate = self._settings.report_bytes / self._settings.build_seconds
        self._allowed = min(_BURST_BYTES, self._allowed + (now - self._counted_at) * rate)
        self._counted_at = now
        if self._allowed < count:
            return False
        self._allowed -= count
        return True

    def _write(self, event: Mapping[str, object]) -> None:
        self._said_at = time.monotonic()
        # The first newline ends what the kernel may have left of a line of its own.
        line = f"\n{MARKER} {json.dumps(event)}\n".encode("ascii")
        try:
            handle = os.open(self._console, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
        except OSError:  # no such console: the journal has it, at least
            sys.stdout.write(line.decode())
            sys.stdout.flush()
            return
        try:
            # A terminal without a line behind it refuses; the next event may come through.
            with suppress(OSError):
                os.write(handle, line)
        finally:
            os.close(handle)

    def _flat(self, text: str) -> str:
        return " ".join(self._tidy(text).split())

    def _tidy(self, text: str) -> str:
        """Remove what moves a cursor and what is secret, before any cut: no half of a secret must be left."""
        # Secrets first, of which an escape that is cut short could eat the beginning; and again, because
        # escapes within one hide it.
        lines = _ESCAPES.sub("", self._scrub(text)).replace("\t", "    ").split("\n")
        # Of a line that was drawn over itself, what shows last.
        shown = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)
        return self._scrub("".join(each for each in shown if each == "\n" or each.isprintable()))

    def _scrub(self, text: str) -> str:
        return _USERINFO.sub("", text.replace(self._token, "[token]") if self._token else text)


def _bounded(text: str, limit: int) -> str:
    """Cut a text to so many characters, and to at most twice as many bytes of JSON."""
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    while len(json.dumps(text)) > 2 * limit:
        text = text[: len(text) * 3 // 4] + "…"
    return text


def _pieces(log: str) -> Iterator[str]:
    """The end of a log in pieces that fit into a line each."""
    log = log[-MAX_LOG:].strip("\n")
    while len(json.dumps(log)) > _LOG_BYTES:
        log = log[len(log) // 4 :]
    while log:
        size = MAX_PIECE
        while len(json.dumps(log[:size])) > MAX_PIECE:
            size = size * 3 // 4
        yield log[:size]
        log = log[size:]


# --- running commands -------------------------------------------------------------------------------------


def capture(*command: str, given: str = "") -> str:
    """Run a short command, without a shell, and give what it printed.

    Raises:
        CommandFailed: It failed, is not there, or took too long.
    """
    try:
        result = subprocess.run(  # noqa: S603 - an argument list, never a shell
            command,
            check=False,
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_COMMAND_SECONDS,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(command[0], 1, str(error)) from error
    if result.returncode != 0:
        raise CommandFailed(command[0], result.returncode, result.stderr or result.stdout)
    return result.stdout


def succeeds(*command: str) -> bool:
    """Whether a short command ends with 0."""
    try:
        capture(*command)
    except CommandFailed:
        return False
    return True


def stream(
    job: Job,
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    read: Callable[[str], str] = str,
) -> None:
    """Run a long command, without a shell; what it says goes to the log.

    Args:
        job: Has the log, and says how long it may take.
        command: The command.
        cwd: Where it runs.
        environment: What it finds beside the agent's own environment.
        read: Called with each line as it appears; gives what belongs into the log.

    Raises:
        CommandFailed: It failed, or is not there.
        Failure: It took too long.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - an argument list, never a shell
            list(command),
            cwd=cwd or job.places.data,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise CommandFailed(command[0], 127, str(error)) from error
    with process, _ended_after(process, job.settings.build_seconds) as is_late:
        said = _follow(job, process, read)
        code = process.wait()
    if is_late.is_set():
        raise Failure(
            f"It was not built within {job.settings.build_seconds / 60:g} minutes.",
            "timeout",
            "A larger size may be quick enough.",
        )
    if code != 0:
        raise CommandFailed(command[0], code, said)


def _follow(job: Job, process: subprocess.Popen[bytes], read: Callable[[str], str]) -> str:
    said: deque[str] = deque(maxlen=_LINES_KEPT)
    assert process.stdout is not None  # noqa: S101 - it was asked for: tells the type checker
    with job.places.log.open("ab") as log:
        while raw := process.stdout.readline(_LINE_BYTES):
            line = read(raw.decode("utf-8", "replace")).rstrip("\n")
            said.append(line)
            job.reporter.log(line)
            if log.tell() < _LOG_FILE_BYTES:
                log.write(line.encode("utf-8", "replace") + b"\n")
                log.flush()
    return "\n".join(said)


@contextmanager
def _ended_after(process: subprocess.Popen[bytes], seconds: float) -> Iterator[threading.Event]:
    """Kill a command, and all that it started, when its time is up; the event tells."""
    is_late = threading.Event()

    def end() -> None:
        is_late.set()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield is_late
    finally:
        timer.cancel()


def wait_until(is_so: Callable[[], bool], seconds: float, poll_seconds: float) -> bool:
    """Look until it is so, or the time is up; says which."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() >= deadline:
            return False
        time.sleep(poll_seconds)
    return True


# --- a machine that can do it -----------------------------------------------------------------------------


def check_egress(job: Job) -> None:
    """Find out early whether this machine reaches what it will need: some hosts give machines without egress.

    Raises:
        Failure: `no-egress` where nothing answers (another machine may do), `host-unreachable` where some do.
    """
    wanted = list(dict.fromkeys([_origin(source_of(job.order)), *job.settings.egress]))
    silent = list(wanted)

    def all_answer() -> bool:
        silent[:] = [each for each in silent if not is_reachable(each)]
        return not silent

    if wait_until(all_answer, job.settings.egress_seconds, job.settings.poll_seconds):
        return
    names = ", ".join(urlsplit(each).netloc for each in silent)
    if len(silent) == len(wanted):
        raise Failure(f"The instance has no way out to the internet: {names} did not answer.", "no-egress")
    raise Failure(f"From inside the instance {names} did not answer.", "host-unreachable", "Try again later.")


def _origin(source: str) -> str:
    """The scheme and host to ask for, of whatever a source is called."""
    parts = urlsplit(source)
    if parts.scheme in {"http", "https"}:
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/"
    return "https://archive.softwareheritage.org/" if source.startswith("swh:") else "https://doi.org/"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer as good as any; where it leads is not followed."""

    def redirect_request(self, *_: Any) -> None:
        """Refuse."""


def is_reachable(url: str) -> bool:
    """Whether any HTTP answer comes from there, whatever it says."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - http or https, by _origin and the settings
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=10):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except urllib.error.URLError as error:
        return isinstance(error.reason, ssl.SSLCertVerificationError)
    except (OSError, ValueError, http.client.HTTPException):
        return False


def install_tools(job: Job) -> None:
    """Have Docker with buildx, git and repo2docker, whatever the image brought.

    Raises:
        Failure: They are not to be had.
    """
    try:
        packages = missing_packages(job)
        if packages:
            install_packages(job, packages)
        if not docker_answers(job):
            raise Failure("Docker does not run in the instance.", "no-tools", _BAKE)
        if not succeeds("docker", "buildx", "version"):
            raise Failure("The instance's Docker has no buildx.", "no-tools", _BAKE)
        if find_repo2docker(job) is None:
            install_repo2docker(job)
    except CommandFailed as error:
        raise Failure(f"The instance could not be made ready: {error.last}.", "no-tools", _BAKE) from error


_BAKE = "An image with Docker, buildx, git and repo2docker in it needs nothing more: an admin can choose one."


def missing_packages(job: Job) -> list[str]:
    """What the distribution's package manager must bring."""
    has_docker = shutil.which("docker") is not None
    needs_venv = find_repo2docker(job) is None and importlib.util.find_spec("ensurepip") is None
    lacks = {
        "docker.io": not has_docker,
        # Debian's kernel has AppArmor; where its parser is missing, Docker starts no container.
        "apparmor": not has_docker and has_apparmor(job) and shutil.which("apparmor_parser") is None,
        "docker-buildx": not (has_docker and succeeds("docker", "buildx", "version")),
        "git": shutil.which("git") is None,
        "python3-venv": needs_venv,
    }
    return [package for package, is_missing in lacks.items() if is_missing]


def has_apparmor(job: Job) -> bool:
    """Whether the kernel confines programs by AppArmor."""
    try:
        return job.places.apparmor.read_text(encoding="ascii").strip() == "Y"
    except OSError:
        return False


def install_packages(job: Job, packages: Sequence[str]) -> None:
    """Install packages of Debian or Ubuntu.

    Raises:
        CommandFailed: The package manager failed.
        Failure: There is none, or nothing may be installed.
    """
    if not job.settings.install or shutil.which("apt-get") is None:
        raise Failure(f"The instance's image lacks {', '.join(packages)}.", "no-tools", _BAKE)
    job.reporter.say("booting", f"Installing {', '.join(packages)}")
    # cloud-init and unattended upgrades may hold the lock for a while.
    options = ("--yes", "-o", "DPkg::Lock::Timeout=300")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    stream(job, ["apt-get", "update", *options], environment=quiet)
    install = ["apt-get", "install", *options, "--no-install-recommends", "--", *packages]
    stream(job, install, environment=quiet)


def find_repo2docker(job: Job) -> str | None:
    """The installed repo2docker, the image's own first."""
    ours = job.places.venv / "bin/repo2docker"
    return shutil.which("repo2docker") or shutil.which("jupyter-repo2docker") or shutil.which(str(ours))


def install_repo2docker(job: Job) -> None:
    """Install the pinned repo2docker into an environment of its own.

    Raises:
        CommandFailed: It could not be installed.
        Failure: Nothing may be installed.
    """
    if not job.settings.install:
        raise Failure("The instance's image lacks repo2docker.", "no-tools", _BAKE)
    job.reporter.say("booting", "Installing repo2docker")
    stream(job, [sys.executable, "-m", "venv", "--clear", str(job.places.venv)])
    pip = [str(job.places.venv / "bin/python"), "-m", "pip", "install", "--disable-pip-version-check"]
    stream(job, [*pip, "--", job.settings.repo2docker])


def docker_answers(job: Job) -> bool:
    """Whether Docker answers; waits for it as long as for a server: a machine that boots starts both."""
    return wait_until(
        lambda: succeeds("docker", "version"), job.settings.start_seconds, job.settings.poll_seconds
    )


def keep_from_metadata() -> None:
    """Keep containers from the metadata service, by the first way that this machine has; verified.

    It has the user data in it, and on some clouds credentials. The machine itself still reaches it.

    Raises:
        Failure: None worked.
    """
    for way in (_refuse_by_iptables, _refuse_by_nft, _refuse_by_routing):
        with suppress(CommandFailed):
            if way():
                return
    raise Failure("The instance cannot keep containers from its metadata service.", "no-firewall", _BAKE)


def _refuse_by_iptables() -> bool:
    # Docker keeps what it finds in DOCKER-USER: the rule may be there before Docker is, at each boot it is.
    succeeds("iptables", "-w", "-N", "DOCKER-USER")
    rules = (("FORWARD", "-j", "DOCKER-USER"), ("DOCKER-USER", "-d", METADATA, "-j", "REJECT"))
    for rule in rules:
        if not succeeds("iptables", "-w", "-C", *rule):
            capture("iptables", "-w", "-I", *rule)
    return all(succeeds("iptables", "-w", "-C", *rule) for rule in rules)


def _refuse_by_nft() -> bool:
    capture("nft", "-f", "-", given=_NFT_TABLE)
    return METADATA in capture("nft", "list", "chain", "ip", "binder_bot", "forward")


# The first two lines make it the same however often it is loaded.
_NFT_TABLE = f"""\
add table ip binder_bot
delete table ip binder_bot
table ip binder_bot {{
    chain forward {{
        type filter hook forward priority -1; policy accept;
        ip daddr {METADATA} reject
    }}
}}
"""


def _refuse_by_routing() -> bool:
    if not _is_routed_away():
        capture("ip", "rule", "add", "priority", "100", "iif", "docker0", "to", METADATA, "prohibit")
    return _is_routed_away()


def _is_routed_away() -> bool:
    rules = capture("ip", "rule", "show").splitlines()
    return any(METADATA in rule and "iif docker0" in rule and "prohibit" in rule for rule in rules)


# --- the source -------------------------------------------------------------------------------------------


def source_of(order: Order) -> str:
    """What repo2docker or git is given: Zenodo's DOIs as records, since links of its form /doi/ are not read.

    Raises:
        Failure: It is nothing that either understands.
    """
    zenodo = _ZENODO.fullmatch(order.url)
    if zenodo and order.provider not in GIT_PROVIDERS:
        return f"https://{'' if zenodo[1] == '5281' else 'sandbox.'}zenodo.org/records/{zenodo[2]}"
    is_git = order.provider in GIT_PROVIDERS
    if not (re.fullmatch(r"https?://\S+", order.url) if is_git else _ARCHIVE.fullmatch(order.url)):
        raise Failure(f"{order.url} cannot be fetched: it is no address on the web and no DOI.", "bad-source")
    return order.url


def fetch(job: Job) -> None:
    """Check out the exact commit that was ordered, by the cheapest way that its host allows.

    Raises:
        Failure: It is not to be had.
    """
    repo = job.places.repo
    job.reporter.say("fetching", f"Fetching {job.order.url}")
    shutil.rmtree(repo, ignore_errors=True)
    repo.mkdir()
    try:
        _git(job, "init", "--quiet")
        _git(job, "remote", "add", "--", "origin", source_of(job.order))
        commit = _fetch_commit(job) if job.order.commit else _fetch_ref(job)
        _git(job, "checkout", "--quiet", "--detach", commit)
        if (repo / ".gitmodules").is_file():
            _git(job, "submodule", "update", "--quiet", "--init", "--recursive")
    except CommandFailed as error:
        raise Failure(f"{job.order.url} could not be fetched: {error.last}.", "fetch-failed") from error
    _verify_commit(job)


def _fetch_commit(job: Job) -> str:
    commit = str(job.order.commit)
    if not _COMMIT.fullmatch(commit):
        raise Failure("The order has no full commit.", "bad-source")
    ref = "HEAD" if job.order.is_tip else job.order.ref or "HEAD"
    ways = (
        ("--depth", "1", "--", "origin", commit),
        ("--depth", "1", "--", "origin", ref),
        ("--", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"),
    )
    for way in ways:
        try:
            _git(job, "fetch", "--quiet", "--no-tags", *way)
        except CommandFailed as error:
            if way is ways[-1] or any(sign in error.output for sign in _UNREACHABLE):
                raise
            continue
        if _has(job, commit):
            return commit
    raise Failure(
        f"The commit {commit[:12]} is no longer in {job.order.url}.",
        "commit-gone",
        "The branch was rewritten or removed meanwhile; launch it again.",
    )


def _fetch_ref(job: Job) -> str:
    _git(job, "fetch", "--quiet", "--no-tags", "--depth", "1", "--", "origin", job.order.ref or "HEAD")
    return "FETCH_HEAD"


def _verify_commit(job: Job) -> None:
    head = capture("git", "-C", str(job.places.repo), "rev-parse", "--verify", "HEAD").strip()
    if job.order.commit and head != job.order.commit:
        raise Failure(f"Commit {head[:12]} was checked out, not {job.order.commit[:12]}.", "fetch-failed")


def _has(job: Job, commit: str) -> bool:
    return succeeds("git", "-C", str(job.places.repo), "cat-file", "-e", f"{commit}^{{commit}}")


def _git(job: Job, *arguments: str) -> None:
    environment = {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }
    stream(job, [*_GIT, *arguments], cwd=job.places.repo, environment=environment)


def build_root(checkout: Path, path: str | None) -> str:
    """Where the image is built from: `path` where it is a directory with configuration files, else `.`.

    Raises:
        Failure: There is no such path; names the nearest ones.
    """
    if path is None or path.strip("/") in {"", "."}:
        return "."
    place = _inside(checkout, path)
    if place is None:
        near = difflib.get_close_matches(path, _names(checkout), n=3, cutoff=0.5)
        hint = f"The nearest names are {', '.join(f'`{each}`' for each in near)}." if near else ""
        raise Failure(f"The repository has no file or directory `{path}` at this commit.", "no-path", hint)
    is_configured = place.is_dir() and any((place / name).exists() for name in CONFIGURATION)
    return str(place.relative_to(checkout)) if is_configured else "."


def _inside(checkout: Path, path: str) -> Path | None:
    """The path within a checkout; None where it is absent or, by a link, lies elsewhere."""
    place = checkout / path
    try:
        real = place.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # absent, too long, a circle of links, or a NUL in it
        return None
    leads_out = path.startswith("/") or ".." in place.parts
    return None if leads_out or not real.is_relative_to(checkout.resolve()) else place


def _names(checkout: Path, limit: int = 5_000) -> list[str]:
    names: list[str] = []
    for folder, folders, files in os.walk(checkout):
        folders[:] = sorted(each for each in folders if each != ".git")
        here = Path(folder).relative_to(checkout)
        names += [str(here / each) for each in (*folders, *sorted(files))]
        if len(names) > limit:
            break
    return names


# --- the image --------------------------------------------------------------------------------------------


def image_of(order: Order) -> str:
    """The image's name: of everything that decides what is built."""
    what = [order.provider, order.url, order.commit, order.path, order.extra]
    if order.commit is None and order.provider in GIT_PROVIDERS:
        what += [order.ref, order.binder_id]  # a branch moves: only this binder's own image is the right one
    return f"binder-bot/{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:24]}"


def has_image(image: str) -> bool:
    """Whether an image is there."""
    return succeeds("docker", "image", "inspect", image)


def build(job: Job, image: str) -> None:
    """Build the image with repo2docker.

    Raises:
        Failure: The true reason why it cannot be built.
    """
    source, options = source_of(job.order), []
    is_git = job.order.provider in GIT_PROVIDERS
    if is_git:
        fetch(job)
        source = str(job.places.repo)
        root = build_root(job.places.repo, job.order.path)
        options += [] if root == "." else [f"--subdir={root}"]
    if job.order.extra:
        options += ["--appendix", f"RUN python3 -m pip install --no-cache-dir {job.order.extra}"]
    _write_build_config(job)
    job.reporter.say("building", "Building the image" if is_git else f"Fetching and building {source}")
    command = [
        str(find_repo2docker(job)),
        *("--config", str(job.places.build_config), "--no-run", "--json-logs", "--image-name", image),
        *("--user-id", "1000", "--user-name", "jovyan"),
        *options,
        source,
    ]
    # Images of another builder than the default one are not loaded into Docker.
    default_builder = {"BUILDX_BUILDER": "default"}
    try:
        stream(job, command, cwd=job.places.work, environment=default_builder, read=BuildReader(job.reporter))
    except CommandFailed as error:
        raise build_failure(error) from error


def _write_build_config(job: Job) -> None:
    """Have a configuration and a working directory of ours: repo2docker would run a repository's."""
    names = ("Local",) if job.order.provider in GIT_PROVIDERS else _PROVIDERS.get(job.order.provider, ())
    providers = ", ".join(f"contentproviders.{name}" for name in names)
    job.places.work.mkdir(exist_ok=True)
    job.places.build_config.write_text(
        "from repo2docker import contentproviders\n\n"
        f"c.Repo2Docker.content_providers = [{providers}]  # noqa: F821 - traitlets provides it\n",
        encoding="utf-8",
    )


class BuildReader:
    """Reads repo2docker's log, which is one JSON object a line, mostly; reports the steps that it tells of.

    Args:
        reporter: Where to.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def __call__(self, line: str) -> str:
        """Report a line of the log; gives its text."""
        message = _message_of(line)
        step = _STEP.search(message)
        total = int(step[2]) if step else 0
        fraction = min(int(step[1]) / total, 1.0) if step and total else None
        if message.strip():
            self._reporter.progress(message, fraction)
        return message


def _message_of(line: str) -> str:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return line
    message = event.get("message") if isinstance(event, dict) else line
    return message if isinstance(message, str) else ""


def build_failure(error: CommandFailed) -> Failure:
    """Why a build failed: the last thing that says more than that it failed."""
    said = [_STAMP.sub("", line).strip() for line in error.output.splitlines() if line.strip()]
    said = [line for line in said if not _COMMAND_ENDED.search(line)] or said
    telling = [line for line in said if _TELLING.search(line)]
    exact = [line for line in telling if not _VAGUE.search(line)]
    frozen = [line for line in said if "killed MRAN" in line]
    last = (frozen or exact or telling or said or [f"exit code {error.code}"])[-1]
    what = last.removeprefix("Error during build: ").rstrip(".")
    return Failure(f"The image could not be built: {what}.", "build-failed", _hint(error))


def _hint(error: CommandFailed) -> str:
    if "no space left" in error.output.lower():
        return "The disk is full: a size with a larger disk may do."
    if error.code == -signal.SIGKILL or re.search(r"exit code: 137\b|Killed$", error.output, re.MULTILINE):
        return "It ran out of memory: a larger size may do."
    return ""


# --- the container ----------------------------------------------------------------------------------------


def start(job: Job, image: str) -> None:
    """Have the container run: this binder's own is started again, where there is none one is made.

    Raises:
        Failure: It does not run, or its server never answers.
    """
    job.reporter.say("starting", "Starting the container")
    try:
        if _is_ours(job, image):
            capture("docker", "start", CONTAINER)
        else:
            succeeds("docker", "rm", "--force", CONTAINER)
            capture(*run_command(job, image))
    except CommandFailed as error:
        hint = "Its Dockerfile must install Jupyter." if '"jupyter": executable file' in error.output else ""
        raise Failure(f"The container could not be started: {error.last}.", "start-failed", hint) from error
    await_server(job)


def _is_ours(job: Job, image: str) -> bool:
    config = inspect("container", CONTAINER).get("Config") or {}
    return config.get("Image") == image and (config.get("Labels") or {}).get("binder") == job.order.binder_id


def inspect(kind: str, name: str) -> dict[str, Any]:
    """What Docker knows of an image or a container; nothing where there is none."""
    try:
        found = json.loads(capture("docker", kind, "inspect", name))
    except (CommandFailed, ValueError):
        return {}
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}


def run_command(job: Job, image: str) -> list[str]:
    """The command that makes the container. The token comes by a file, not by it."""
    config = inspect("image", image).get("Config") or {}
    memory = str(memory_limit(job.settings))
    files = files_directory(config)
    _write_variables(job)
    return [
        *("docker", "run", "--detach", "--name", CONTAINER, "--label", f"binder={job.order.binder_id}"),
        *("--restart", "unless-stopped", "--init", "--security-opt", "no-new-privileges"),
        *("--memory", memory, "--memory-swap", memory, "--pids-limit", str(job.settings.pids)),
        *("--log-opt", "max-size=10m", "--log-opt", "max-file=3"),
        *("--publish", f"{job.settings.port}:{SERVER_PORT}", "--env-file", str(job.places.variables)),
        # A new volume is filled with what the image has there, and outlives the container.
        *(("--volume", f"binder-{job.order.binder_id}:{files}") if files else ()),
        *(("--gpus", "all") if has_gpu() else ()),
        *(image, "jupyter", "notebook", "--ip=0.0.0.0", f"--port={SERVER_PORT}", "--no-browser"),
        *(("--allow-root",) if runs_as_root(config) else ()),
    ]


def memory_limit(settings: Settings) -> int:
    """Bytes that the container may use: the rest keeps Docker and this agent alive."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(total * settings.memory_fraction)


def files_directory(config: Mapping[str, Any]) -> str | None:
    """Where an image has the repository's files; None where that is no place for a volume."""
    variables = dict(each.partition("=")[::2] for each in config.get("Env") or [])
    place = variables.get("REPO_DIR") or config.get("WorkingDir") or ""
    return place if isinstance(place, str) and _PLAIN_DIRECTORY.fullmatch(place) else None


def runs_as_root(config: Mapping[str, Any]) -> bool:
    """Whether an image's programs run as root, as those of a Dockerfile may: Jupyter must be told."""
    return str(config.get("User") or "").partition(":")[0] in {"", "0", "root"}


def has_gpu() -> bool:
    """Whether there is a GPU, and a Docker that can pass it on; the runtime alone is in many images."""
    try:
        return "nvidia" in capture("docker", "info", "--format", "{{json .Runtimes}}") and succeeds(
            "nvidia-smi", "-L"
        )
    except CommandFailed:
        return False


def _write_variables(job: Job) -> None:
    if not re.fullmatch(r"\S+", job.order.token):
        raise Failure("The order has no usable token.", "bad-order")
    job.places.variables.unlink(missing_ok=True)
    handle = os.open(job.places.variables, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(f"JUPYTER_TOKEN={job.order.token}\n")


def await_server(job: Job) -> None:
    """Wait until the server answers, and report it.

    Raises:
        Failure: It ended again and again, or took too long.
    """
    before = int(inspect("container", CONTAINER).get("RestartCount") or 0)

    def is_decided() -> bool:
        return answers(job.settings.port) or _has_given_up(before)

    is_in_time = wait_until(is_decided, job.settings.start_seconds, job.settings.poll_seconds)
    if answers(job.settings.port):
        job.reporter.say("serving", "Serving")
        return
    _log_container(job)
    if is_in_time:
        raise Failure(f"Its server {_how_it_ended()} before it answered.", "server-lost")
    raise Failure(f"Its server did not answer within {job.settings.start_seconds:g} seconds.", "server-lost")


def answers(port: int) -> bool:
    """Whether a Jupyter server answers there; proxies are not asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/api", timeout=5) as response:
            return bool(response.status == http.client.OK)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except (OSError, http.client.HTTPException):
        return False


def _has_given_up(restarts_before: int) -> bool:
    container = inspect("container", CONTAINER)
    state = container.get("State") or {}
    restarts = int(container.get("RestartCount") or 0) - restarts_before
    return restarts >= _RESTARTS or not (state.get("Running") or state.get("Restarting"))


def _how_it_ended() -> str:
    state = inspect("container", CONTAINER).get("State") or {}
    return (
        "ran out of memory"
        if state.get("OOMKilled")
        else f"ended with exit code {state.get('ExitCode', '?')}"
    )


def _log_container(job: Job) -> None:
    """Keep the end of what the container said. It prints its token, which the reporter removes."""
    with suppress(CommandFailed):
        # Both of its streams: Jupyter logs to the second one.
        stream(job, ["docker", "logs", "--tail", "100", CONTAINER])


def watch(job: Job) -> None:
    """Stand beside the server as long as the machine lives; Docker restarts it, this tells of it.

    Raises:
        Failure: It did not come back.
    """
    since = time.time()
    while True:
        time.sleep(job.settings.watch_seconds)
        now = time.time()
        happened = events(since, now)
        since = now
        if "oom" in happened:
            limit = f"{memory_limit(job.settings) / 2**30:.1f} GiB"
            job.reporter.say("serving", f"Something was ended for want of memory: {limit} is the limit")
        if "die" in happened or not answers(job.settings.port):
            job.reporter.say("starting", "The server was lost; it is being restarted")
            await_server(job)


def events(since: float, until: float) -> set[str]:
    """What Docker saw of the container in that time (Unix seconds): `oom`, `die`, or nothing."""
    times = ("--since", f"{since:.9f}", "--until", f"{until:.9f}")
    filters = (*("--filter", f"container={CONTAINER}"), *("--filter", "event=oom", "--filter", "event=die"))
    try:
        lines = capture("docker", "events", *times, *filters, "--format", "{{.Action}}").split()
    except CommandFailed:  # a Docker that does not answer tells nothing
        return set()
    return {"oom", "die"} & set(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
