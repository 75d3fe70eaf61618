"""Holds whoever wants to launch against the site's policy: the one check of every way in.

It asks nobody: what a person is was told by Slack before, and who is in a group is in the database. What is
not known yet is refused, and may be tried again.
"""

from sqlalchemy.orm import Session

from bot.errors import Refused
from bot.policy.people import Asker, Denial, Standing
from handlers.messages.policy_text import DENIALS, TRY_AGAIN
from handlers.requests.context import Context
from handlers.requests.requester import Requester
from storage import shares


def require_launcher(context: Context, requester: Requester) -> None:
    """Refuse somebody who may not launch.

    Raises:
        Refused: They may not; the hint says whom to ask.
    """
    if context.is_admin(requester.team_id, requester.user):
        return
    with context.store.read() as session:
        denial = context.settings.launch_policy.denies(_asker(session, context, requester))
    if denial is not None:
        hint = TRY_AGAIN if denial == Denial.UNKNOWN else context.settings.whom_to_ask
        raise Refused(DENIALS[denial], hint=hint)


def require_known(context: Context, requester: Requester) -> None:
    """Refuse somebody of whom Slack has not told yet what they are.

    Raises:
        Refused: It has not.
    """
    if standing_of(context, requester) == Standing.UNKNOWN:
        raise Refused(DENIALS[Denial.UNKNOWN], hint=TRY_AGAIN)


def standing_of(context: Context, requester: Requester) -> Standing:
    """What somebody is in the workspace in which they ask; an admin is a member."""
    if context.is_admin(requester.team_id, requester.user):
        return Standing.MEMBER
    return context.membership_of(requester.team_id, requester.user, _workspaces(requester)).standing


def _asker(session: Session, context: Context, requester: Requester) -> Asker:
    named = context.settings.named
    is_in = context.membership_of(requester.team_id, requester.user, _workspaces(requester))
    groups = context.settings.launch_policy.groups
    theirs = groups if context.settings.is_home(requester.team_id) else frozenset()
    are_known = not groups or shares.are_known(session, groups)
    return Asker(
        user=named(requester.team_id, requester.user),
        standing=is_in.standing,
        workspaces=_workspaces(requester),
        channel=named(requester.team_id, requester.channel),
        home=is_in.home,
        groups=frozenset(shares.groups_of(session, requester.user, theirs)) if are_known else None,
    )


def _workspaces(requester: Requester) -> frozenset[str]:
    return requester.workspaces or frozenset(
        each for each in (requester.team_id, requester.enterprise_id) if each
    )
