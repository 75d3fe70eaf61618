"""The command line. Each command imports what it needs when it runs, so that the quick ones start quickly."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from bot.errors import BinderBotError

USAGE_ERROR = 2


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
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="binder-bot", description="Run any Binder repository on your own cloud, from Slack."
    )
    parser.add_argument("--version", action="version", version=version("binder-bot"))
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")

    serve = commands.add_parser("serve", help="run the bot (settings come from the environment and .env)")
    serve.set_defaults(run=_serve)

    trial = commands.add_parser("try", help="run the bot here with a workspace of its own, in the browser")
    trial.add_argument(
        "--repo", metavar="URL", help="launch this repository at once, and show its thread here"
    )
    trial.add_argument(
        "--port", type=int, help="of the workspace's page; 8765 or, if that is taken, a free one"
    )
    trial.set_defaults(run=_try)

    # What follows may look like options (`--ref main`, or an attack), but none of it is ours.
    parse = commands.add_parser(
        "parse", help="show how a launch would be understood", prefix_chars="\0", add_help=False
    )
    parse.add_argument(
        "words", nargs="*", help="[--json] and what follows `/binder launch`; or - for standard input"
    )
    parse.set_defaults(run=_parse)

    check = commands.add_parser("check", help="check the settings against Slack, the database and the cloud")
    check.set_defaults(run=_check)

    drain = commands.add_parser("drain", help="tear down all binders and wait until nothing is left")
    drain.add_argument("--timeout", type=float, default=300.0, metavar="SECONDS", help="how long to wait")
    drain.set_defaults(run=_drain)

    recover = commands.add_parser("recover", help="write the rows of a lost database anew, from the cloud")
    recover.set_defaults(run=_recover)

    migrate = commands.add_parser(
        "migrate", help="bring the database to this version's form (serve does it too)"
    )
    migrate.set_defaults(run=_migrate)
    return parser


def _parse(options: argparse.Namespace) -> int:
    """Show how a text is understood; `-` reads one text a line, and with it a bad line is no failure."""
    words: list[str] = options.words
    as_json = "--json" in (*words[:1], *words[-1:])
    text = " ".join(word for word in words if word != "--json")
    if text == "-":
        for line in sys.stdin:
            print(json.dumps(_parsed(line.rstrip("\n"))), flush=True)
        return 0
    found = _parsed(text)
    print(json.dumps(found) if as_json else _table(found))
    return USAGE_ERROR if "error" in found else 0


def _table(found: dict[str, str | int | None]) -> str:
    return "\n".join(f"{name:>11}  {value}" for name, value in found.items() if value is not None)


def _parsed(text: str) -> dict[str, str | int | None]:
    from bot.errors import SpecError  # noqa: PLC0415 - see the module's docstring
    from bot.repositories.launch_text import parse_launch  # noqa: PLC0415

    try:
        request = parse_launch(text)
        return {**request.spec.to_json(), **_lifetime(request.duration)}
    except SpecError as error:
        return {"error": error.sentence}


def _lifetime(typed: str | None) -> dict[str, str | int | None]:
    """How long it is wanted: as typed, in seconds from now; until when, in UTC, where a moment was named."""
    from bot.times import end_times  # noqa: PLC0415 - see the module's docstring

    if typed is None:
        return {}
    now = time.time()
    found = end_times.parse(typed, now, UTC)
    until = None if found.until is None else datetime.fromtimestamp(found.until, UTC).isoformat()
    return {"for": typed, "for_seconds": round(found.from_(now) - now), "for_until": until}


def _serve(_: argparse.Namespace) -> int:
    from bot import app, config  # noqa: PLC0415 - see the module's docstring

    return app.serve(config.load())


def _try(options: argparse.Namespace) -> int:
    from bot import demo  # noqa: PLC0415 - see the module's docstring

    return demo.run(repo=options.repo, port=options.port)


def _check(_: argparse.Namespace) -> int:
    from bot import config  # noqa: PLC0415 - see the module's docstring
    from bot.admin.check import check  # noqa: PLC0415 - see the module's docstring

    for line in check(config.load()):
        print(line)
    return 0


def _drain(options: argparse.Namespace) -> int:
    from bot import config  # noqa: PLC0415 - see the module's docstring
    from bot.admin.drain import drain  # noqa: PLC0415 - see the module's docstring

    left = drain(config.load(), timeout=options.timeout)
    if left:
        print(f"{left} binders are still being torn down.", file=sys.stderr)
    return 1 if left else 0


def _recover(_: argparse.Namespace) -> int:
    from bot import config  # noqa: PLC0415 - see the module's docstring
    from bot.admin.recover import recover  # noqa: PLC0415 - see the module's docstring

    for line in recover(config.load()):
        print(line)
    return 0


def _migrate(_: argparse.Namespace) -> int:
    from bot import config  # noqa: PLC0415 - see the module's docstring
    from bot.admin.migrate import migrate  # noqa: PLC0415 - see the module's docstring

    migrate(config.load())
    return 0
