"""How long a binder may live, and what it may cost: per site, and per size. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

_HOUR = 3600.0
_MINUTE = 60
_NAMES: Mapping[str, str] = {
    "idle": "idle_hours",
    "lifetime": "lifetime_hours",
    "maximum": "max_hours",
    "cost": "cost",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one binder may have.

    Attributes:
        idle_hours: How long it may be idle; 0 for no limit.
        lifetime_hours: How long it lives unless somebody extends it.
        max_hours: How long it may live at most, counted from its request.
        cost: What it may cost; None for no limit.
    """

    idle_hours: float
    lifetime_hours: float
    max_hours: float
    cost: float | None = None

    @property
    def idle_seconds(self) -> int | None:
        """How long it may be idle, in seconds; None for no limit."""
        return max(int(self.idle_hours * _HOUR), 1) if self.idle_hours else None

    @property
    def lifetime(self) -> float:
        """How long it lives unless somebody extends it, in seconds."""
        return min(self.lifetime_hours, self.max_hours) * _HOUR

    @property
    def maximum(self) -> float:
        """How long it may live at most, in seconds."""
        return self.max_hours * _HOUR

    def but(self, other: Mapping[str, float]) -> "Limits":
        """The same limits with those of a size in their place; the maximum is never below the lifetime."""
        changes: dict[str, Any] = {_NAMES[name]: value for name, value in other.items()}
        if "lifetime" in other and "maximum" not in other:
            changes["max_hours"] = max(self.max_hours, other["lifetime"])
        return replace(self, **changes)


def size_limits(text: str) -> dict[str, dict[str, float]]:
    """Read the limits of sizes: `g3.large=idle:1+lifetime:8+maximum:24+cost:50,m3.small=idle:0`.

    Raises:
        ValueError: Its message says what is wrong.
    """
    return dict(_size(each) for each in text.split(",") if each.strip())


def _size(text: str) -> tuple[str, dict[str, float]]:
    size, _, said = (part.strip() for part in text.partition("="))
    pairs = [[part.strip() for part in each.partition(":")[::2]] for each in said.split("+")]
    try:
        limits = {name: float(value) for name, value in pairs}
    except ValueError as error:
        raise ValueError("a limit must be a number") from error
    wrong = {*limits} - {*_NAMES} or any(
        value < 0 or value == float("inf") or value != value or (value == 0 and name != "idle")  # noqa: PLR0124 - NaN
        for name, value in limits.items()
    )
    if wrong or not size:
        raise ValueError(
            f"each must be a size, `=`, and some of {', '.join(_NAMES)}, such as `g3.large=idle:1+cost:50`"
        )
    return size, limits


def minutes(text: str) -> tuple[int, ...]:
    """Read minutes, separated by commas, as seconds; the longest first.

    Raises:
        ValueError: Its message says what is wrong.
    """
    try:
        found = {int(float(each) * _MINUTE) for each in text.split(",") if each.strip()}
    except (ValueError, OverflowError) as error:
        raise ValueError("must be minutes, separated by commas, such as `120,15`") from error
    if any(each <= 0 for each in found):
        raise ValueError("each must be more than 0; leave it empty for no warning")
    return tuple(sorted(found, reverse=True))
