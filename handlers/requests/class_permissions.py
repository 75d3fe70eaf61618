"""Holds what people ask of classes against `handlers.rules.CLASS_RULES`: who may do what, and when.

A class that was announced in a private channel exists only for its teacher, for those for whom it is, for
those who ask in that channel, and for the admins. For guests and people of other organisations it exists only
where its teacher named them, or a channel or group in which they are.
"""

from sqlalchemy.orm import Session

from bot.errors import Refused, RequestError
from bot.policy.people import Standing
from handlers.messages import class_text
from handlers.requests import audited
from handlers.requests.context import Context
from handlers.requests.launchers import standing_of
from handlers.requests.requester import Requester
from handlers.rules import CLASS_RULES, ClassAction, ClassRole, is_class_possible
from storage import classes, seats
from storage.class_models import SchoolClass


def may(
    session: Session, context: Context, requester: Requester, found: SchoolClass, action: ClassAction
) -> bool:
    """Whether somebody may do that with a class, in a state in which it is possible."""
    return role_in(session, context, requester, found) in CLASS_RULES[action][0]


def require(
    session: Session, context: Context, requester: Requester, found: SchoolClass, action: ClassAction
) -> None:
    """Refuse what somebody may not do with a class that they see, or not now.

    Raises:
        Refused: They may not.
        RequestError: They may, but not now.
    """
    audited.name(f"class {action.name.lower()}", class_id=found.id)
    if not may(session, context, requester, found, action):
        sentence, hint = class_text.refused(found, action)
        raise Refused(sentence, hint=hint)
    if not is_class_possible(found, action):
        raise RequestError(class_text.not_possible(found, action))


def role_in(session: Session, context: Context, requester: Requester, found: SchoolClass) -> ClassRole:
    """What somebody is to a class."""
    if found.team_id != requester.team_id:
        return ClassRole.OUTSIDER
    if requester.user == found.teacher:
        return ClassRole.TEACHER
    if context.is_admin(requester.team_id, requester.user):
        return ClassRole.ADMIN
    if _is_student(session, requester, found):
        return ClassRole.STUDENT
    if not _sees_message(requester, found) or standing_of(context, requester) != Standing.MEMBER:
        return ClassRole.OUTSIDER
    return ClassRole.MEMBER if classes.audience_of(session, found.id) else ClassRole.STUDENT


def _is_student(session: Session, requester: Requester, found: SchoolClass) -> bool:
    has_seat = seats.of_user(session, found.id, requester.user) is not None
    return has_seat or classes.is_for(session, found.id, requester.user)


def _sees_message(requester: Requester, found: SchoolClass) -> bool:
    """Whether somebody can read the message: everybody in public, else those in its channel.

    Slack itself says in which channel a person asks; nobody else can be there.
    """
    return found.is_private is False or requester.channel in {found.channel, found.message_channel}
