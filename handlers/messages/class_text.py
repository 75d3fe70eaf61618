"""What is said of a class: its one message, and the answers to those who ask about it. Pure."""

from collections.abc import Iterator, Sequence

from slack_sdk.models.blocks import Block, ButtonElement

from bot.sentences import Sentence
from bot.text import shorten, visible
from handlers import ids
from handlers.messages.binder_text import short_url
from handlers.messages.blocks import MAX_VALUE, Confirmation, actions, button, context, header, section
from handlers.messages.candidates import Candidate, candidate_button
from handlers.messages.language import translated, translated_count
from handlers.messages.message import MOST_LISTED, Message, shorten_lines
from handlers.messages.mrkdwn import code, code_block, date, escape, inline, person
from handlers.messages.notices import amount, guess_of
from handlers.messages.replies import note
from handlers.messages.sharing import subject_text
from handlers.messages.status_text import phrase
from handlers.rules import ClassAction, is_class_possible
from storage.class_models import DRAINED, ClassPhase, SchoolClass, Seat
from storage.models import Binder
from storage.shares import Subject

_MOST_SEATS = 60
"""Lines of seats that one message shows."""
_MOST_SUBJECTS = 10
_ROWS = (
    (Sentence("seats"), "made"),
    (Sentence("taken"), "given"),
    (Sentence("ready"), "ready"),
    (Sentence("waiting"), "waiting"),
    (Sentence("failed"), "failed"),
)
"""What the table shows, and the numbers behind it."""


def card(found: SchoolClass, subjects: Sequence[Subject], *, is_moved: bool = False) -> Message:
    """The message of a class: everybody who can read it sees how far it is, and gets a seat with it.

    Args:
        found: The class.
        subjects: For whom it is; empty where it is for all who read this.
        is_moved: Whether this is a direct message to its teacher, because the channel refused it.
    """
    title = f":mortar_board: *{_name(found)}* {_state(found)}"
    why = [inline(each or "", 1_000) for each in (found.failure, found.hint)]
    blocks: list[Block] = [
        *([section(_moved(found))] if is_moved else []),
        section(f"{title} · a class of {person(found.teacher)}"),
        context(" · ".join(_facts(found, subjects))),
        *[section(each) for each in why if each],
        section(table(found)),
        *_invitation(found, subjects),
        *actions(_card_buttons(found)),
    ]
    heard = [f"{_name(found)} {_state(found)} · a class of {person(found.teacher)}.", numbers(found), *why]
    if is_moved:
        heard.insert(0, _moved(found))
    return Message.of(" ".join(each for each in heard if each), blocks)


def table(found: SchoolClass) -> str:
    """The numbers of a class, a line each: narrow enough for a phone."""
    shown = _numbers(found)
    width = max(len(str(value)) for value in shown.values())
    return code_block("\n".join(f"{shown[label]:>{width}}  {translated(label)}" for label, _ in _ROWS))


def numbers(found: SchoolClass) -> str:
    """The same in words, for screen readers."""
    shown = _numbers(found)
    return translated(
        "{seats} seats: {taken} taken, {ready} ready, {waiting} waiting, {failed} failed.", **shown
    )


def _numbers(found: SchoolClass) -> dict[str, int]:
    known = found.shown or {}
    made = known.get("made", 0)
    waiting = made - sum(known.get(each, 0) for each in ("ready", "failed", "ended"))
    values = {**known, "waiting": waiting}
    return {label: values.get(name, 0) for label, name in _ROWS}


def _name(found: SchoolClass) -> str:
    return inline(found.name, 64)


def _state(found: SchoolClass) -> str:
    if found.failure:
        return translated("could not be started")
    if found.phase in {ClassPhase.ENDING, ClassPhase.OVER}:
        return translated("is over")
    if found.ended_by is not None:
        return translated("ends {end}", end=date(found.ends_at))
    if found.phase == ClassPhase.PLANNED:
        return translated("begins {begin}", begin=date(found.begins_at))
    if found.phase == ClassPhase.FIRST:
        return translated("is being prepared")
    return translated("is open until {end}", end=date(found.ends_at))


def _facts(found: SchoolClass, subjects: Sequence[Subject]) -> Iterator[str]:
    yield escape(short_url(found.url))
    yield f"size {code(found.size, 66)}"
    yield f"{date(found.begins_at)} to {date(found.ends_at)}"
    if subjects:
        yield f"for {', '.join(subject_text(each.id) for each in subjects[:_MOST_SUBJECTS])}"


