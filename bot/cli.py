"""The command line: `binder-bot`, or `python -m bot`.

Each command imports what it needs when it runs, so that the quick ones start quickly.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bot.errors import BinderBotError, ConfigError

USAGE_ERROR = 2
INTERRUPTED = 130


@dataclass(frozen=True)
class Option:
    """One argument of a command, as `argparse` takes it."""

    name: str
    how: dict[str, Any]


@dataclass(frozen=True)
class OperatorCommand:
    """One command of the operator.

    Attributes:
        name: What is typed.
        help: What it does, for `--help`.
        run: Carries it out; returns the exit code.
        options: Its arguments.
        how: More for its parser.
    """

    name: str
    help: str
    run: Callable[[argparse.Namespace], int]
    options: tuple[Option, ...] = ()
    how: dict[str, Any] = field(default_factory=dict)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0 for success, 2 for what the caller has to change, 1 for any other failure.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except BinderBotError as error:
        print(f"binder-bot: {error.sentence}", file=sys.stderr)
        if error.hint:
            print(error.hint, file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED


class _Version(argparse.Action):
    """Looks the version up only where it is asked for: that takes longer than to parse a launch."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(version("binder-bot"))
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="binder-bot", description="Run any Binder repository on your own cloud, from Slack."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")
    for command in COMMANDS:
        added = commands.add_parser(command.name, help=command.help, description=command.help, **command.how)
        for option in command.options:
            added.add_argument(option.name, **option.how)
        added.set_defaults(run=command.run)
    return parser


def _serve(_: argparse.Namespace) -> int:
    from bot import app, config

    return app.serve(config.load())


def _try(options: argparse.Namespace) -> int:
    try:
        from bot.demo import session
    except ImportError as error:  # the demo is no part of the installed package
        raise ConfigError("`try` needs a checkout of binder-bot: type `make run` in it.") from error
    return session.run(repo=options.repo, port=options.port)


def _parse(options: argparse.Namespace) -> int:
    """Show how a text is understood; `-` reads one text a line, and a line with an error is no failure."""
    from bot.admin.parse import as_table, parsed

    words: list[str] = options.words
    as_json = "--json" in (*words[:1], *words[-1:])
    text = " ".join(word for word in words if word != "--json")
    if text == "-":
        for line in sys.stdin:
            print(json.dumps(parsed(line.rstrip("\n"))), flush=True)
        return 0
    found = parsed(text)
    print(json.dumps(found) if as_json else as_table(found))
    return USAGE_ERROR if "error" in found else 0


def _init(options: argparse.Namespace) -> int:
    from bot.admin.init import init
    from bot.admin.init.terminal import RealTerminal

    init(options.file, RealTerminal())
    return 0


def _check(_: argparse.Namespace) -> int:
    from bot import config
    from bot.admin.check import check

    for line in check(config.load()):
        print(line)
    return 0


def _bake(options: argparse.Namespace) -> int:
    from bot import config
    from bot.admin.bake import bake

    bake(config.load(), options.source, options.size, partial(print, flush=True))
    return 0


def _drain(options: argparse.Namespace) -> int:
    from bot import config
    from bot.admin.drain import drain

    left = drain(config.load(), timeout=options.timeout)
    if left:
        print(f"Binders that are still being torn down: {left}.", file=sys.stderr)
    return 1 if left else 0


def _recover(_: argparse.Namespace) -> int:
    from bot import config
    from bot.admin.recover import recover

    for line in recover(config.load()):
        print(line)
    return 0


def _migrate(_: argparse.Namespace) -> int:
    from bot import config
    from bot.admin.migrate import migrate

    migrate(config.load())
    return 0


def _backup(options: argparse.Namespace) -> int:
    from bot import config
    from bot.admin.backup import backup

    print(f"{options.file} has {backup(config.load(), options.file)} rows.")
    return 0


def _restore(options: argparse.Namespace) -> int:
    from bot import config
    from bot.admin.backup import restore

    print(f"The database has {restore(config.load(), options.file)} rows now.")
    return 0


def _rekey(_: argparse.Namespace) -> int:
    from bot import config
    from bot.admin.rekey import rekey

    for line in rekey(config.load()):
        print(line)
    return 0


def _warm(options: argparse.Namespace) -> int:
    from bot import config
    from bot.admin import warm

    settings = config.load()
    if options.count is None:
        lines = warm.listing(settings, stop=options.stop)
    elif options.size is None or options.until is None or options.stop:
        raise ConfigError("`warm` needs a number, a size and a time: `warm 30 m3.small --until 10:00`.")
    else:
        lines = warm.announce(settings, options.count, options.size, options.until)
    for line in lines:
        print(line)
    return 0


def _stats(options: argparse.Namespace) -> int:
    from bot import config
    from bot.admin.stats import as_json, as_text, stats

    found = stats(config.load(), days=options.days)
    print((as_json if options.json else as_text)(found, options.days))
    return 0


def _audit(options: argparse.Namespace) -> int:
    """Write the audit, a line at a time; whoever reads it may stop before its end."""
    from bot import config
    from bot.admin import audit

    try:
        for line in audit.lines(config.load(), since=options.since, user=options.user):
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at the end
    return 0


def _positive(text: str) -> int:
    """A number of days.

    Raises:
        ValueError: It is none; `argparse` says so.
    """
    if (days := int(text)) < 1:
        raise ValueError(text)
    return days


