"""The client against a registry that is hostile, slow, or has accounts and a token server."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.errors import RegistryError, RegistryUnreachable
from bot.images import registry as module
from bot.images.manifests import read_manifest
from bot.images.names import parse_place
from bot.images.registry import ImageRegistry
from bot.images.rights import AccountRights
from tests.fakes.registry import sha256

CONFIG, LAYER = sha256("config"), sha256("layer")
MANIFEST = json.dumps({"config": {"digest": CONFIG}, "layers": [{"digest": LAYER, "size": 7}]}).encode()
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"

Answer = Callable[[BaseHTTPRequestHandler], None]


def reply(handler: BaseHTTPRequestHandler, status: int = 200, body: bytes = b"{}", **headers: str) -> None:
    handler.send_response(status)
    for name, value in ({"Content_Length": str(len(body))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def served(answer: Answer) -> Iterator[tuple[ImageRegistry, str]]:
    """A registry on loopback that answers everything in one way; its client, and a repository in it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def do_DELETE(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    place = parse_place(f"127.0.0.1:{server.server_port}/binders")
    client = ImageRegistry(place, AccountRights("reader:r", "writer:w"))
    try:
        yield client, place.repository("a")
    finally:
        client.close()
        server.shutdown()
        server.server_close()
        thread.join()


def test_an_image_is_read() -> None:
    with served(lambda handler: reply(handler, body=MANIFEST)) as (client, repository):
        found = client.manifest(repository, "key")
        assert found == read_manifest(MANIFEST)
        assert found is not None
        assert (found.digest, found.image_ids, found.layers) == (
            DIGEST,
            frozenset({DIGEST, CONFIG}),
            {LAYER: 7},
        )
        assert client.manifest(repository, DIGEST) == found


def test_an_index_is_an_image_of_its_own_name() -> None:
    index = json.dumps({"manifests": [{"digest": DIGEST}, {"digest": 7}, "nonsense"]}).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        reply(handler, body=MANIFEST if handler.path.endswith(DIGEST) else index)

    with served(answer) as (client, repository):
        found = client.manifest(repository, "key")
    assert found is not None
    assert found.image_ids == {found.digest} == {f"sha256:{hashlib.sha256(index).hexdigest()}"}
    assert found.layers == {LAYER: 7}


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65_536)


def cut(handler: BaseHTTPRequestHandler) -> None:
    reply(handler, body=MANIFEST[:20], Content_Length=str(len(MANIFEST)))
    handler.close_connection = True


LIES: dict[str, tuple[Answer, type[RegistryError]]] = {
    "endless": (endless, RegistryError),
    "cut": (cut, RegistryUnreachable),
    "no JSON": (lambda handler: reply(handler, body=b"<html>"), RegistryError),
    "deep JSON": (lambda handler: reply(handler, body=b"[" * 100_000), RegistryError),
    "a list": (lambda handler: reply(handler, body=b"[]"), RegistryError),
    "no manifest": (lambda handler: reply(handler, body=b"{}"), RegistryError),
    "no digest": (lambda handler: reply(handler, body=b'{"config": {"digest": "x"}}'), RegistryError),
    "redirect": (lambda handler: reply(handler, 307, Location="http://127.0.0.1:1/"), RegistryError),
    "refused": (lambda handler: reply(handler, 403), RegistryError),
    "broken": (lambda handler: reply(handler, 503), RegistryUnreachable),
    "busy": (lambda handler: reply(handler, 429), RegistryUnreachable),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("lie", LIES)
def test_a_registry_that_lies_is_an_error_of_ours(lie: str, capfd: pytest.CaptureFixture[str]) -> None:
    answer, error = LIES[lie]
    with served(answer) as (client, repository), pytest.raises(RegistryError) as caught:
        client.manifest(repository, "key")
    assert type(caught.value) is error
    assert "d3JpdGVyOnc=" not in str(caught.value) + caught.value.hint


def test_another_manifest_than_was_asked_for_is_refused() -> None:
    honest = served(lambda handler: reply(handler, body=MANIFEST))
    with honest as (client, repository), pytest.raises(RegistryError, match="another manifest"):
        client.manifest(repository, sha256("asked for"))


def test_an_answer_that_drips_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.3)
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        while not stop.wait(0.05):
            handler.wfile.write(b"x")

    began = time.monotonic()
    with served(drip) as (client, repository):
        with pytest.raises(RegistryUnreachable, match="too slowly"):
            client.manifest(repository, "key")
        stop.set()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("status", "says"), [(405, "does not allow"), (400, "answered 400"), (202, ""), (404, "")]
)
def test_a_deletion_that_did_not_happen_is_said(status: int, says: str) -> None:
    with served(lambda handler: reply(handler, status)) as (client, repository):
        if not says:
            client.delete(repository, DIGEST)
            return
        with pytest.raises(RegistryError, match=says):
            client.delete(repository, DIGEST)


# --- a token server ----------------------------------------------------------------------------------------


def with_token_server(realm: str, token: Any = "t0ken") -> tuple[Answer, list[dict[str, list[str]]]]:
    asked: list[dict[str, list[str]]] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        given = handler.headers.get("Authorization")
        if handler.path.startswith("/token"):
            asked.append(parse_qs(urlsplit(handler.path).query) | {"as": [str(given)]})
            reply(handler, body=json.dumps({"token": token}).encode())
        elif given == f"Bearer {token}":
            reply(handler, body=MANIFEST)
        else:
            where = realm or f"http://{handler.headers['Host']}/token"
            reply(handler, 401, WWW_Authenticate=f'Bearer realm="{where}",service="registry"')

    return answer, asked


def test_an_account_gets_its_token_from_the_token_server() -> None:
    answer, asked = with_token_server("")
    with served(answer) as (client, repository):
        assert client.manifest(repository, "key") == read_manifest(MANIFEST)
    [question] = asked
    assert question["service"] == ["registry"]
    assert question["scope"] == ["repository:binders/a:pull"]
    assert question["as"] == ["Basic d3JpdGVyOnc="]


@pytest.mark.parametrize("token", ["", None, 7, "a\nb", "ü"])
def test_a_token_server_that_gives_no_token_is_an_error_of_ours(token: Any) -> None:
    answer, _ = with_token_server("", token)
    with served(answer) as (client, repository), pytest.raises(RegistryError):
        client.manifest(repository, "key")


def test_a_token_server_that_is_not_there_is_unreachable() -> None:
    answer, _ = with_token_server("https://127.0.0.1:1/token")
    with served(answer) as (client, repository), pytest.raises(RegistryUnreachable):
        client.manifest(repository, "key")


@pytest.mark.parametrize("realm", ["http://192.0.2.1/token", "file:///etc/passwd", "ftp://example.org"])
def test_no_account_is_sent_without_tls(realm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, asked = with_token_server(realm)
    with served(answer) as (client, repository):
        monkeypatch.setattr(client, "_place", parse_place("registry.example.org/binders"))
        monkeypatch.setattr(type(client._place), "url", f"http://{repository.split('/', maxsplit=1)[0]}")
        with pytest.raises(RegistryError, match="does not use https"):
            client.manifest("registry.example.org/binders/a", "key")
    assert asked == []
