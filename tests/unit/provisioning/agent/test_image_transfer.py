"""Pulling and pushing by Docker's own interface: what is asked, what is read, and when it is given up."""

import base64
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.provisioning.agent.failures import TransferFailed
from bot.provisioning.agent.image_transfer import ImageTransfer

DIGEST = f"sha256:{'a' * 64}"


def layer(status: str, current: int = 0, total: int = 0, name: str = "one") -> dict[str, Any]:
    detail = {"current": current, "total": total} if current else {}
    return {"status": status, "progressDetail": detail, "id": name}


class Daemon:
    """A Docker that says what a test lets it say."""

    def __init__(self, path: Path) -> None:
        self.messages: Callable[[], Iterator[Any]] = lambda: iter(())
        self.status = 200
        self.asked: list[tuple[str, dict[str, list[str]], dict[str, str]]] = []
        handler = type("Handler", (_Handler,), {"daemon": self})
        self._server = _UnixServer(str(path), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def says(self, *messages: Any) -> None:
        self.messages = lambda: iter(messages)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    daemon: ClassVar[Daemon]

    def address_string(self) -> str:
        return "agent"

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        auth = json.loads(base64.urlsafe_b64decode(self.headers["X-Registry-Auth"]))
        self.daemon.asked.append((parts.path, parse_qs(parts.query), auth))
        self.send_response(self.daemon.status)
        self.end_headers()
        for message in self.daemon.messages():
            self.wfile.write(
                (message if isinstance(message, str) else json.dumps(message)).encode() + b"\r\n"
            )
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
    daemon = Daemon(tmp_path / "s")
    yield daemon
    daemon.close()


def a_transfer(told: list[tuple[str, float]] | None = None, **changes: Any) -> ImageTransfer:
    settings: dict[str, Any] = {
        "auth": {"registrytoken": "jwt"},
        "seconds": 20,
        "silence_seconds": 5,
    } | changes
    told = [] if told is None else told
    return ImageTransfer(**settings, on_progress=lambda line, done: told.append((line, done)))


def test_an_image_is_pulled_by_its_digest_and_tells_how_much_arrived(daemon: Daemon) -> None:
    daemon.says(
        {"status": "Pulling from x", "id": DIGEST},
        layer("Already exists", name="base"),
        layer("Pulling fs layer"),
        layer("Downloading", 1_000_000, 4_000_000),
        layer("Downloading", 4_000_000, 4_000_000),
        layer("Extracting", 4_000_000, 4_000_000),
        layer("Pull complete"),
    )
    told: list[tuple[str, float]] = []

    a_transfer(told).pull("registry.example.org/x", DIGEST)

    [(path, query, auth)] = daemon.asked
    assert path == "/images/create"
    assert query == {"fromImage": ["registry.example.org/x"], "tag": [DIGEST]}
    assert auth == {"registrytoken": "jwt"}
    assert [line for line, _ in told][:2] == ["1 of 4 MB", "4 of 4 MB"]
    assert all(0 < done <= 1 for _, done in told)
    assert [done for _, done in told] == sorted(done for _, done in told)


def test_an_image_is_pushed_by_its_name(daemon: Daemon) -> None:
    a_transfer().push("registry.example.org:5000/x", "tag")

    [(path, query, _)] = daemon.asked
    assert (path, query) == ("/images/registry.example.org%3A5000/x/push", {"tag": ["tag"]})


@pytest.mark.parametrize(
    ("entry", "given"),
    [
        ({}, {}),
        ({"registrytoken": "jwt"}, {"registrytoken": "jwt"}),
        ({"auth": base64.b64encode(b"me:se:cret").decode()}, {"username": "me", "password": "se:cret"}),
    ],
)
def test_credentials_are_those_of_a_configuration_of_docker(
    daemon: Daemon, entry: dict[str, str], given: dict[str, str]
) -> None:
    a_transfer(auth=entry).pull("x", DIGEST)

    assert daemon.asked[0][2] == given


def test_credentials_of_no_form_are_a_failed_transfer(daemon: Daemon) -> None:
    with pytest.raises(TransferFailed, match="credentials"):
        a_transfer(auth={"auth": "/w=="}).pull("x", DIGEST)
    assert daemon.asked == []


@pytest.mark.parametrize(
    ("status", "message", "why"),
    [
        (200, {"errorDetail": {"message": "no"}, "error": "unexpected EOF"}, "unexpected EOF"),
        (500, {"message": "manifest unknown"}, "manifest unknown"),
        (500, "not JSON", "not JSON"),
        (200, "not JSON", "JSONDecodeError"),
    ],
)
def test_what_docker_says_of_an_error_is_the_reason(
    daemon: Daemon, status: int, message: Any, why: str
) -> None:
    daemon.status = status
    daemon.says(message)

    with pytest.raises(TransferFailed, match=why):
        a_transfer().pull("x", DIGEST)


def test_a_registry_that_falls_silent_is_given_up(daemon: Daemon) -> None:
    released = threading.Event()

    def messages() -> Iterator[Any]:
        yield layer("Downloading", 10, 1_000)
        released.wait(20)

    daemon.messages = messages
    began = time.monotonic()
    with pytest.raises(TransferFailed):
        a_transfer(silence_seconds=0.3).pull("x", DIGEST)
    released.set()
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("again", [layer("Retrying in 5 seconds"), layer("Downloading", 10, 1_000)])
def test_what_only_tries_again_moves_nothing(daemon: Daemon, again: dict[str, Any]) -> None:
    ended = threading.Event()

    def messages() -> Iterator[Any]:
        yield layer("Downloading", 10, 1_000)
        while not ended.wait(0.02):
            yield again

    daemon.messages = messages
    with pytest.raises(TransferFailed, match="nothing moved"):
        a_transfer(silence_seconds=0.3).pull("x", DIGEST)
    ended.set()


def test_a_transfer_has_an_end(daemon: Daemon) -> None:
    ended = threading.Event()

    def messages() -> Iterator[Any]:
        size = 0
        while not ended.wait(0.02):
            size += 1
            yield layer("Downloading", size, 1_000_000)

    daemon.messages = messages
    with pytest.raises(TransferFailed, match="too long"):
        a_transfer(seconds=0.3).pull("x", DIGEST)
    ended.set()


@pytest.mark.parametrize("host", ["unix:///nowhere", "tcp://127.0.0.1:9"])
def test_an_engine_that_is_not_here_is_a_failed_transfer(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(TransferFailed):
        a_transfer().pull("x", DIGEST)
