"""What many durations have in common: the middle, and how far they spread. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Self


@dataclass(frozen=True, slots=True)
class Distribution:
    """A summary of durations, in seconds.

    Attributes:
        count: How many there are.
        median: Half of them are shorter.
        p90: Nine in ten are at most as long.
        slowest: The longest.
    """

    count: int
    median: float
    p90: float
    slowest: float

    @classmethod
    def of(cls, durations: Sequence[float]) -> Self:
        """Summarize at least one duration."""
        ordered = sorted(durations)
        ninth = ordered[ceil(0.9 * len(ordered)) - 1]
        return cls(len(ordered), median(ordered), ninth, ordered[-1])
