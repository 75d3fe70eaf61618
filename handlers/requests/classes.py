"""What people may ask of classes: validate, write one transaction, say what became of it."""

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from bot.binders.cost import cost
from bot.errors import Refused, RequestError
from bot.repositories.spec import LaunchRequest
from bot.sentences import Sentence
from bot.text import readable
from bot.times import end_times
from bot.tokens import new_id
from handlers import ids, messages
from handlers.messages import class_text
from handlers.messages.message import Message
from handlers.messages.status_text import is_ready
from handlers.requests import audited, draining, launches
from handlers.requests.class_permissions import may, require
from handlers.requests.class_words import ClassRequest
from handlers.requests.context import Context
from handlers.requests.launchers import require_known, require_launcher
from handlers.requests.names import bare_name, name_of_repository, slug
from handlers.requests.requester import Requester, parse_end_time
from handlers.rules import ClassAction
from handlers.slack.user_timezones import UserTimezone
from storage import audit, binders, classes, seats
from storage.class_models import SchoolClass
from storage.vocabulary import Outcome

USUAL_SECONDS = 3 * 3600.0
"""How long a class goes on where nobody says."""
EXTEND_SECONDS = 3600.0
"""What *Extend 1 h* adds."""
LEAST_WARNING_SECONDS = 300.0
"""How long people have to save their work after *End class*, at least."""

ClassLookup = Callable[[Session], SchoolClass]
"""Finds the class that is meant; raises RequestError where there is none, or more than one."""


# --- which -----------------------------------------------------------------------------------------------


def by_id(context: Context, requester: Requester, class_id: str) -> ClassLookup:
    """The class that a button stands for. A button's value can be forged: the row decides."""

    def find(session: Session) -> SchoolClass:
        found = classes.get(session, class_id)
        if found is None or not may(session, context, requester, found, ClassAction.SEE):
            raise RequestError(
                Sentence("I can't find this class."),
                hint=Sentence("It ended long ago, or it is not for you."),
            )
        return found

    return find


class AmbiguousClass(RequestError):
    """More than one class may be meant. A message with a button for each asks which one.

    Args:
        candidates: With which the requester may do what they asked.
    """

    def __init__(self, candidates: Sequence[SchoolClass]) -> None:
        super().__init__(Sentence("Which class do you mean?"))
        self.candidates = candidates


def by_name(
    context: Context, requester: Requester, name: str, action: ClassAction = ClassAction.SEE
) -> ClassLookup:
    """The class of that name; without one the only one that goes on here, or anywhere.

    Args:
        context: See there.
        requester: Who means it. The class that they chose by a button is meant, whatever the name.
        name: As typed; may be empty.
        action: What is to be done. Without a name, those count first with which the requester may do it.

    Raises:
        AmbiguousClass: By the lookup: several may be meant.
        RequestError: By the lookup: there is none.
    """
    if requester.chosen:
        return by_id(context, requester, requester.chosen)
    typed = bare_name(readable(name))

    def find(session: Session) -> SchoolClass:
        if not typed:
            return _implied(session, context, requester, action)
        found = classes.recent(session, requester.team_id, typed)
        for each in found:
            if may(session, context, requester, each, ClassAction.SEE):
                return each
        raise RequestError(
            Sentence("I can't find a class called “{name}”.", name=typed),
            hint=Sentence("`{command} class` lists them.", command=ids.COMMAND),
        )

    return find


def _implied(session: Session, context: Context, requester: Requester, action: ClassAction) -> SchoolClass:
    found = _visible(session, context, requester)
    if not found:
        raise RequestError(Sentence("No class is running."))
    found = [each for each in found if may(session, context, requester, each, action)] or found
    here = [each for each in found if requester.channel in {each.channel, each.message_channel}]
    candidates = here or found
    if len(candidates) > 1:
        for each in candidates:
            session.expunge(each)  # a rollback would expire them, and the question names them
        raise AmbiguousClass(candidates)
    return candidates[0]


def _visible(session: Session, context: Context, requester: Requester) -> list[SchoolClass]:
    found = classes.existing(session, requester.team_id)
    return [each for each in found if may(session, context, requester, each, ClassAction.SEE)]


