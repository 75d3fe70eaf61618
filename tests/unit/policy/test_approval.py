"""Which launches need approval."""

import pytest

from bot.policy.approval import Line, read_line

HOUR = 3600.0


@pytest.mark.parametrize(
    ("line", "size", "vcpus", "hours", "price", "needs"),
    [
        ("", "large", 64, 1000, 9, False),
        ("hours:24", "small", 1, 24, 0, False),
        ("hours:24", "small", 1, 24.1, 0, True),
        ("vcpus:8", "small", 8, 999, 0, False),
        ("vcpus:8", "small", 9, 1, 0, True),
        ("vcpus:8", "small", None, 1, 0, True),
        ("cost:50", "small", 1, 10, 5, False),
        ("cost:50", "small", 1, 10.1, 5, True),
        ("cost:50", "small", 1, 999, 0, False),
        ("size:large+hours:24", "large", 1, 1, 0, True),
        ("size:large+size:huge", "huge", 1, 1, 0, True),
        ("size:large", "small", None, 999, 9, False),
    ],
)
def test_a_launch_above_the_line_needs_approval(
    line: str,
    size: str,
    vcpus: int | None,
    hours: float,
    price: float,
    needs: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert read_line(line).needs_approval(size, vcpus, hours * HOUR, price) == needs


def test_hours_and_cost_say_how_long_something_may_live() -> None:
    assert read_line("hours:24+cost:50").seconds(5) == 10 * HOUR
    assert read_line("hours:24+cost:50").seconds(0) == 24 * HOUR
    assert Line().seconds(5) == float("inf")


@pytest.mark.parametrize(
    "text", ["hours", "hours:0", "hours:x", "days:1", "size:", "hours:1+hours:2", "cost:inf"]
)
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="each must be"):
        read_line(text)
