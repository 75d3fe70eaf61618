"""`make docs`: build the site, and say where it is."""

import sys
from pathlib import Path

from docsite.build import build
from docsite.links import dead_links

FOLDER = Path("build/docs")


def main() -> int:
    """Build it; 1 where a link on a page leads nowhere."""
    site = build(FOLDER)
    dead = dead_links(site)
    for each in dead:
        print(each, file=sys.stderr)
    print(f"{site / 'index.html'}")
    return int(bool(dead))


if __name__ == "__main__":
    sys.exit(main())
