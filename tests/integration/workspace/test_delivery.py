"""What an app in HTTP mode hears of the workspace: signed, and events again while it fails."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest
from slack_sdk.signature import SignatureVerifier

from tests.fakes.waiting import eventually
from workspace.hands import Person
from workspace.options import Options
from workspace.server import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    Request = tuple[dict[str, str], str]

RETRY = ("x-slack-retry-num", "x-slack-retry-reason")


@contextmanager
def listening(statuses: list[int], heard: list[Request]) -> Iterator[str]:
    """A request URL that answers with these statuses, and with 200 after them."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(statuses.pop(0) if statuses else 200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"done")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/slack/events"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with Workspace(Options(retry_seconds=(0.0, 0.01, 0.02))) as workspace:
        yield workspace


def test_a_command_is_signed_and_its_answer_is_shown(workspace: Workspace) -> None:
    heard: list[Request] = []
    with listening([500], heard) as url, Person(workspace.url) as ada:
        workspace.deliver_to(url)
        assert ada.command("/demo a b")["error"] == "http_service_error"
        assert ada.command("/demo c & d")["ok"]
        ada.wait_for_text("done")
    headers, body = heard[1]
    assert len(heard) == 2  # a command is not sent again
    assert SignatureVerifier(workspace.signing_secret).is_valid_request(body, headers)
    assert parse_qs(body)["text"] == ["c &amp; d"]


def test_nobody_at_the_address_is_told_to_the_person(workspace: Workspace) -> None:
    workspace.deliver_to("http://127.0.0.1:1/")
    with Person(workspace.url) as ada:
        assert ada.command("/demo")["error"] == "dispatch_failed"


@pytest.mark.parametrize(
    ("statuses", "tries"), [([], [None]), ([500, 503], [None, "1", "2"]), ([500] * 9, [None, "1", "2", "3"])]
)
def test_an_event_is_sent_again_while_the_app_fails(
    workspace: Workspace, statuses: list[int], tries: list[str | None]
) -> None:
    heard: list[Request] = []
    with listening(statuses, heard) as url, Person(workspace.url) as ada:
        workspace.deliver_to(url)
        ada.open_home()
        eventually(lambda: len(heard) >= len(tries), 10)
        eventually(lambda: not workspace.delivery._events, 10)
    assert [headers.get(RETRY[0]) for headers, _ in heard] == tries
    assert {headers.get(RETRY[1]) for headers, _ in heard[1:]} <= {"http_error"}
    assert len({body for _, body in heard}) == 1
