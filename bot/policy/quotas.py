"""How much may be used at the same time, in a day and in a month: by whom, where, and in all. Pure.

A quota belongs to a scope: a person, a channel, a user group (all its members together), a workspace, or the
site.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

_GROUP = re.compile(r"S[A-Z0-9]+")
_CHANNEL = re.compile(r"(?:T[A-Z0-9]+/)?[CG][A-Z0-9]+")


class What(StrEnum):
    """What is counted."""

    BINDERS = "binders"
    """Binders that are there, on their way, or shelved."""
    VCPUS = "vcpus"
    """The vCPUs of their instances."""
    HOURS = "hours"
    """For how long they were ready within the last 24 hours, added up."""
    COST = "cost"
    """What they have cost this month, in the site's unit."""


class ScopeKind(StrEnum):
    """For whom a quota is; the narrowest first."""

    PERSON = "person"
    CHANNEL = "channel"
    GROUP = "group"
    WORKSPACE = "workspace"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class Scope:
    """One person, channel, group or workspace, or the site.

    Attributes:
        kind: See there.
        id: Slack's id; of a person with the workspace before it, `T1/U1`, as of a channel that is not in the
            home workspace; empty for the site.
    """

    kind: ScopeKind
    id: str = ""


@dataclass(frozen=True, slots=True)
class Amounts:
    """So much is used, or may be used at most, of each thing that is counted."""

    values: Mapping[What, float] = field(default_factory=dict)

    def of(self, what: What) -> float:
        """How much of one thing."""
        return self.values.get(what, 0.0)

    def plus(self, other: "Amounts") -> "Amounts":
        """Both together."""
        return Amounts({what: self.of(what) + other.of(what) for what in {*self.values, *other.values}})


@dataclass(frozen=True, slots=True)
class Full:
    """A quota that lets something not begin now.

    Attributes:
        scope: Whose.
        what: What of it.
        used: How much is used.
        limit: How much there may be.
    """

    scope: Scope
    what: What
    used: float
    limit: float


@dataclass(frozen=True, slots=True)
class Quotas:
    """What the site allows.

    Attributes:
        limits: By what they are for: a `ScopeKind`, or the id of one channel or group.
    """

    limits: Mapping[str, Mapping[What, float]] = field(default_factory=dict)

    @property
    def groups(self) -> frozenset[str]:
        """The user groups that have a quota."""
        return frozenset(each for each in self.limits if _GROUP.fullmatch(each))

    def counts(self, what: What) -> bool:
        """Whether anything limits it, beside the limits of single people."""
        return any(what in each for each in self.limits.values())

    def of(self, scope: Scope) -> Mapping[What, float]:
        """The limits of a scope."""
        return self.limits.get(scope.id) or self.limits.get(str(scope.kind), {})


Limits = Mapping[Scope, Mapping[What, float]]
"""What holds for one launch: all its scopes, the narrowest first."""


def first_full(needs: Amounts, limits: Limits, used: Mapping[Scope, Amounts]) -> Full | None:
    """The narrowest quota that lets a launch not begin now; None where it may begin.

    Hours and costs come of use: a launch may begin while they are below their limits.
    """
    return next(_full(needs, limits, used), None)


def never_fits(needs: Amounts, limits: Limits) -> Full | None:
    """The quota into which a launch does not fit even if nothing else is used; None where it does."""
    return next(_full(needs, limits, {}), None)


def _full(needs: Amounts, limits: Limits, used: Mapping[Scope, Amounts]) -> Iterator[Full]:
    for scope, most in limits.items():
        there = used.get(scope, Amounts())
        for what, limit in most.items():
            comes_of_use = what in {What.HOURS, What.COST}
            is_over = there.of(what) >= limit if comes_of_use else there.of(what) + needs.of(what) > limit
            if is_over:
                yield Full(scope, what, there.of(what), limit)


def read_quotas(text: str) -> Quotas:
    """Read `person=vcpus:16+hours:24,C0123=binders:5,S0123=binders:20,workspace=cost:500,site=vcpus:200`.

    Raises:
        ValueError: Its message says what is wrong.
    """
    limits = dict(_scope(each) for each in text.split(",") if each.strip())
    if What.BINDERS in limits.get(ScopeKind.PERSON, {}):
        raise ValueError("MAX_BINDERS_PER_PERSON says how many binders a person may have")
    return Quotas(limits)


def _scope(text: str) -> tuple[str, Mapping[What, float]]:
    name, _, said = (part.strip() for part in text.partition("="))
    words = {str(each) for each in ScopeKind} - {ScopeKind.GROUP}
    if name not in words and not _GROUP.fullmatch(name) and not _CHANNEL.fullmatch(name):
        raise ValueError(
            f"each must begin with {', '.join(sorted(words))}, or the id of a group or channel, and ="
        )
    return name, read_limits(said.split("+"))


def read_limits(words: Sequence[str]) -> Mapping[What, float]:
    """Read `binders:5`, `vcpus:16`, `hours:24`, `cost:100`: each at most once.

    Raises:
        ValueError: Its message says what is wrong.
    """
    pairs = [[part.strip() for part in each.partition(":")[::2]] for each in words]
    try:
        limits = {What(name): float(value) for name, value in pairs}
    except ValueError as error:
        raise ValueError(f"each limit must be {', '.join(What)}, a colon and a number") from error
    if len(limits) < len(pairs) or not all(0 <= each < float("inf") for each in limits.values()):
        raise ValueError("each limit must be named once, and be a number that is not below 0")
    return limits
