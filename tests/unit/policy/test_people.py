"""Who may launch: every standing against every kind of name."""

from typing import Any

import pytest

from bot.policy.people import Asker, Denial, LaunchPolicy, Standing, read_ids

EVERYBODY = LaunchPolicy()


def asker(standing: Standing = Standing.MEMBER, **changes: Any) -> Asker:
    values: dict[str, Any] = {"workspaces": frozenset({"T1", "E1"}), "channel": "C1", "home": ""}
    return Asker("U1", standing, **(values | changes))


def policy(members: str = "", guests: str = "") -> LaunchPolicy:
    return LaunchPolicy(read_ids(members), read_ids(guests))


@pytest.mark.parametrize(
    ("standing", "denial"),
    [
        (Standing.MEMBER, None),
        (Standing.GUEST, Denial.GUEST),
        (Standing.STRANGER, Denial.GUEST),
        (Standing.UNKNOWN, Denial.UNKNOWN),
    ],
)
def test_without_settings_all_members_may_and_nobody_else(standing: Standing, denial: Denial | None) -> None:
    assert EVERYBODY.denies(asker(standing)) == denial


@pytest.mark.parametrize("members", ["U1", "U9,U1", "C1", "S1", "T1", "E1", "T1,U1", "T1 S1"])
def test_a_member_may_who_is_named_in_any_way(members: str) -> None:
    assert policy(members).denies(asker(groups=frozenset({"S1"}))) is None


@pytest.mark.parametrize(
    ("members", "denial"),
    [
        ("U9", Denial.NOT_NAMED),
        ("C9", Denial.NOT_NAMED),
        ("S9", Denial.NOT_NAMED),
        ("T9", Denial.ELSEWHERE),
        ("T9,U1", Denial.ELSEWHERE),
        ("T1,U9", Denial.NOT_NAMED),
    ],
)
def test_a_member_may_not_who_is_not_named(members: str, denial: Denial) -> None:
    assert policy(members).denies(asker()) == denial


@pytest.mark.parametrize("guests", ["U1", "C1", "S1", "T7"])
@pytest.mark.parametrize("standing", [Standing.GUEST, Standing.STRANGER])
def test_a_guest_may_who_is_named_in_any_way(standing: Standing, guests: str) -> None:
    named = policy("U9", guests)
    assert named.denies(asker(standing, home="T7", groups=frozenset({"S1"}))) is None
    assert policy("T9", guests).denies(asker(standing, home="T7")) == Denial.ELSEWHERE


@pytest.mark.parametrize("standing", [Standing.GUEST, Standing.STRANGER])
def test_a_guest_may_not_who_is_named_among_the_members_alone(standing: Standing) -> None:
    assert policy("U1,C1").denies(asker(standing)) == Denial.GUEST


def test_who_is_in_a_group_of_which_nothing_is_known_may_try_again() -> None:
    assert policy("S1").denies(asker(groups=None)) == Denial.UNKNOWN
    assert policy("", "S1").denies(asker(Standing.GUEST, groups=None)) == Denial.UNKNOWN
    assert policy("S1,U1").denies(asker(groups=None)) is None


def test_only_ids_are_read() -> None:
    assert read_ids("U1, S2 C3,,T4") == {"U1", "S2", "C3", "T4"}
    for wrong in ("ada", "#general", "B123", "u1"):
        with pytest.raises(ValueError, match="each must be an id"):
            read_ids(wrong)


def test_the_groups_that_are_named_are_told() -> None:
    assert policy("U1,S1,C1", "S2").groups == {"S1", "S2"}