def _deploy_token(options: argparse.Namespace) -> int:
    from bot import config
    from bot.admin import deploy_tokens

    asked = (options.what, options.which, options.people, options.user)
    for line in deploy_tokens.answer(config.load(), *asked):
        print(line)
    return 0


def _images(options: argparse.Namespace) -> int:
    if options.setup:
        from bot.images.setup import set_up

        print(set_up(Path(options.setup)))
        return 0
    from bot import config, logs
    from bot.admin import images

    settings = config.load()
    logs.configure("WARNING", settings.log_format)
    for line in images.prune(settings) if options.prune else images.list_images(settings):
        print(line)
    return 0


COMMANDS = (
    OperatorCommand("serve", "run the bot (settings come from the environment and from .env)", _serve),
    OperatorCommand(
        "try",
        "try the bot on this machine, with a local workspace and an example repository",
        _try,
        (
            Option("--repo", {"metavar": "URL", "help": "launch this repository instead of the example"}),
            Option(
                "--port", {"type": int, "help": "port of the workspace's page (default: 8765, or a free one)"}
            ),
        ),
    ),
    OperatorCommand(
        "parse",
        "show how the bot understands what follows `/binder launch`",
        _parse,
        (Option("words", {"nargs": "*", "help": "[--json] and the text; or - for one text a line"}),),
        # The text may look like options (`--ref main`, or an attack), but none of them is ours.
        {"prefix_chars": "\0", "add_help": False},
    ),
    OperatorCommand(
        "init",
        "ask for the settings, try each answer, and write them to a file",
        _init,
        (Option("file", {"nargs": "?", "type": Path, "default": Path(".env"), "help": "default: .env"}),),
    ),
    OperatorCommand("check", "check the settings against Slack, the database and the cloud", _check),
    OperatorCommand(
        "bake",
        "make a machine image on which launches need to install nothing, and prove it",
        _bake,
        (
            Option(
                "--from",
                {
                    "dest": "source",
                    "metavar": "IMAGE",
                    "help": "a plain image of Debian or Ubuntu (default: OPENSTACK_IMAGE; "
                    "if that is `baked`, the one of last time)",
                },
            ),
            Option("--size", {"metavar": "KEY", "help": "of OPENSTACK_SIZES (default: the smallest disk)"}),
        ),
    ),
    OperatorCommand(
        "drain",
        "tear down all binders, and wait until nothing is left",
        _drain,
        (
            Option(
                "--timeout", {"type": float, "default": 300.0, "metavar": "SECONDS", "help": "default: 300"}
            ),
        ),
    ),
    OperatorCommand(
        "warm",
        "show the warm pool, or ask for more instances until a time: warm 30 m3.small --until 10:00",
        _warm,
        (
            Option("count", {"nargs": "?", "type": int, "help": "how many more instances are to wait"}),
            Option("size", {"nargs": "?", "help": "of which size"}),
            Option("--until", {"metavar": "TIME", "help": "until when: 10:00 (in TIMEZONE) or 2h"}),
            Option("--stop", {"action": "store_true", "help": "forget what was asked for before"}),
        ),
    ),
    OperatorCommand(
        "stats",
        "show how long launches took, and in which stages they failed",
        _stats,
        (
            Option(
                "--days", {"type": _positive, "default": 30, "metavar": "N", "help": "default: the last 30"}
            ),
            Option("--json", {"action": "store_true", "help": "for programs: times in seconds"}),
        ),
    ),
    OperatorCommand(
        "audit",
        "write who did what, and what became of it, as JSON lines",
        _audit,
        (
            Option("--since", {"metavar": "DAY", "help": "from the beginning of that day on: 2026-11-01"}),
            Option("--user", {"metavar": "ID", "help": "only what this person did: U0123456789"}),
        ),
    ),
    OperatorCommand(
        "images",
        "list the images in the registry",
        _images,
        (
            Option("--prune", {"action": "store_true", "help": "remove those that are not needed any more"}),
            Option(
                "--setup",
                {"metavar": "FOLDER", "help": "make the key and the certificate for a registry, and say how"},
            ),
        ),
    ),
    OperatorCommand(
        "deploy-token",
        "let some people launch private repositories of a git host, with a token of that host",
        _deploy_token,
        (
            Option("what", {"choices": ("add", "list", "remove")}),
            Option("which", {"nargs": "?", "help": "a pattern of repositories, or the id of a token"}),
            Option("--for", {"dest": "people", "metavar": "IDS", "help": "for whom: ids of Slack"}),
            Option("--user", {"default": "git", "metavar": "NAME", "help": "for the host (default: git)"}),
        ),
    ),
    OperatorCommand(
        "backup",
        "write the whole database to a file, also while the bot runs",
        _backup,
        (Option("file", {"type": Path, "help": "a new file, such as binder-bot.backup.gz"}),),
    ),
    OperatorCommand(
        "restore",
        "fill an empty database from a backup",
        _restore,
        (Option("file", {"type": Path, "help": "what `backup` wrote"}),),
    ),
    OperatorCommand("recover", "restore a lost database from what the OpenStack cloud knows", _recover),
    OperatorCommand("rekey", "encrypt the secrets in the database with the first key of SECRET_KEY", _rekey),
    OperatorCommand("migrate", "bring the database to this version's schema (serve does it too)", _migrate),
)
"""All commands, in the order in which `--help` lists them."""
