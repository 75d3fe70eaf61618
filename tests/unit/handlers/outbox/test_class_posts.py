"""What is said of classes and their seats: little, and in time."""

from typing import Any

import pytest

from handlers.outbox.class_posts import EDIT_SECONDS
from storage import binders, classes, notices, outbox, seats
from storage.class_models import SchoolClass
from storage.models import Binder, Notice
from storage.vocabulary import Ending, MessageKind, Reason, Status, Target
from tests.unit.handlers.conftest import TOKEN, Post, binder
from tests.unit.handlers.messages.class_cases import a_class
from workspace.hands import Person, plain


@pytest.fixture
def lesson(post: Post) -> SchoolClass:
    """A class of Ada's in #general, whose message is posted."""
    now = post.clock[0]
    with post.store.write() as session:
        new = a_class(
            team_id=post.workspace.state.team_id,
            teacher=post.ada,
            channel=post.channel("general"),
            created_at=now,
            begins_at=now,
            ends_at=now + 3600,
        )
        found = classes.add(session, new, [], ahead=2).found
    post.drain()
    return found


def has_seat(post: Post, lesson: SchoolClass, user: str, launches: int = 1, **changes: Any) -> Binder:
    """A seat with a binder."""
    with post.store.write() as session:
        seat = seats.to_launch(session, lesson.id, limit=1)[0]
        seat.user, seat.launches = user or None, launches - 1
        values = {"team_id": lesson.team_id, "owner": user, "channel": user or post.ada, "is_private": True}
        row = binder(**(values | {"class_id": lesson.id, "created_at": post.clock[0]} | changes))
        seats.launch(session, seat, row, name=lesson.name)
        return row


def show(post: Post, lesson: SchoolClass, ready: int) -> None:
    with post.store.write() as session:
        found = session.query(SchoolClass).one()
        found.shown = {"made": 2, "ready": ready}
        classes.touch(session, lesson.id)


def class_message(post: Post) -> str:
    [message] = post.messages()
    return plain(message)


def directs(post: Post, who: str) -> list[str]:
    with Person(post.workspace.url, who) as person:
        return [plain(each) for each in person.look().channel("dm")["messages"]]


def test_the_numbers_are_edited_slowly(post: Post, lesson: SchoolClass) -> None:
    show(post, lesson, 1)
    post.drain()
    assert "1  ready" in class_message(post)
    for ready in (0, 1, 2):
        show(post, lesson, ready)
        post.drain()
    assert "1  ready" in class_message(post)
    post.wait(EDIT_SECONDS)
    assert "2  ready" in class_message(post)


def test_a_message_that_somebody_deleted_is_posted_anew(post: Post, lesson: SchoolClass) -> None:
    with Person(post.workspace.url, "ada") as ada:
        ada.delete(post.messages()[0])
    show(post, lesson, 2)
    post.wait(60)
    assert "2  ready" in class_message(post)


def test_where_the_channel_refuses_it_the_teacher_gets_it_and_reads_why(post: Post) -> None:
    now = post.clock[0]
    with post.store.write() as session:
        new = a_class(
            team_id=post.workspace.state.team_id,
            teacher=post.ada,
            channel=post.channel("secret"),
            created_at=now,
            is_private=True,
        )
        classes.add(session, new, [], ahead=1)
    post.drain()
    assert "I cannot post in the channel of intro" in directs(post, "ada")[0]
    assert post.messages("secret") == []


def test_a_student_hears_once_that_the_seat_is_ready(post: Post, lesson: SchoolClass) -> None:
    grace = post.workspace.state.person("grace").id
    row = has_seat(post, lesson, grace, status=Status.BUILDING, ready_at=None)
    post.drain()
    assert directs(post, "grace") == []
    post.change(row.id, status=Status.READY, ready_at=post.clock[0])
    with post.store.write() as session:
        for kind in (MessageKind.READY, MessageKind.LINKS, MessageKind.WAITING):
            outbox.say(session, kind, f"{kind}:{row.id}", row.id)
        binders.keep(session, row.id, ends_at=0, awake_until=0, by=grace)
    post.wait(60)
    [said] = directs(post, "grace")
    assert said.startswith(":large_green_circle: Your binder *intro* is ready.")
    assert TOKEN not in "".join(directs(post, "linus")) + class_message(post)


def test_nobody_hears_of_a_seat_that_nobody_has_and_its_notices_count_as_told(
    post: Post, lesson: SchoolClass
) -> None:
    row = has_seat(post, lesson, "")
    with post.store.write() as session:
        notices.warn(session, row.id, Reason.MAXIMUM, post.clock[0] + 600, 900)
    post.drain()
    with post.store.read() as session:
        assert [each.told_at for each in session.query(Notice)] == [post.clock[0]]
    assert directs(post, "ada") == []


@pytest.mark.parametrize(("launches", "heard"), [(1, 0), (2, 1)], ids=["tried again", "given up"])
def test_a_failure_is_told_when_nothing_comes_of_the_seat(
    post: Post, lesson: SchoolClass, launches: int, heard: int
) -> None:
    grace = post.workspace.state.person("grace").id
    ended = {"target": Target.GONE, "ending": Ending.FAILED, "failure": "It broke.", "ready_at": None}
    has_seat(post, lesson, grace, launches, status=Status.BUILDING, **ended)
    post.drain()
    said = directs(post, "grace")
    assert len(said) == heard
    assert all("could not be started. It broke." in each and "[Get mine]" in each for each in said)
