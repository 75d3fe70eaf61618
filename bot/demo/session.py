"""One run of the demo: a local workspace, a git host with an example, and the bot, until Ctrl-C.

The bot is started as in production: as a process of its own that knows only the workspace's URL and tokens.
"""

import fcntl
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from bot.demo.narrator import Narrator
from bot.errors import ConfigError
from workspace.git_host import GitHost
from workspace.hands import Person
from workspace.options import Options, Shortcut, SlashCommand
from workspace.server import Workspace

STATE = Path(".binder-bot")
"""Each demo that runs at the same time has a numbered folder in it; downloaded packages are shared."""
EXAMPLE = Path(__file__).parents[2] / "examples" / "logistic-map"
EXAMPLE_NOTEBOOK = "index.ipynb"
PAGE_PORT, GIT_PORT = 8765, 8766
"""Used where they are free."""
CONNECT_SECONDS = 60.0
MOST_TRIES = 3
STOP_SECONDS = 60.0
USAGE_HINT = "launch <repository> [ref] [path]"
TEAM_ID = "T0BINDERBOT"
"""The id of the workspace: always the same, as a real one has, so that the bot knows its earlier launches."""
_SECRET_SETTINGS = re.compile(r"SLACK_|DATABASE_URL$|SECRET_KEY$|OS_|ADMIN")
_Server = TypeVar("_Server")


