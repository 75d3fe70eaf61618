"""Archives on their way to a real workspace, however it fails."""

import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from slack_sdk import WebClient

from bot.jupyter.file_crawl import LeftOut
from bot.saved_work.archive import Archive
from handlers.messages.archive_text import counts, saved
from handlers.outbox.uploads import Uploads, unique_name
from handlers.slack.calls import Rejected, SlackCalls, TooEarly, Uncertain
from handlers.slack.clients import OneWorkspace
from handlers.slack.rate_limit import RateLimit
from storage.models import Binder
from tests.unit.handlers.conftest import Post, binder

KEY = "abcd2345:archive:1"


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("SAVED.txt", "all of it")
    return buffer.getvalue()


ARCHIVE = Archive("demo-changes.zip", zipped(), ("a", "b", "c"), ("d",), ("e",), has_patch=True)


def fast() -> SlackCalls:
    return SlackCalls({"others": RateLimit(1000.0, 1000)})


@pytest.fixture
def uploads(post: Post) -> Uploads:
    return Uploads(OneWorkspace(post.client), fast())


def threaded(post: Post, channel: str = "general") -> Binder:
    """A binder whose card stands in a channel."""
    root = post.client.chat_postMessage(channel=post.channel(channel), text="The card")
    return binder(thread_channel=root["channel"], thread_ts=root["ts"], owner=post.ada)


def shared(post: Post, channel: str = "general") -> list[dict[str, Any]]:
    return [each for each in post.messages(channel) if each.get("files")]


def test_an_archive_is_shared_in_the_thread_with_what_is_in_it(post: Post, uploads: Uploads) -> None:
    row = threaded(post)
    ts = uploads.send(row, ARCHIVE, KEY)
    (message,) = shared(post)
    assert (message["ts"], message["thread_ts"]) == (ts, row.thread_ts)
    assert "3 files changed, 1 new, 1 deleted" in message["text"]
    (file,) = message["files"]
    assert file["name"] == unique_name("demo-changes.zip", KEY)
    answer = requests.get(post.workspace.url + file["url_private"], timeout=5)
    assert answer.content == ARCHIVE.data


def test_in_a_public_channel_it_becomes_a_member_first(post: Post, uploads: Uploads) -> None:
    row = threaded(post, "lab")
    assert uploads.send(row, ARCHIVE, KEY)
    assert len(shared(post, "lab")) == 1


def test_in_a_direct_message_it_need_not_join(post: Post, uploads: Uploads) -> None:
    row = threaded(post)
    opened = post.client.conversations_open(users=post.ada)["channel"]["id"]
    root = post.client.chat_postMessage(channel=opened, text="The card")
    row.thread_channel, row.thread_ts = opened, root["ts"]
    assert uploads.send(row, ARCHIVE, KEY)
    assert len(shared(post, "dm")) == 1


def test_a_channel_that_is_closed_to_it_is_a_refusal(post: Post, uploads: Uploads) -> None:
    row = threaded(post)
    row.thread_channel = post.channel("secret")
    with pytest.raises(Rejected, match="channel_not_found"):
        uploads.send(row, ARCHIVE, KEY)


def test_a_thread_that_is_gone_is_a_refusal(post: Post, uploads: Uploads) -> None:
    row = threaded(post)
    row.thread_ts = "1.000001"
    with pytest.raises(Rejected, match="thread_not_found"):
        uploads.send(row, ARCHIVE, KEY)


STEPS = ["files.getUploadURLExternal", "upload", "files.completeUploadExternal"]


@pytest.mark.parametrize("kind", ["http_500", "drop_before", "drop_after"])
@pytest.mark.parametrize("step", STEPS)
def test_whatever_step_is_lost_it_is_shared_once(post: Post, uploads: Uploads, step: str, kind: Any) -> None:
    row = threaded(post)
    post.workspace.fail_next(step, kind)
    asked_at = post.clock[0]
    with pytest.raises(Uncertain) as caught:
        uploads.send(row, ARCHIVE, KEY)
    assert "/upload/" not in str(caught.value)
    ts = uploads.send(row, ARCHIVE, KEY, unsure_since=asked_at)
    (message,) = shared(post)
    assert message["ts"] == ts


