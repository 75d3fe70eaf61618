"""`make bench` measures everything; `python -m bench NAME …` measures what is named."""

import argparse
import sys
from importlib import import_module

from bot import logs

GROUPS = {
    "cli": "how long the command line takes to start",
    "slack": "how fast the bot acknowledges commands and posts links",
    "ticks": "what one tick of the reconciler costs, by the number of binders",
    "build": "how often a cloud is asked during one long build",
    "local": "how long a launch on this machine takes, compared with the same steps by hand",
    "images": "how fast an image from a registry is served, compared with the same steps by hand",
    "machines": "how long launches take with a real container engine",
}
"""Each is a module of this package with a function `run`."""


def main() -> int:
    """Run the groups of measurements that are named, or all of them."""
    listed = "\n".join(f"  {name:<8}{what}" for name, what in GROUPS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=f"Measure the bot on this machine. What there is to measure:\n\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure (default: everything)")
    names = parser.parse_args().names
    if unknown := [name for name in names if name not in GROUPS]:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    logs.configure("ERROR", "console")
    for name in names or GROUPS:
        import_module(f"bench.{name}").run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
