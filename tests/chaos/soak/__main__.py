"""`make soak`: two replicas, people at work, and hundreds of kills; replayable by `--seed`."""

import argparse
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.chaos.soak.run import run
from tests.chaos.soak.world import Violation
from tests.fakes.postgresql import postgresql_server
from tests.fakes.real_registry import is_installed


def main() -> int:
    """Run the rounds; 1 with the seed and the logs' place as soon as something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="each with a world, and a seed, of its own")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="of the first round")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long the storm of a round lasts")
    given = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # so that nothing is left running
    keeps_images = is_installed()
    if not keeps_images:
        _tell("there is no image store: Debian's package docker-registry is not installed")
    total: Counter[str] = Counter()
    with postgresql_server() as database:
        for seed in range(given.seed, given.seed + given.rounds):
            folder = Path(tempfile.mkdtemp(prefix=f"soak-{seed}-"))
            _tell(f"seed {seed}; the logs are in {folder}")
            try:
                total += run(folder, database, seed, given.seconds, _tell, keeps_images=keeps_images)
            except Violation as violation:
                _tell(f"seed {seed}: {violation}")
                return 1
    _tell(", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in sorted(total.items())))
    return 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