def _invitation(found: SchoolClass, subjects: Sequence[Subject]) -> list[Block]:
    if not is_class_possible(found, ClassAction.JOIN):
        return []
    whom = "If the class is for you, the links come as a direct message. " if subjects else ""
    return [context(f"{whom}*Get mine* gives you a binder of your own. Only you get its links.")]


def _card_buttons(found: SchoolClass) -> list[ButtonElement]:
    if not is_class_possible(found, ClassAction.JOIN):
        return []
    return [join_button(found), status_button(found)]


def join_button(found: SchoolClass) -> ButtonElement:
    """Get a seat, or the links of the one that a person has."""
    return button(translated("Get mine"), ids.CLASS_JOIN, found.id, style="primary")


def status_button(found: SchoolClass) -> ButtonElement:
    """See how far it is; its teacher also sees the seats and the cost."""
    return button(translated("Class status"), ids.CLASS_STATUS, found.id)


def _teacher_buttons(found: SchoolClass) -> list[ButtonElement]:
    end = Confirmation(
        translated("End {name} for all?", name=shorten(visible(found.name), 60)),
        translated(
            "Everybody is warned, and gets some minutes to save their work. Then all files are deleted."
        ),
        translated("End class"),
        translated("Go on"),
    )
    offered = (
        (ClassAction.EXTEND, button(translated("Extend 1 h"), ids.CLASS_EXTEND, found.id)),
        (
            ClassAction.END,
            button(translated("End class"), ids.CLASS_END, found.id, style="danger", confirmation=end),
        ),
    )
    return [each for action, each in offered if is_class_possible(found, action)]


# --- in its thread ---------------------------------------------------------------------------------------


def told(found: SchoolClass, what: str) -> Message:
    """In the thread, to the teacher: all seats are ready, they have to wait, or it could not be started."""
    name, teacher = f"*{_name(found)}*", person(found.teacher)
    if what == "ready":
        story = f":white_check_mark: {teacher} The seats of {name} are ready. {numbers(found)}"
    elif what.startswith(DRAINED):
        story = (
            f":no_entry: {teacher} An admin has stopped new launches. Until they go on, "
            f"{name} gets no more seats. Those that run go on."
        )
    else:
        why = inline(found.failure or "No reason is known.", 1_000)
        story = f":x: {teacher} {name} could not be started. {why} {inline(found.hint or '', 1_000)}".strip()
    return _sentence(story)


def _moved(found: SchoolClass) -> str:
    return (
        f"I cannot post in the channel of {_name(found)}, so its message is here. Invite me there, "
        "end this class, and start it again."
    )


# --- answers ---------------------------------------------------------------------------------------------


def listing(found: Sequence[SchoolClass]) -> Message:
    """The classes that somebody can see, each with its buttons."""
    if not found:
        hint = translated("`{command} class owner/repo --seats 30` starts one.", command=ids.COMMAND)
        return note(translated("No class is running."), hint)
    shown = found[:MOST_LISTED]
    title = translated_count("{count} class", "{count} classes", len(found))
    blocks: list[Block] = [header(title)]
    for each in shown:
        blocks += [section(_line(each)), *actions([join_button(each), status_button(each)])]
    heard = [f"{_name(each)} {_state(each)}. {numbers(each)}" for each in shown]
    return Message.of(f"{title}:\n{shorten_lines(heard)}", blocks)


def which(candidates: Sequence[SchoolClass], typed: str) -> Message:
    """The question which class is meant, with one button for each that does what was typed with that one."""
    question = translated("Which class do you mean?")
    shown = candidates[:MOST_LISTED]
    if len(Candidate(typed, shown[0].id).as_value()) > MAX_VALUE:
        return note(question, ", ".join(each.name for each in shown))
    blocks = [
        section(f"*{question}*"),
        *[section(_line(each)) for each in shown],
        *actions(candidate_button(number, each.name, typed, each.id) for number, each in enumerate(shown)),
    ]
    heard = [f"{_name(each)} {_state(each)}" for each in shown]
    return Message.of(f"{question}\n{shorten_lines(heard)}", blocks)


def _line(found: SchoolClass) -> str:
    return f"*{_name(found)}* {_state(found)} · {person(found.teacher)}\n{numbers(found)}"


