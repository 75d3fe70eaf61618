"""`binder-bot try`: the real bot with a workspace of its own, on this machine, and nothing else.

The workspace is another server that happens to run here: the bot is started as in production, as a process of
its own, and knows only the workspace's URL and tokens.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.errors import ConfigError

try:
    from workspace.hands import Person, Seen, links, plain
    from workspace.options import Command, Options, Shortcut
    from workspace.server import Workspace
except ImportError as error:  # only where the extra was left out
    raise ConfigError("`try` needs the local workspace: install binder-bot[local].") from error

STATE = Path(".binder-bot")
"""Where the trial keeps its database, instances, environments and the bot's log."""
USUAL_PORT = 8765
CONNECT_SECONDS = 60.0
LAUNCH_SECONDS = 3600.0
STOP_SECONDS = 60.0
USAGE_HINT = "launch <repository> [ref] [path]"
_PERSON = re.compile(r"@([UW][A-Z0-9]+)")
_MARKUP = re.compile(r":[a-z_]+: |[*`]")
_SECRET_SETTINGS = re.compile(r"SLACK_|DATABASE_URL$|OS_|ADMIN")


def run(*, repo: str | None, port: int | None) -> int:
    """Run the bot and its workspace until Ctrl-C, then tear everything down.

    Args:
        repo: Launch this repository at once, and show its thread in the terminal.
        port: Of the workspace's page; None for the usual one or, if that is taken, a free one.

    Returns:
        0; or 1 where `repo` did not become ready and nobody sits at the terminal to try again.

    Raises:
        ConfigError: The page's port is taken, or the bot did not start.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        # SIGINT too: a shell starts background commands with it ignored.
        signal.signal(number, signal.default_int_handler)
    STATE.mkdir(exist_ok=True)
    with _workspace(port) as workspace, _bot(workspace) as bot:
        print(f"Your workspace:  {workspace.url}\nThe bot's log:   {STATE / 'bot.log'}", flush=True)
        print("Ctrl-C tears everything down and ends.\n", flush=True)
        try:
            if repo is not None and not _launch(workspace, repo) and not sys.stdin.isatty():
                return 1
            bot.wait()
        except KeyboardInterrupt:
            return 0
    raise ConfigError(f"The bot ended by itself; {STATE / 'bot.log'} says why.")


@contextmanager
def _workspace(port: int | None) -> Iterator[Workspace]:
    workspace = _started(USUAL_PORT if port is None else port, may_move=port is None)
    try:
        yield workspace
    finally:
        workspace.stop()


def _started(port: int, *, may_move: bool) -> Workspace:
    workspace = Workspace(
        Options(
            port=port,
            app_name="Binder",
            commands=(Command("/binder", "Run a Binder repository", USAGE_HINT),),
            shortcuts=(Shortcut("Launch this repository", "launch_from_message"),),
            enforce_rates=True,
        )
    )
    try:
        workspace.start()
    except OSError as error:
        if may_move:
            return _started(0, may_move=False)
        raise ConfigError(f"Port {port} is taken; without --port, a free one is found.") from error
    return workspace


@contextmanager
def _bot(workspace: Workspace) -> Iterator[subprocess.Popen[bytes]]:
    """The bot as in production, connected; at the end, its binders are torn down before it is stopped."""
    environment = _environment(workspace)
    with (STATE / "bot.log").open("ab") as log:
        # A session of its own: Ctrl-C in the terminal must not reach it before its binders are gone.
        bot = subprocess.Popen(
            [sys.executable, "-m", "bot", "serve"],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_until_connected(workspace, bot)
        yield bot
    finally:
        _end(bot, environment)


def _environment(workspace: Workspace) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not _SECRET_SETTINGS.match(name)}
    return kept | {
        "SLACK_BOT_TOKEN": workspace.bot_token,
        "SLACK_APP_TOKEN": workspace.app_token,
        "SLACK_API_URL": workspace.api_url,
        "DATABASE_URL": f"sqlite:///{STATE / 'bot.sqlite3'}",
        "CLOUD": "local",
        "LOCAL_ROOT": str(STATE / "local"),
        "ALLOW_PRIVATE_REPOSITORIES": "true",
    }


def _wait_until_connected(workspace: Workspace, bot: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + CONNECT_SECONDS
    while not workspace.sockets.connected:
        if bot.poll() is not None or time.monotonic() > deadline:
            raise ConfigError(f"The bot did not start; {STATE / 'bot.log'} says why.")
        time.sleep(0.05)


def _end(bot: subprocess.Popen[bytes], environment: dict[str, str]) -> None:
    if bot.poll() is None:
        print("\nTearing down …", flush=True)
    subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "bot", "drain", "--timeout", str(STOP_SECONDS)], env=environment, check=False
    )
    bot.terminate()
    try:
        bot.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        bot.kill()


def _launch(workspace: Workspace, repo: str) -> bool:
    """Type the command as a person would, and follow its thread; True once it is ready."""
    with Person(workspace.url) as person:
        print(f"> /binder launch {repo}\n", flush=True)
        begun = person.look().version
        person.command(f"/binder launch {repo}")
        return Narrator(person, begun).follow()


class Narrator:
    """Tells in the terminal what appears in the workspace, until the launch has come to its end."""

    def __init__(self, person: Person, version: int) -> None:
        self._person = person
        self._version = version
        self._told: dict[str, set[str]] = {}

    def follow(self) -> bool:
        """Return whether links arrived; False where the launch failed, or was refused."""
        deadline = time.monotonic() + LAUNCH_SECONDS
        while time.monotonic() < deadline:
            seen = self._person.look(self._version, seconds=20)
            self._version = seen.version
            for message in seen.everything():
                self._tell(message, seen)
            if self._print_links(seen):
                return True
            if _is_over(seen):
                return False
        return False

    def _tell(self, message: dict[str, Any], seen: Seen) -> None:
        """Print the lines of a message that are new: a card is edited in place, line by line."""
        told = self._told.setdefault(message["ts"], set())
        fresh = [line for line in _lines(message, seen) if line not in told]
        told.update(fresh)
        if fresh:
            print("\n".join(fresh), flush=True)

    def _print_links(self, seen: Seen) -> bool:
        """Print the one-click links, which only their owner is shown."""
        found = [link for each in seen.ephemerals() for link in links(each) if "token=" in link[1]]
        if found:
            print("\n".join(f"  {label:<14} {url}" for label, url in found), flush=True)
        return bool(found)


def _lines(message: dict[str, Any], seen: Seen) -> Iterator[str]:
    """The lines of a message as a terminal shows them: no markup, no buttons, people by their names."""
    names = {user["id"]: user["real_name"] for user in seen.state["users"].values()}
    for line in plain(message).splitlines():
        named = _PERSON.sub(lambda found: names.get(found[1], found[0]), line)
        shown = _MARKUP.sub("", named).rstrip()
        if shown and not shown.startswith("["):
            yield shown


def _is_over(seen: Seen) -> bool:
    refused = bool(seen.ephemerals())
    return refused or any("[Try again]" in plain(message) for message in seen.everything())
