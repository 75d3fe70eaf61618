"""`make bench` measures everything; `python -m bench NAME …` measures what is named."""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from bench import engine, figures
from bot import logs


@dataclass(frozen=True)
class Measurement:
    """What a module of this package measures with its function `run`.

    Attributes:
        what: In a few words.
        minutes: About how long that takes, on two cores that do nothing else.
        needs_engine: Whether it needs the container engine of the tests.
    """

    what: str
    minutes: float
    needs_engine: bool = False


MEASUREMENTS = {
    "cli": Measurement("how long the command line takes to start", 0.1),
    "slack": Measurement("how fast the bot acknowledges commands and posts links", 3),
    "ticks": Measurement("what one tick of the reconciler costs, by the number of binders", 0.5),
    "build": Measurement("how often a cloud is asked during one long build", 0.1),
    "local": Measurement("how long a launch on this machine takes, compared with the same steps by hand", 2),
    "images": Measurement(
        "how fast an image from a registry is served, compared with the same steps by hand",
        7,
        needs_engine=True,
    ),
    "machines": Measurement("how long launches take with a real container engine", 5, needs_engine=True),
}


def main() -> int:
    """Run the measurements that are named, or all of them; 1 if one of them broke."""
    names = _parser().parse_args().names or list(MEASUREMENTS)
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        _parser().error(f"there is no {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    logs.configure("ERROR", "console")
    names = _with_engine(names)
    begun = time.monotonic()
    measured = [_measure(name) for name in names]
    minutes = (time.monotonic() - begun) / 60
    sys.stdout.write(
        f"\nThe same as a table, for docs/performance.md (it took {minutes:.0f} min):\n\n{figures.table()}\n"
    )
    return 0 if all(measured) else 1


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(
        f"  {name:<8}  {each.minutes:>3g} min  {each.what}" for name, each in MEASUREMENTS.items()
    )
    total = sum(each.minutes for each in MEASUREMENTS.values())
    about = (
        f"Measure the bot on this machine, and print the figures as a table as well.\n\n{listed}\n\n"
        f"Everything takes about {total:.0f} minutes on two cores that do nothing else. Where the container\n"
        "engine of the tests is not there yet, it takes some minutes more. Where it cannot be had,\n"
        "what needs it is left out."
    )
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure (default: everything)")
    return parser


def _with_engine(names: Sequence[str]) -> list[str]:
    """Begin anew with the engine of the tests, if one is needed; the names that can be measured."""
    wanting = [name for name in names if MEASUREMENTS[name].needs_engine]
    if not wanting or engine.is_there():
        return list(names)
    reason = engine.lacking()
    if not reason:
        command = engine.entering([sys.executable, "-m", "bench", *names])
        os.execv(command[0], command)
    sys.stdout.write(f"Left out, because it needs a container engine: {', '.join(wanting)}. {reason}\n")
    return [name for name in names if name not in wanting]


def _measure(name: str) -> bool:
    """Measure one of them; False if that broke, so that the others are still measured."""
    try:
        import_module(f"bench.{name}").run()
    except Exception:  # noqa: BLE001 - whatever it is, the others are measured
        traceback.print_exc()
        sys.stdout.write(f"  {name} broke: the reason is above.\n")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