# --- a new one -------------------------------------------------------------------------------------------


def start(context: Context, requester: Requester, request: ClassRequest) -> Message | None:
    """Write a new class.

    Returns:
        None where its message is the answer; otherwise a word about it.

    Raises:
        Refused: This person may not start a class, or not with this size.
        RequestError: The number of seats, the time or the place is not allowed.
    """
    audited.name("class")
    require_launcher(context, requester)
    if not context.settings.may_teach(requester.team_id, requester.user):
        raise Refused(
            Sentence("You aren't allowed to start a class."), hint=Sentence("Ask those who run this bot.")
        )
    _check_seats(context, requester, request)
    context.gate.check(request.launch.spec.url)
    new, zone = _new(context, requester, request)
    with context.store.write() as session:
        added = classes.add(session, new, request.subjects, ahead=request.seats or 1)
        if added.is_new:
            draining.refuse_new(session, at=new.begins_at)
        name, is_known = added.found.name, zone is None or zone.is_known
        answer = None if is_known else class_text.planned(added.found, context.settings.timezone)
    if not added.is_new:
        return messages.note(Sentence("The class {name} is already on its way.", name=name))
    context.nudge()
    return answer


def _check_seats(context: Context, requester: Requester, request: ClassRequest) -> None:
    most = context.settings.class_seats
    if request.seats is None and not request.subjects:
        raise RequestError(
            Sentence("For how many people?"),
            hint=Sentence("Say `--seats 30`, or name a `@group` or a `#channel`."),
        )
    if request.seats is not None and request.seats > most:
        raise RequestError(
            Sentence(
                "A class can have {most} seats here, and you asked for {seats}.",
                most=most,
                seats=request.seats,
            )
        )
    if not request.subjects and not requester.channel.startswith(("C", "G")):
        raise RequestError(
            Sentence("Nobody else can read a message here."),
            hint=Sentence(
                "Start the class in its channel, or name the `@group` or `#channel` for which it is."
            ),
        )


def _new(
    context: Context, requester: Requester, request: ClassRequest
) -> tuple[SchoolClass, UserTimezone | None]:
    """A new class, and the time zone by which its times were read, if any."""
    launch, now = request.launch, context.store.now()
    size = launches.chosen_size(context, requester, launch.size)
    limits = context.settings.limits_of(size)
    begins_at, zone = _begin(context, requester, request, now)
    ends_at, end_zone = _end(context, requester, launch, begins_at, min(USUAL_SECONDS, limits.lifetime))
    end_times.check(ends_at - begins_at, limits.maximum)
    found = SchoolClass(
        id=new_id(),
        name=slug(launch.name) if launch.name else name_of_repository(launch.spec.url),
        request_key=requester.key,
        enterprise_id=requester.enterprise_id,
        team_id=requester.team_id,
        teacher=requester.user,
        channel=requester.channel,
        is_private=requester.is_private,
        provider=str(launch.spec.provider),
        url=launch.spec.url,
        ref=launch.spec.ref,
        path=launch.spec.path,
        interface=launch.spec.interface,
        size=size,
        budget=limits.cost,
        price_per_hour=next((each.price_per_hour for each in context.sizes if each.key == size), 0.0),
        seats=request.seats or context.settings.class_seats,
        begins_at=begins_at,
        ends_at=ends_at,
        maximum_at=begins_at + limits.maximum,
        created_at=now,
    )
    return found, end_zone or zone


def _begin(
    context: Context, requester: Requester, request: ClassRequest, now: float
) -> tuple[float, UserTimezone | None]:
    if request.at is None:
        return now, None
    moment, zone = parse_end_time(context, requester, request.at, now)
    return moment.from_(now), zone


def _end(
    context: Context, requester: Requester, launch: LaunchRequest, begins_at: float, usual: float
) -> tuple[float, UserTimezone | None]:
    if not launch.duration:
        return begins_at + usual, None
    duration, zone = parse_end_time(context, requester, launch.duration, begins_at)
    return duration.from_(begins_at), zone


