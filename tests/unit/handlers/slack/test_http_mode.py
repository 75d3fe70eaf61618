"""HTTP mode over real HTTP: what hostile and clumsy clients send, and what is done of it."""

import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

import pytest
import requests
from slack_bolt import Ack, App
from slack_sdk import WebClient

from handlers.slack import http_mode
from handlers.slack.http_gate import HttpGate
from handlers.slack.http_mode import MOST_BODY_BYTES, MOST_HEADER_BYTES, HttpServer
from storage.engine import Store
from storage.lease_models import SeenRequest
from tests.fakes.database import empty, empty_store
from tests.fakes.slack_requests import FORM, JSON, SIGNING_SECRET, command, event, post, signed
from tests.fakes.waiting import eventually
from workspace.options import Options
from workspace.server import Workspace

PRIVATE = "nobody-may-read-this"


@dataclass
class Site:
    """A bot that only notes what it is told, served by one replica or several."""

    client: WebClient
    store: Store
    told: list[str] = field(default_factory=list)
    breaks: list[Exception] = field(default_factory=list)
    goes_on: Event = field(default_factory=Event)
    begun: Event = field(default_factory=Event)
    url: str = ""
    port: int = 0

    def gate(self) -> HttpGate:
        app = App(name="test", client=self.client, signing_secret=SIGNING_SECRET)

        @app.command("/binder")
        def on_command(ack: Ack, body: dict[str, Any]) -> None:
            self.told.append(body["text"])
            if body["text"] == "slow":
                self.begun.set()
                self.goes_on.wait(10)
            ack("done")

        @app.event("app_mention")
        def on_event(body: dict[str, Any]) -> None:
            if self.breaks:
                raise self.breaks.pop()
            self.told.append(body["event_id"])

        @app.middleware
        def breaks(body: dict[str, Any], next_: Any) -> Any:
            if "event_id" in body and self.breaks:
                raise self.breaks.pop()
            return next_()

        return HttpGate(app, SIGNING_SECRET, self.store)

    def post(self, body: str, headers: dict[str, str] | None = None) -> requests.Response:
        return post(self.url, body, signed(body) if headers is None else headers)

    def raw(self, *parts: bytes, seconds: float = 5) -> bytes:
        """Send bytes, and read until the other side ends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            for part in parts:
                connection.sendall(part)
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except (ConnectionError, TimeoutError):
        pass
    return found


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def serving(site: Site) -> Iterator[HttpServer]:
    server = HttpServer(site.gate(), "127.0.0.1", 0)
    server.connect()
    site.port, site.url = server.port, f"http://127.0.0.1:{server.port}/slack/events"
    try:
        yield server
    finally:
        site.goes_on.set()
        server.close()


@pytest.fixture(scope="module")
def whole() -> Iterator[Site]:
    with Workspace(Options()) as workspace, empty_store(time.time) as store:
        site = Site(WebClient(workspace.bot_token, base_url=workspace.api_url), store)
        with serving(site):
            yield site


@pytest.fixture
def site(whole: Site) -> Site:
    empty(whole.store)
    whole.told.clear()
    whole.breaks.clear()
    return whole


def seen(site: Site) -> int:
    with site.store.read() as session:
        return session.query(SeenRequest).count()


def test_what_slack_signed_is_done_and_acknowledged_at_once(site: Site) -> None:
    site.post(command("warm"))
    started = time.monotonic()
    answer = site.post(command("list"))
    assert time.monotonic() - started < 0.1
    assert (answer.status_code, answer.text) == (200, "done")
    assert site.told == ["warm", "list"]


def test_slack_is_answered_when_it_asks_whether_the_address_is_ours(site: Site) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c1"})
    assert site.post(body, signed(body, JSON)).json() == {"challenge": "c1"}


BODY = command(PRIVATE)


def hostile() -> dict[str, tuple[str, dict[str, str], int]]:
    """Bodies, headers, and what is answered, by what is wrong; signed now."""
    good = signed(BODY)
    return {
        "no signature": (BODY, {"Content-Type": FORM}, 401),
        "another secret": (BODY, signed(BODY, secret="another secret"), 401),
        "another body": (BODY + "&user_id=U2", good, 401),
        "too old": (BODY, signed(BODY, age=301), 401),
        "from the future": (BODY, signed(BODY, age=-302), 401),
        "a timestamp that is no number": (BODY, {**good, "X-Slack-Request-Timestamp": "now"}, 401),
        "a timestamp without end": (BODY, {**good, "X-Slack-Request-Timestamp": "9" * 5000}, 401),
        "a timestamp of other digits": (BODY, {**good, "X-Slack-Request-Timestamp": "²"}, 401),
        "a signature of other letters": (BODY, {**good, "X-Slack-Signature": "v0=é"}, 401),
        "an older kind of signature": (
            BODY,
            {**good, "X-Slack-Signature": good["X-Slack-Signature"][3:]},
            401,
        ),
        "a content type that Slack never sends": (BODY, signed(BODY, "text/plain"), 415),
        "no content type": (BODY, {**good, "Content-Type": ""}, 415),
        "a check that is signed by nobody": ("ssl_check=1", {"Content-Type": FORM}, 401),
        "nonsense instead of JSON": ("{]", signed("{]", JSON), 400),
        "JSON that is no object": ("[1]", signed("[1]", JSON), 400),
        "a payload that is nonsense": ("payload=%7B]", signed("payload=%7B]"), 400),
        "a payload that is no object": ("payload=7", signed("payload=7"), 400),
        "JSON without end": ("[" * 100_000, signed("[" * 100_000, JSON), 400),
        "a body that is too large": ("a" * (MOST_BODY_BYTES + 1), signed("a" * (MOST_BODY_BYTES + 1)), 413),
        "headers that are too large": (BODY, {**good, "X-More": "a" * MOST_HEADER_BYTES}, 431),
    }


@pytest.mark.parametrize("what", list(hostile()))
def test_hostile_requests_are_refused_and_leave_no_trace(
    site: Site, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    body, headers, status = hostile()[what]
    caplog.set_level(logging.DEBUG)
    with requests.Session() as session:
        session.trust_env = False
        encoded = {name: value.encode() for name, value in headers.items()}
        answer = session.post(site.url, data=body.encode(), headers=encoded, timeout=10)
    assert answer.status_code == status
    assert site.told == []
    assert seen(site) == 0
    assert PRIVATE not in caplog.text + answer.text
    assert "Server" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/slack/events", 405),
        ("PUT", "/slack/events", 405),
        ("HEAD", "/slack/events", 405),
        ("OPTIONS", "/slack/events", 405),
        ("POST", "/", 404),
        ("POST", "/slack/events/", 404),
        ("POST", "/slack//events", 404),
        ("GET", "/slack/install", 404),
        ("GET", "/healthz", 404),
        ("GET", "/../etc/passwd", 404),
    ],
)
def test_only_the_known_path_and_method_are_answered(site: Site, method: str, path: str, status: int) -> None:
    request = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert site.raw(request.encode()).startswith(f"HTTP/1.1 {status} ".encode())
    assert site.told == []


def test_a_request_that_is_sent_again_is_refused(site: Site) -> None:
    body = command("stop demo")
    headers = signed(body)
    assert [site.post(body, headers).status_code for _ in range(3)] == [200, 409, 409]
    assert site.told == ["stop demo"]


def test_of_a_request_that_reaches_all_replicas_at_once_one_is_done(site: Site) -> None:
    body = command("stop demo", "9.9")
    headers = signed(body)
    own = (site.port, site.url)
    with serving(site) as other:
        site.port, site.url = own
        urls = [site.url, f"http://127.0.0.1:{other.port}/slack/events"] * 4
        found: list[int] = []
        posts = [
            Thread(target=lambda url=url: found.append(post(url, body, headers).status_code)) for url in urls
        ]
        for each in posts:
            each.start()
        for each in posts:
            each.join()
    assert sorted(found) == [200] + [409] * 7
    assert site.told == ["stop demo"]


def test_an_event_that_slack_sends_again_is_acknowledged_and_not_done_again(site: Site) -> None:
    body = event("Ev1")
    first = signed(body, JSON)
    again = {**signed(body, JSON, age=-1), "X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}
    assert [site.post(body, each).status_code for each in (first, again)] == [200, 200]
    eventually(lambda: site.told == ["Ev1"])
    assert seen(site) == 1


def test_an_event_that_could_not_be_answered_is_done_when_slack_sends_it_again(site: Site) -> None:
    body = event("Ev2")
    site.breaks.append(RuntimeError(PRIVATE))
    headers = signed(body, JSON)
    assert site.post(body, headers).status_code == 500
    assert site.post(body, headers).status_code == 200  # Slack's first retry may come in the same second
    eventually(lambda: site.told == ["Ev2"])


def test_what_a_proxy_says_of_the_sender_changes_nothing(site: Site) -> None:
    body = command("list", "3.3")
    forwarded = {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https", "Forwarded": "for=1.2.3.4"}
    assert site.post(body, {**signed(body), **forwarded}).status_code == 200


def test_a_chunked_body_is_bounded_too(site: Site) -> None:
    head = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    whole = MOST_BODY_BYTES // 65536
    answer = b""
    # It may be refused while the rest is still being sent. A timeout is a failure.
    with (
        suppress(ConnectionError),
        socket.create_connection(("127.0.0.1", site.port), timeout=5) as connection,
    ):
        for part in (head, *(chunk for _ in range(whole)), b"1\r\na\r\n"):
            connection.sendall(part)
        while part := connection.recv(65536):
            answer += part
    assert not answer or b" 413 " in answer
    assert site.told == []
    assert site.post(command("list", "4.4")).status_code == 200


def test_a_chunked_body_is_read(site: Site) -> None:
    body = command("list", "5.5")
    headers = "".join(f"{name}: {value}\r\n" for name, value in signed(body).items())
    headers += "Connection: close\r\nTransfer-Encoding: chunked\r\n"
    head = f"POST /slack/events HTTP/1.1\r\nHost: x\r\n{headers}\r\n"
    answer = site.raw(head.encode(), f"{len(body):x}\r\n{body}\r\n0\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert site.told == ["list"]


SLOW: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "headers letter by letter": (b"POST /slack/events HTTP/1.1\r\nHost: x\r\n", b"X"),
    "a body letter by letter": (
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
        b"a",
    ),
}


@pytest.mark.parametrize("what", SLOW)
def test_a_slow_client_is_cut_off_and_keeps_nobody_waiting(
    site: Site, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_mode, "REQUEST_SECONDS", 0.3)
    first, more = SLOW[what]
    started = time.monotonic()
    connections = [socket.create_connection(("127.0.0.1", site.port), timeout=5) for _ in range(50)]
    for each in connections:
        each.sendall(first)
    assert site.post(command("list", f"6.{what}")).status_code == 200
    assert time.monotonic() - started < 1
    open_still = set(connections)

    def all_cut() -> bool:
        for each in list(open_still):
            each.settimeout(0.001)
            try:
                if more:
                    each.sendall(more)
                if each.recv(1) == b"":
                    open_still.discard(each)
            except TimeoutError:
                pass
            except ConnectionError:
                open_still.discard(each)
        return not open_still

    eventually(all_cut, 5)
    for each in connections:
        each.close()


def test_an_idle_connection_is_used_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_mode, "REQUEST_SECONDS", 0.2)
    with requests.Session() as session:
        session.trust_env = False
        for number in range(2):
            body = command("list", f"7.{number}")
            assert session.post(site.url, data=body, headers=signed(body), timeout=5).status_code == 200
            time.sleep(1.5 * (1 - number))  # longer than a request may take, and than the clean-up's interval


def test_a_request_under_way_is_answered_when_the_bot_stops(site: Site) -> None:
    own = (site.port, site.url)
    site.begun.clear()
    site.goes_on.clear()
    answers: list[requests.Response] = []
    with serving(site) as server:
        asked = Thread(target=lambda: answers.append(site.post(command("slow", "8.8"))))
        asked.start()
        assert site.begun.wait(5)
        stopping = Thread(target=server.finish)
        stopping.start()
        eventually(lambda: not is_listening(site.port), 5)
        assert stopping.is_alive()
        site.goes_on.set()
        asked.join()
        stopping.join()
        assert server.problem
    site.port, site.url = own
    assert [each.status_code for each in answers] == [200]


def test_a_port_that_is_taken_is_an_error_that_is_told(site: Site) -> None:
    other = HttpServer(site.gate(), "127.0.0.1", site.port)
    with pytest.raises(OSError, match="in use"):
        other.connect()
    assert other.problem == f"the bot does not listen on port {site.port}"
    other.close()
