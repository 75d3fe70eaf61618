"""Quotas: how they are read, and what fits."""

import pytest

from bot.policy.quotas import Amounts, Quotas, Scope, ScopeKind, What, first_full, never_fits, read_quotas

ADA, SITE = Scope(ScopeKind.PERSON, "T1/U1"), Scope(ScopeKind.SITE)
LIMITS = {ADA: {What.BINDERS: 2.0, What.HOURS: 10.0}, SITE: {What.VCPUS: 16.0}}


def test_quotas_are_read_by_whom_they_are_for() -> None:
    read = read_quotas("person=vcpus:16+hours:24, C0123=binders:5,S0123=binders:20,site=cost:1.5")
    assert read.of(ADA) == {What.VCPUS: 16, What.HOURS: 24}
    assert read.of(Scope(ScopeKind.CHANNEL, "C0123")) == {What.BINDERS: 5}
    assert read.of(Scope(ScopeKind.CHANNEL, "C9")) == {}
    assert read.of(SITE) == {What.COST: 1.5}
    assert read.groups == {"S0123"}
    assert read.counts(What.HOURS)
    assert not Quotas().counts(What.HOURS)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("everybody=binders:1", "each must begin with"),
        ("group=binders:1", "each must begin with"),
        ("site=cores:1", "each limit must be"),
        ("site=vcpus:many", "each limit must be"),
        ("site=vcpus:-1", "not below 0"),
        ("site=vcpus:inf", "not below 0"),
        ("site=vcpus:nan", "not below 0"),
        ("site=vcpus:1+vcpus:2", "named once"),
        ("site", "each limit must be"),
        ("person=binders:3", "MAX_BINDERS_PER_PERSON"),
    ],
)
def test_what_is_no_quota_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_quotas(text)


@pytest.mark.parametrize(
    ("person", "site", "vcpus", "full"),
    [
        ({}, {}, 16, None),
        ({What.BINDERS: 1}, {What.VCPUS: 8}, 8, None),
        ({What.BINDERS: 2}, {What.VCPUS: 8}, 8, (ADA, What.BINDERS)),
        ({}, {What.VCPUS: 9}, 8, (SITE, What.VCPUS)),
        ({What.HOURS: 9.9}, {}, 8, None),
        ({What.HOURS: 10}, {}, 8, (ADA, What.HOURS)),
        ({What.BINDERS: 2}, {What.VCPUS: 16}, 8, (ADA, What.BINDERS)),
    ],
)
def test_the_narrowest_quota_that_is_full_is_told(
    person: dict[What, float], site: dict[What, float], vcpus: int, full: tuple[Scope, What] | None
) -> None:
    needs = Amounts({What.BINDERS: 1, What.VCPUS: vcpus})
    found = first_full(needs, LIMITS, {ADA: Amounts(person), SITE: Amounts(site)})
    assert (found and (found.scope, found.what)) == full


def test_what_is_larger_than_a_quota_never_fits() -> None:
    assert never_fits(Amounts({What.BINDERS: 1, What.VCPUS: 17}), LIMITS)
    assert never_fits(Amounts({What.BINDERS: 1, What.VCPUS: 16}), LIMITS) is None
    assert never_fits(Amounts({What.BINDERS: 1}), {ADA: {What.HOURS: 0.0}})
