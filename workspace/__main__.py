"""`python -m workspace`: the workspace alone, until interrupted."""

from __future__ import annotations

import argparse
import signal
import sys

from workspace.options import Options, SlashCommand
from workspace.server import Workspace


def main() -> int:
    """Serve, and print where and with which tokens, as lines for a shell's environment."""
    parser = argparse.ArgumentParser(prog="python -m workspace", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on loopback; a free one if not given")
    parser.add_argument("--app-name", default="App", help="what the app is called")
    parser.add_argument(
        "--command", action="append", default=[], help="a slash command of the app, with its slash"
    )
    given = parser.parse_args()
    commands = tuple(SlashCommand(name) for name in given.command)
    options = Options(port=given.port, app_name=given.app_name, commands=commands, enforce_rates=True)
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before there are threads that could be hit instead
    with Workspace(options) as workspace:
        lines = {
            "WORKSPACE_URL": workspace.url,
            "SLACK_API_URL": workspace.api_url,
            "SLACK_BOT_TOKEN": workspace.bot_token,
            "SLACK_APP_TOKEN": workspace.app_token,
        }
        sys.stdout.writelines(f"{name}={value}\n" for name, value in lines.items())
        sys.stdout.flush()
        signal.sigwait(ends)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