# --- one that is there -----------------------------------------------------------------------------------


def listing(context: Context, requester: Requester) -> Message:
    """The classes that somebody can see, and that are not over."""
    with context.store.read() as session:
        return class_text.listing(_visible(session, context, requester))


def join(context: Context, requester: Requester, lookup: ClassLookup) -> Message:
    """Give somebody a seat, once; who has one gets its links, or hears how far it is.

    Raises:
        Refused: Slack has not told yet what they are.
        RequestError: All seats are taken, or the class gives none.
    """
    require_known(context, requester)
    with context.store.write() as session:
        found = _locked(session, lookup)
        require(session, context, requester, found, ClassAction.JOIN)
        audited.owe()
        seat = seats.give(session, found, requester.user)
        if seat is None:
            raise RequestError(
                Sentence("All {seats} seats of {name} are taken.", seats=found.seats, name=found.name),
                hint=Sentence("Its teacher can start another class."),
            )
        binder = binders.get(session, seat.binder_id) if seat.binder_id else None
        links = messages.links(binder) if binder is not None and is_ready(binder) else None
        answer = links or class_text.seat_waits(found, binder)
    context.nudge()
    return answer


def status(context: Context, requester: Requester, lookup: ClassLookup) -> Message:
    """How far a class is; its teacher sees each seat, and the cost."""
    now = context.store.now()
    with context.store.read() as session:
        found = lookup(session)
        if not may(session, context, requester, found, ClassAction.INSPECT):
            return class_text.status(found)
        spent = sum(cost(each, now) for each in seats.all_binders(session, found.id))
        rows = seats.of_class(session, found.id)
        return class_text.teachers_status(found, rows, spent, context.settings.cost_unit)


def extend(context: Context, requester: Requester, lookup: ClassLookup, span: str = "") -> Message:
    """Let a class and all its binders go on for longer; for an hour, where nothing is said.

    Raises:
        RequestError: Nobody can tell what time is meant, or the class is over.
    """
    now = context.store.now()
    duration, zone = parse_end_time(context, requester, span, now) if span else (None, None)
    with context.store.write() as session:
        found = _locked(session, lookup)
        require(session, context, requester, found, ClassAction.EXTEND)
        base = max(found.ends_at, now)
        wanted = duration.from_(base) if duration else base + EXTEND_SECONDS
        until = max(min(wanted, found.maximum_at), base)
        found.ended_by = None
        _move_end(session, found, until, requester.user, Outcome.KEPT)
        audit.record(session, requester.user, "class extend", None, class_id=found.id, until=until)
        guessed = context.settings.timezone if zone is not None and not zone.is_known else ""
        answer = class_text.extended(found, is_held=wanted > until, guessed_zone=guessed)
    context.nudge()
    return answer


def end(context: Context, requester: Requester, lookup: ClassLookup) -> Message:
    """End a class for all: what nobody uses at once, the rest after a warning."""
    now = context.store.now()
    with context.store.write() as session:
        found = _locked(session, lookup)
        require(session, context, requester, found, ClassAction.END)
        found.ended_by = requester.user
        seats.end_unused(session, found.id, requester.user)
        is_used = any(each.is_live for each in seats.all_binders(session, found.id))
        warning = max(context.settings.policy.warning, LEAST_WARNING_SECONDS) if is_used else 0.0
        _move_end(session, found, min(found.ends_at, now + warning), requester.user, Outcome.WITHDRAWN)
        audit.record(session, requester.user, "class end", None, class_id=found.id)
        answer = class_text.ended(found, now)
    context.nudge()
    return answer


def _locked(session: Session, lookup: ClassLookup) -> SchoolClass:
    """The class that is meant; nobody else changes it until the transaction ends."""
    found = lookup(session)
    classes.lock(session, found)
    return found


def _move_end(session: Session, found: SchoolClass, at: float, by: str, outcome: Outcome) -> None:
    found.ends_at = at
    session.flush()
    seats.move_end(session, found.id, at, outcome, by)
    classes.touch(session, found.id, urgent=True)
