"""Storms by the thousand: `python -m tests.chaos.sim --seeds 3000`; `--seed N --verbose` replays one."""

import argparse
import subprocess
import sys
import time
from itertools import pairwise

from tests.chaos.sim.storm import Arena, play


def main() -> int:
    """Play the seeds; 1 where something went wrong in one of them, which is printed with how to replay it."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=300, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first one")
    parser.add_argument("--jobs", type=int, default=1, help="processes at work")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--verbose", action="store_true", help="tell everything that happens")
    given = parser.parse_args()
    if given.seed is not None:
        given.first, given.seeds = given.seed, 1
    if given.jobs > 1:
        return _share(given.first, given.seeds, given.jobs)
    return _play(range(given.first, given.first + given.seeds), verbose=given.verbose)


def _play(seeds: range, *, verbose: bool) -> int:
    failed = 0
    began, spent = time.monotonic(), time.process_time()
    with Arena() as arena:
        for seed in seeds:
            problems = play(seed, arena, _tell if verbose else None)
            failed += bool(problems)
            for each in problems:
                _tell(f"seed {seed}: {each}")
            if problems:
                _tell(f"replay it: python -m tests.chaos.sim --seed {seed} --verbose")
    spent, took = time.process_time() - spent, time.monotonic() - began
    _tell(
        f"{len(seeds)} seeds, {failed} of them failed; {took:.0f} s, {spent / len(seeds):.2f} s of CPU each"
    )
    return int(failed > 0)


def _share(first: int, count: int, jobs: int) -> int:
    """Let several processes play a part each."""
    bounds = [first + count * each // jobs for each in range(jobs + 1)]
    commands = [
        [sys.executable, "-m", "tests.chaos.sim", "--from", str(begin), "--seeds", str(end - begin)]
        for begin, end in pairwise(bounds)
        if end > begin
    ]
    processes = [subprocess.Popen(each) for each in commands]
    return max([process.wait() for process in processes])


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
