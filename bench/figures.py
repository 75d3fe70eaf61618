"""Figures: how samples are summed up, how they are printed as they come, and the table of all of them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """What was measured.

    Attributes:
        what: What it is.
        value: How much.
        unit: Of what; empty for a count.
        goal: What it should be below; None where there is no goal.
        against: What it is compared with, in a few words.
    """

    what: str
    value: float
    unit: str
    goal: float | None = None
    against: str = ""

    @property
    def amount(self) -> str:
        """The value with its unit."""
        return amount(self.value, self.unit)

    @property
    def limit(self) -> str:
        """The goal in words; empty where there is none."""
        return "" if self.goal is None else f"< {amount(self.goal, self.unit)}"

    @property
    def verdict(self) -> str:
        """Whether the goal is met; empty where there is none."""
        if self.goal is None:
            return ""
        return "met" if self.value < self.goal else "MISSED"


@dataclass
class Group:
    """Figures that belong together, under their heading."""

    text: str
    figures: list[Figure] = field(default_factory=list)


_GROUPS: list[Group] = []


def percentile(samples: Sequence[float], share: float) -> float:
    """The sample below which that share of the samples lies (nearest rank)."""
    ordered = sorted(samples)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def row(what: str, value: float, unit: str, *, goal: float | None = None, against: str = "") -> None:
    """Print one figure beside its goal, and keep it for the table; see `Figure`."""
    figure = Figure(what, value, unit, goal, against)
    _GROUPS[-1].figures.append(figure)
    _write(f"  {what:<66} {figure.amount:>9}  {figure.limit:>9}  {figure.verdict}".rstrip())


def heading(text: str) -> None:
    """Print the name of a group of figures; what is measured from now on belongs to it."""
    _GROUPS.append(Group(text))
    _write(f"\n{text}")


def table() -> str:
    """All figures so far that have a goal, as a table in Markdown, in their order."""
    lines = ["| what | against | measured | goal | |", "| --- | --- | --- | --- | --- |"]
    for group in _GROUPS:
        aimed = [each for each in group.figures if each.goal is not None]
        if aimed:
            lines.append(_line(f"**{group.text}**", "", "", "", ""))
        lines += [_line(each.what, each.against, each.amount, each.limit, each.verdict) for each in aimed]
    return "\n".join(lines)


def amount(value: float, unit: str) -> str:
    """A value with its unit, in three digits, or in all that stand before the point."""
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".rstrip()


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |".replace("  ", " ")


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
