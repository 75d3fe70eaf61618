"""Every message about classes, full of a text from outside."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from handlers.messages import class_text, seat_card
from handlers.messages.message import Message
from storage.class_models import ClassPhase, SchoolClass, Seat
from storage.models import Binder
from storage.share_models import ShareKind
from storage.shares import Subject
from tests.unit.handlers.conftest import NOW


def a_class(**changes: Any) -> SchoolClass:
    """A class that goes on."""
    values: dict[str, Any] = {
        "id": "class234",
        "name": "intro",
        "request_key": "command:class",
        "team_id": "T1",
        "teacher": "U1",
        "channel": "C1",
        "is_private": False,
        "provider": "gh",
        "url": "https://github.com/owner/repo",
        "size": "small",
        "seats": 30,
        "begins_at": NOW - 600,
        "ends_at": NOW + 3600,
        "maximum_at": NOW + 36_000,
        "created_at": NOW - 600,
        "phase": ClassPhase.OPEN,
        "shown": {"made": 30, "given": 20, "ready": 10, "failed": 1, "ended": 2, "live": 27},
    }
    return SchoolClass(**(values | changes))


def classes_full_of(text: str) -> Iterator[SchoolClass]:
    """A class in each phase of which every text is the given one."""
    texts: dict[str, Any] = {"name": text, "size": text, "url": f"https://git.example.org/{text}"}
    texts |= {"price_per_hour": 1e9}
    yield from (a_class(**texts, phase=phase) for phase in ClassPhase)
    yield a_class(**texts, phase=ClassPhase.OVER, failure=text, hint=text)
    yield a_class(**texts, ended_by=text)
    yield a_class(**texts, phase=ClassPhase.FIRST, shown={})


def subjects_full_of(text: str) -> list[Subject]:
    """Many people, channels and groups; ids come from Slack alone, but nothing is believed."""
    return [Subject(kind, each) for kind in ShareKind for each in ("U1234567890", "S1", text)] * 20


def rows_full_of(text: str, binder: Binder) -> list[tuple[Seat, Binder | None]]:
    """More seats than a message shows."""
    seat = Seat(class_id="class234", number=1, user=text, binder_id=binder.id, launches=1)
    return [(seat, each) for each in (binder, None)] * 40


ClassCase = Callable[[str, Callable[[], Binder]], Iterator[Message]]
"""Who makes messages from a text, and asks for a binder only where they depend on one."""

CLASS_MESSAGES: Mapping[str, ClassCase] = {
    "class_text.card": lambda text, _: iter(
        class_text.card(each, subjects, is_moved=bool(subjects))
        for each in classes_full_of(text)
        for subjects in ([], subjects_full_of(text))
    ),
    "class_text.told": lambda text, _: iter(
        class_text.told(each, what) for each in classes_full_of(text) for what in ("ready", "failed")
    ),
    "class_text.listing": lambda text, _: iter(
        class_text.listing(found) for found in ([], list(classes_full_of(text)) * 3)
    ),
    "class_text.which": lambda text, _: iter(
        class_text.which(list(classes_full_of(text)) * 3, typed) for typed in (text, "class end")
    ),
    "class_text.status": lambda text, _: iter(class_text.status(each) for each in classes_full_of(text)),
    "class_text.teachers_status": lambda text, binder: iter(
        class_text.teachers_status(a_class(name=text, price_per_hour=1.0), rows, 1e12, text)
        for rows in ([], rows_full_of(text, binder()))
    ),
    "class_text.seat_waits": lambda text, binder: iter(
        class_text.seat_waits(each, row) for each in classes_full_of(text) for row in (binder(), None)
    ),
    "class_text.extended": lambda text, _: iter(
        class_text.extended(each, is_held=True, guessed_zone=text) for each in classes_full_of(text)
    ),
    "class_text.ended": lambda text, _: iter(
        class_text.ended(each, now) for each in classes_full_of(text) for now in (NOW, NOW + 9_999)
    ),
    "class_text.planned": lambda text, _: iter(
        class_text.planned(each, text) for each in classes_full_of(text)
    ),
    "seat_card.seat_card": lambda _, binder: iter(
        [seat_card.seat_card(_of_class(binder()), can_shelve=True)]
    ),
}
"""Each message by the function that makes it, from a text and a binder."""


def _of_class(binder: Binder) -> Binder:
    binder.class_id = "class234"
    return binder
