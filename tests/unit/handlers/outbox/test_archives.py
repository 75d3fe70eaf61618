"""Work on its way from a server into its thread, whoever fails."""

from typing import Any

import pytest

from bot.errors import ServerError
from bot.saved_work.archive import Archive
from handlers.outbox.archives import Archives
from handlers.outbox.uploads import Uploads
from handlers.slack.calls import SlackCalls
from handlers.slack.clients import OneWorkspace
from handlers.slack.rate_limit import RateLimit
from storage import outbox
from storage.models import Binder
from storage.vocabulary import MessageKind, OutboxState, Status
from tests.unit.handlers.conftest import Post

KEY = "archive:abcd2345:1"


class Work:
    """Stands in for a server whose changes are collected."""

    def __init__(self) -> None:
        self.archive: Archive | None = Archive("demo-changes.zip", b"PK", changed=("a.ipynb",))
        self.error: ServerError | None = None
        self.asked = 0

    def collect(self, _: Binder) -> Archive | None:
        self.asked += 1
        if self.error:
            raise self.error
        return self.archive


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def archives(post: Post, work: Work) -> Archives:
    uploads = Uploads(OneWorkspace(post.client), SlackCalls({"others": RateLimit(1000.0, 1000)}))
    return Archives(post.store, work.collect, uploads)


def owe(post: Post) -> Binder:
    row = post.launch(status=Status.READY, ready_at=post.clock[0], resolved_at=post.clock[0], changed_files=2)
    with post.store.write() as session:
        outbox.say(session, MessageKind.ARCHIVE, KEY, row.id)
    return row


def drain(post: Post, archives: Archives) -> None:
    while archives.deliver_due() is not None:
        post.clock[0] += 120


def shared(post: Post) -> list[dict[str, Any]]:
    return [each for each in post.messages() if each.get("files")]


def said(post: Post) -> str:
    for _ in range(3):  # a thread that is lost begins anew
        post.wait(5)
    return " ".join(str(each["text"]) for each in post.messages())


def test_what_was_changed_is_shared_once_and_no_longer_unsaved(
    post: Post, archives: Archives, work: Work
) -> None:
    row = owe(post)
    post.drain()
    drain(post, archives)
    assert len(shared(post)) == 1
    assert work.asked == 1
    saved = post.row(row.id)
    assert (saved.changed_files, saved.saved_at is not None) == (0, True)


def test_it_waits_for_the_thread_and_no_message_waits_for_it(post: Post, archives: Archives) -> None:
    row = owe(post)
    with post.store.write() as session:
        outbox.say(session, MessageKind.NOTE, "note:1", row.id, sentence="A later word.")
    assert archives.deliver_due() is None
    assert "A later word." in said(post)
    assert archives.deliver_due() is not None


def test_nothing_to_save_is_said(post: Post, archives: Archives, work: Work) -> None:
    work.archive = None
    owe(post)
    post.drain()
    drain(post, archives)
    assert "No files were changed in demo" in said(post)
    assert shared(post) == []


def test_a_server_that_stays_silent_is_tried_again_and_then_told(
    post: Post, archives: Archives, work: Work
) -> None:
    work.error = ServerError("The server did not answer.")
    row = owe(post)
    post.drain()
    for _ in range(6):
        drain(post, archives)
        post.clock[0] += 120
    assert work.asked == 3
    assert "could not be saved. The server did not answer." in said(post)
    assert post.row(row.id).changed_files == 2


def test_a_file_that_slack_refuses_is_told(post: Post, archives: Archives) -> None:
    row = owe(post)
    post.drain()
    post.change(row.id, thread_ts="1.000001")
    drain(post, archives)
    assert post.owed(KEY).state == OutboxState.DEAD
    assert "could not be saved. Slack does not accept the file." in said(post)


def test_a_try_that_died_is_looked_for_first(post: Post, archives: Archives, work: Work) -> None:
    owe(post)
    post.drain()
    post.workspace.fail_next("files.completeUploadExternal", "drop_after")
    drain(post, archives)
    for _ in range(3):
        post.clock[0] += 120
        drain(post, archives)
    assert len(shared(post)) == 1
    assert work.asked == 2