@pytest.mark.parametrize("step", STEPS)
def test_it_waits_where_slack_says_so(post: Post, uploads: Uploads, step: str) -> None:
    row = threaded(post)
    post.workspace.fail_next(step, "ratelimited", retry_after=7)
    with pytest.raises(TooEarly) as caught:
        uploads.send(row, ARCHIVE, KEY)
    assert caught.value.seconds == 7
    assert shared(post) == []


def test_two_archives_of_one_name_are_two(post: Post, uploads: Uploads) -> None:
    row = threaded(post)
    uploads.send(row, ARCHIVE, KEY)
    uploads.send(row, ARCHIVE, "abcd2345:archive:2", unsure_since=post.clock[0])
    assert len(shared(post)) == 2


def test_what_is_not_shown_yet_has_no_ts(post: Post, uploads: Uploads) -> None:
    row = threaded(post)
    post.workspace.fail_next("conversations.replies", "http_500")
    assert uploads.send(row, ARCHIVE, KEY) is None
    assert len(shared(post)) == 1


# --- places that are not Slack's ----------------------------------------------------------------------------


class Elsewhere:
    """A Slack that names other places to bring files to."""

    def __init__(self) -> None:
        self.upload_url = ""
        self.status = 200
        self.brought: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                status = 200
                if self.path.startswith("/place"):
                    owner.brought.append(self.path)
                    status = owner.status
                body = b'{"ok": true, "file_id": "F1", "upload_url": "%b"}' % owner.upload_url.encode()
                self.send_response(status)
                self.send_header("Location", "/place/2")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def send(self, base_url: str = "") -> None:
        client = WebClient("xoxb-1", base_url=base_url or f"{self.url}/api/", retry_handlers=[])
        row = binder(thread_channel="D1", thread_ts="1.1")
        Uploads(OneWorkspace(client), fast()).send(row, ARCHIVE, KEY)


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    elsewhere = Elsewhere()
    elsewhere.thread.start()
    yield elsewhere
    elsewhere.server.shutdown()
    elsewhere.thread.join()
    elsewhere.server.server_close()


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/place",
        "file:///etc/passwd",
        "http://127.0.0.1:1/place",
        "",
        "https://",
        "http://[",
    ],
)
def test_files_go_only_to_https_or_to_the_local_workspace(elsewhere: Elsewhere, url: str) -> None:
    elsewhere.upload_url = url
    with pytest.raises(Rejected, match="upload_url_refused"):
        elsewhere.send()


@pytest.mark.parametrize("status", [302, 307, 403, 413])
def test_a_place_that_refuses_or_redirects_is_a_refusal(elsewhere: Elsewhere, status: int) -> None:
    elsewhere.upload_url, elsewhere.status = f"{elsewhere.url}/place/1", status
    with pytest.raises(Rejected, match=f"upload_http_{status}"):
        elsewhere.send()
    assert elsewhere.brought == ["/place/1"]


# --- words --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "new", "deleted", "words"),
    [
        (3, 1, 1, "3 files changed, 1 new, 1 deleted"),
        (1, 0, 0, "1 file changed"),
        (0, 1, 0, "1 file new"),
        (0, 2, 1234, "2 files new, 1,234 deleted"),
        (0, 0, 0, "no file could be saved"),
    ],
)
def test_what_was_saved_in_numbers(changed: int, new: int, deleted: int, words: str) -> None:
    kinds = [tuple(map(str, range(number))) for number in (changed, new, deleted)]
    archive = Archive("x.zip", b"", changed=kinds[0], new=kinds[1], deleted=kinds[2])
    assert counts(archive) == words


def test_hostile_names_and_notes_stay_words() -> None:
    left_out = tuple(LeftOut(f"<!channel>`{number}", "it could <not> be read") for number in range(9))
    said = saved(binder(name="<!here>"), Archive("x.zip", b"", ("a",), left_out=left_out, note="<@U1> no"))
    assert "<!" not in said
    assert "and 6 more, see `SAVED.txt`" in said
    assert "changes.patch" not in said
    assert "&lt;@U1&gt; no" in said
