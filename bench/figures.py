"""Figures: how samples are summed up, and how they are printed."""

import sys
from collections.abc import Sequence


def percentile(samples: Sequence[float], share: float) -> float:
    """The sample below which that share of the samples lies (nearest rank)."""
    ordered = sorted(samples)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def row(what: str, value: float, unit: str, *, goal: float | None = None) -> None:
    """Print one figure beside its goal."""
    verdict = "" if goal is None else f"goal < {goal:g} {unit}  {'met' if value < goal else 'MISSED'}"
    sys.stdout.write(f"  {what:<58} {value:>9.3f} {unit:<2}  {verdict}\n")
    sys.stdout.flush()


def heading(text: str) -> None:
    """Print the name of a group of figures."""
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()
