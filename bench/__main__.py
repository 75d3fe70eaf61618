"""`make bench`: all measurements, or those named (`python -m bench cli slack ticks local`)."""

import sys

from bench import cli, local, slack, ticks
from bot import logs

GROUPS = {"cli": cli.run, "slack": slack.run, "ticks": ticks.run, "local": local.run}

logs.configure("ERROR", "console")
for name in sys.argv[1:] or GROUPS:
    GROUPS[name]()