def run(*, repo: str | None, port: int | None) -> int:
    """Launch a repository, and leave everything up until Ctrl-C; then tear all of it down.

    Args:
        repo: Launch this one instead of the example.
        port: Of the workspace's page; None for the usual one or, if that is taken, a free one.

    Returns:
        0; or 1 where the launch failed and nobody sits at the terminal to try again.

    Raises:
        ConfigError: The page's port is taken, or the bot did not start or ended by itself.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # SIGINT too: a shell starts background commands with it ignored.
        signal.signal(number, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            return _run(stack, repo, port)
    except KeyboardInterrupt:
        return 0


def _run(stack: ExitStack, repo: str | None, port: int | None) -> int:
    _say("Starting the bot and a local workspace …\n")
    state = stack.enter_context(_own_folder())
    example = stack.enter_context(_published_example())
    example_launch = f"/binder launch {example} --open {EXAMPLE_NOTEBOOK}"
    workspace = stack.enter_context(_workspace(port, example_launch))
    bot = stack.enter_context(_bot(workspace, state))
    _say(f"  Workspace  {workspace.url}")
    _say(f"  Example    {example}")
    _say(f"  Bot's log  {state / 'bot.log'}\n")
    launched = _launch(workspace, f"/binder launch {repo}" if repo else example_launch)
    if not launched and not sys.stdin.isatty():
        return 1
    _say(f"The workspace stays up: open {workspace.url} to launch, open, save or stop more.")
    _say("Press Ctrl-C here to tear down everything and stop.")
    bot.wait()
    raise ConfigError(f"The bot stopped by itself; {state / 'bot.log'} says why.")


def _say(line: str) -> None:
    print(line, flush=True)


def _launch(workspace: Workspace, command: str) -> bool:
    """Type a command as a person would, and follow its thread; True once links arrived."""
    with Person(workspace.url) as person:
        _say(f"Ada types: {command}\n")
        narrator = Narrator(person)
        # As a person does who reads that the app did not answer: a busy machine may take too long at first.
        if not any(person.command(command)["ok"] for _ in range(MOST_TRIES)):
            raise ConfigError("The bot did not take the command in time.", hint="Try again.")
        return narrator.follow()


@contextmanager
def _own_folder() -> Iterator[Path]:
    """The first numbered folder that no other demo uses now."""
    for number in count(1):
        folder = STATE / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            _share_packages(folder)
            yield folder
            return


def _share_packages(folder: Path) -> None:
    packages = STATE / "packages"
    packages.mkdir(exist_ok=True)
    cache = folder / "local" / "cache"
    cache.parent.mkdir(exist_ok=True)
    if not cache.exists():
        cache.symlink_to(packages.resolve())


@contextmanager
def _published_example() -> Iterator[str]:
    """Serve the example repository over git; gives the URL that is cloned."""
    with TemporaryDirectory(prefix="binder-bot-git-") as folder:
        root = Path(folder)
        with _on_port_or_free(lambda port: GitHost(root, port=port), GIT_PORT) as host:
            try:
                url = host.publish(f"examples/{EXAMPLE.name}", EXAMPLE)
            except FileNotFoundError as error:
                raise ConfigError("git is not installed.", hint="Install git, and try again.") from error
            yield url


@contextmanager
def _workspace(port: int | None, suggestion: str) -> Iterator[Workspace]:
    def start(number: int) -> Workspace:
        workspace = Workspace(_options(number, suggestion))
        workspace.start()
        return workspace

    try:
        workspace = start(port) if port is not None else _on_port_or_free(start, PAGE_PORT)
    except OSError as error:
        raise ConfigError(f"Port {port} is taken.", hint="Without --port, a free one is found.") from error
    try:
        yield workspace
    finally:
        workspace.stop()


def _options(port: int, suggestion: str) -> Options:
    return Options(
        port=port,
        app_name="Binder",
        team_id=TEAM_ID,
        commands=(SlashCommand("/binder", "Run a Binder repository", USAGE_HINT),),
        shortcuts=(
            Shortcut("Launch this repository", "launch_from_message"),
            Shortcut("Launch a repository", "launch_anywhere", on_message=False),
        ),
        enforce_rates=True,
        suggestion=suggestion,
    )


def _on_port_or_free(start: Callable[[int], _Server], port: int) -> _Server:
    """Start a server on its usual port, or on a free one while something else uses that."""
    try:
        return start(port)
    except OSError:
        return start(0)


@contextmanager
def _bot(workspace: Workspace, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The bot as in production, connected; at the end its binders are torn down before it is stopped."""
    environment = _environment(workspace, state)
    with (state / "bot.log").open("ab") as log:
        # A session of its own: Ctrl-C in the terminal must not reach it before its binders are gone.
        bot = subprocess.Popen(
            [sys.executable, "-m", "bot", "serve"],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_until_connected(workspace, bot, state)
        yield bot
    finally:
        _tear_down(bot, environment)


def _environment(workspace: Workspace, state: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not _SECRET_SETTINGS.match(name)}
    return kept | {
        "SLACK_BOT_TOKEN": workspace.bot_token,
        "SLACK_APP_TOKEN": workspace.app_token,
        "SLACK_API_URL": workspace.api_url,
        "DATABASE_URL": f"sqlite:///{state / 'bot.sqlite3'}",
        "SECRET_KEY": _secret_key(state / "secret-key"),
        "CLOUD": "local",
        "LOCAL_ROOT": str(state / "local"),
        "ALLOW_PRIVATE_REPOSITORIES": "true",
    }


def _secret_key(file: Path) -> str:
    """The key to the secrets in the demo's database, which is kept beside it."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32))
    return file.read_text()


def _wait_until_connected(workspace: Workspace, bot: subprocess.Popen[bytes], state: Path) -> None:
    deadline = time.monotonic() + CONNECT_SECONDS
    while not workspace.sockets.connected:
        if bot.poll() is not None or time.monotonic() > deadline:
            raise ConfigError(f"The bot did not start; {state / 'bot.log'} says why.")
        time.sleep(0.05)


def _tear_down(bot: subprocess.Popen[bytes], environment: dict[str, str]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A second Ctrl-C, which people press when it takes long, must not leave processes behind.
        signal.signal(number, signal.SIG_IGN)
    _say("\nTearing down …")
    drained = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "bot", "drain", "--timeout", str(STOP_SECONDS)], env=environment, check=False
    )
    bot.terminate()
    try:
        bot.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        bot.kill()
        bot.wait()
    if drained.returncode == 0:
        _say("Everything is stopped, and nothing is left running.")
