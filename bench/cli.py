"""How long the command line takes to start, beside a Python that does nothing."""

import subprocess
import sys
import time
from statistics import median

from bench.figures import heading, row

RUNS = 15


def run() -> None:
    """Measure `parse` as a whole process."""
    heading("Start of the command line")
    parse = [_seconds("-m", "bot", "parse", "--json", "binder-examples/requirements") for _ in range(RUNS)]
    nothing = [_seconds("-c", "pass") for _ in range(RUNS)]
    row("binder-bot parse, median", median(parse), "s", goal=0.3)
    row("times a Python that does nothing", median(parse) / median(nothing), "x")


def _seconds(*arguments: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - begun