def status(found: SchoolClass) -> Message:
    """How far a class is, for one of those for whom it is."""
    buttons = [join_button(found)] if is_class_possible(found, ClassAction.JOIN) else []
    line = _line(found)
    return Message.of(line.replace("*", ""), [section(line), section(table(found)), *actions(buttons)])


def teachers_status(
    found: SchoolClass, rows: Sequence[tuple[Seat, Binder | None]], cost: float, unit: str
) -> Message:
    """How far each seat is and what all of them cost, for the teacher alone. It opens no seat."""
    lines = [_seat_line(seat, binder) for seat, binder in rows[:_MOST_SEATS]]
    spent = translated("So far it has cost {cost}.", cost=amount(cost, unit)) if found.price_per_hour else ""
    blocks = [
        section(_line(found)),
        *([section(shorten_lines(lines))] if lines else []),
        *([context(spent)] if spent else []),
        context(translated("You can open the binder of somebody else only if they share it with you.")),
        *actions([*([join_button(found)] if is_class_possible(found, ClassAction.JOIN) else [])]),
        *actions(_teacher_buttons(found)),
    ]
    heard = f"{_line(found)} {spent}\n{shorten_lines(lines, 2_000) if lines else ''}".replace("*", "")
    return Message.of(heard, blocks)


def _seat_line(seat: Seat, binder: Binder | None) -> str:
    whose = person(seat.user) if seat.user else translated("nobody's")
    if binder is None:
        not_started = translated("is not started yet")
        return f"{seat.number}. {whose}: {not_started}"
    said = phrase(binder)
    return f"{seat.number}. {whose}: {said.emoji} {translated(said.words)}"


def seat_waits(found: SchoolClass, binder: Binder | None) -> Message:
    """The answer to *Get mine* while the links are not there yet."""
    if found.phase == ClassPhase.PLANNED:
        state = translated("It is started before the class begins {begin}.", begin=date(found.begins_at))
    elif binder is None:
        state = translated("It is being started.")
    else:
        state = phrase(binder).of_it()
    has_seat = translated("You have a seat in *{name}*.", name=_name(found))
    links = translated("The links come as a direct message.")
    return _sentence(f"{has_seat} {state} {links}")


def extended(found: SchoolClass, *, is_held: bool, guessed_zone: str = "") -> Message:
    """When a class ends now; `is_held` says whether that is the site's limit."""
    goes_on = translated(
        "*{name}* goes on for everybody until {end}.", name=_name(found), end=date(found.ends_at)
    )
    held = translated("That is the longest time that this site allows.") if is_held else ""
    guess = guess_of(guessed_zone) if guessed_zone else ""
    return _sentence(" ".join(each for each in (goes_on, held, guess) if each))


def ended(found: SchoolClass, now: float) -> Message:
    """The answer to *End class*."""
    if found.ends_at <= now:
        return _sentence(translated("*{name}* ends now.", name=_name(found)))
    ends = translated("*{name}* ends {end}.", name=_name(found), end=date(found.ends_at))
    save = translated("Everybody who has a binder is asked to save their work before.")
    return _sentence(f"{ends} {save}")


def _sentence(shown: str) -> Message:
    return Message.of(shown.replace("*", ""), [section(shown)])


def planned(found: SchoolClass, zone: str) -> Message:
    """When a class begins and ends, and the time zone that was used because the teacher's is unknown."""
    when = translated(
        "*{name}* goes from {begin} to {end}.",
        name=_name(found),
        begin=date(found.begins_at),
        end=date(found.ends_at),
    )
    return _sentence(f"{when} {guess_of(zone)}")


def refused(found: SchoolClass, action: ClassAction) -> tuple[str, str]:
    """The sentence and the hint for somebody who may not do that."""
    if action == ClassAction.JOIN:
        hint = Sentence("Ask its teacher to add you.")
        return Sentence("The class {name} is not for you.", name=found.name), hint
    rule = Sentence(action.value)
    return Sentence("Only the teacher of {name} or an admin can {do}.", name=found.name, do=rule), ""


def not_possible(found: SchoolClass, action: ClassAction) -> str:
    """The sentence for something that cannot be done any more."""
    if action == ClassAction.JOIN:
        return Sentence("The class {name} no longer gives seats.", name=found.name)
    return Sentence("The class {name} has ended.", name=found.name)
