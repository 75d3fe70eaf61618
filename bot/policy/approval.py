"""Which launches need the approval of an admin. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_HOUR = 3600.0
_NAMES = ("vcpus", "hours", "cost")
_SIZE = "size"


@dataclass(frozen=True, slots=True)
class Line:
    """What a launch may take without approval.

    Attributes:
        most: At most so many `vcpus`, `hours` of its lifetime, and `cost` until its end; what is not named is
            not limited.
        sizes: The keys of sizes that always need approval.
    """

    most: Mapping[str, float] = field(default_factory=dict)
    sizes: frozenset[str] = frozenset()

    def needs_approval(self, size: str, vcpus: int | None, seconds: float, price_per_hour: float) -> bool:
        """Whether a launch is above the line.

        Args:
            size: The key of its size.
            vcpus: Those of its instance; None where nobody knows, which counts as too many.
            seconds: Its lifetime.
            price_per_hour: In the site's unit.
        """
        too_large = "vcpus" in self.most and (vcpus is None or vcpus > self.most["vcpus"])
        return size in self.sizes or too_large or seconds > self.seconds(price_per_hour)

    def seconds(self, price_per_hour: float) -> float:
        """How long a launch may live without approval: by its hours, and by what it costs then."""
        by_cost = (
            self.most["cost"] / price_per_hour if "cost" in self.most and price_per_hour else float("inf")
        )
        return min(self.most.get("hours", float("inf")), by_cost) * _HOUR


def read_line(text: str) -> Line:
    """Read `vcpus:8+hours:24+cost:50+size:g3.large`.

    Raises:
        ValueError: Its message says what is wrong.
    """
    pairs = [[part.strip() for part in each.partition(":")[::2]] for each in text.split("+") if each.strip()]
    sizes = frozenset(value for name, value in pairs if name == _SIZE)
    rest = [pair for pair in pairs if pair[0] != _SIZE]
    try:
        most = {name: float(value) for name, value in rest}
    except ValueError as error:
        raise ValueError("each must be a name, a colon and a number, such as `hours:24`") from error
    is_wrong = (
        "" in sizes or {*most} - {*_NAMES} or not all(0 < each < float("inf") for each in most.values())
    )
    if is_wrong or len(most) < len(rest):
        raise ValueError(
            f"each must be one of {', '.join(_NAMES)} with a number above 0, or size with its name"
        )
    return Line(most, sizes)
