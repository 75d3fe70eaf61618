"""Who may launch at all. Pure.

The settings name people, user groups, channels and workspaces by their ids in Slack, of which the first
letter says the kind. `T…/U…` and `T…/C…` name a person and a channel that are not in the home workspace.
Guests, and people of other organisations (Slack Connect), may launch only if they are named.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_ID = re.compile(r"(?:T[A-Z0-9]{1,31}/(?=[UWCG]))?[A-Z][A-Z0-9]{1,31}")
_GROUP = "S"
_WORKSPACES = ("T", "E")
_KINDS = ("U", "W", "C", "G", _GROUP, *_WORKSPACES)


class Standing(StrEnum):
    """What somebody is in the workspace, as Slack tells."""

    MEMBER = "member"
    GUEST = "guest"
    """A guest of one channel or several."""
    STRANGER = "stranger"
    """Somebody of another organisation."""
    UNKNOWN = "unknown"
    """Slack has not told yet."""


class Denial(StrEnum):
    """Why somebody may not launch."""

    UNKNOWN = "unknown"
    """Slack has not told yet what they are: it may be tried again."""
    GUEST = "guest"
    """They are a guest, or of another organisation, and nobody named them."""
    NOT_NAMED = "not named"
    """Only some people may launch here."""
    ELSEWHERE = "elsewhere"
    """Their workspace is not among those in which people may launch."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody who wants to launch.

    Attributes:
        user: Slack's id of the person.
        standing: See `Standing`.
        workspaces: The ids of the workspace and the organisation in which they ask.
        channel: Where they ask.
        home: The id of the workspace to which they belong, where that is another one; may be empty.
        groups: Those user groups that a policy names and in which they are; None where Slack has not told.
    """

    user: str
    standing: Standing
    workspaces: frozenset[str]
    channel: str
    home: str = ""
    groups: frozenset[str] | None = frozenset()


@dataclass(frozen=True, slots=True)
class LaunchPolicy:
    """Who may launch, beside the admins.

    Attributes:
        members: Ids of people, groups and channels: if there are any, no other member may launch. Ids of
            workspaces: if there are any, nobody may launch in another one.
        guests: Ids of people, groups, channels and home workspaces: guests and strangers who may launch.
    """

    members: frozenset[str] = frozenset()
    guests: frozenset[str] = frozenset()

    @property
    def groups(self) -> frozenset[str]:
        """The user groups that it names."""
        return frozenset(each for each in self.members | self.guests if each.startswith(_GROUP))

    @property
    def workspaces(self) -> frozenset[str]:
        """The workspaces and organisations in which alone people may launch, if there are any."""
        return frozenset(each for each in self.members if "/" not in each and each.startswith(_WORKSPACES))

    def denies(self, asker: Asker) -> Denial | None:
        """Why somebody may not launch; None where they may. Admins are not asked."""
        workspaces = self.workspaces
        if workspaces and not workspaces & asker.workspaces:
            return Denial.ELSEWHERE
        is_guest = asker.standing in {Standing.GUEST, Standing.STRANGER}
        named = self.guests if is_guest else self.members - workspaces
        if asker.standing == Standing.UNKNOWN:
            return Denial.UNKNOWN
        if (not named and not is_guest) or self._names(named, asker):
            return None
        if asker.groups is None:
            return Denial.UNKNOWN
        return Denial.GUEST if is_guest else Denial.NOT_NAMED

    def _names(self, ids: frozenset[str], asker: Asker) -> bool:
        return bool(ids & {asker.user, asker.channel, asker.home, *(asker.groups or ())})


def read_ids(text: str) -> frozenset[str]:
    """Read ids, separated by commas or spaces.

    Raises:
        ValueError: Its message says what is wrong.
    """
    found = frozenset(each for each in re.split(r"[,\s]+", text) if each)
    if wrong := unreadable(found):
        raise ValueError(f"each must be an id of Slack ({', '.join(_KINDS)}…), and {wrong} is none")
    return found


def unreadable(ids: Iterable[str]) -> str:
    """The first of some ids that is none of a person, group, channel or workspace; empty where all are."""
    return next(
        (each for each in sorted(ids) if not (_ID.fullmatch(each) and each.rpartition("/")[2][0] in _KINDS)),
        "",
    )
