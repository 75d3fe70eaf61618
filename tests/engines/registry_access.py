"""Rights in the registry of the tests, minted as a bot would, and registries that misbehave."""

import base64
import http.client
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import jwt
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def registry_host() -> str:
    return os.environ["ENGINES_REGISTRY"]


def token(name: str, *actions: str, seconds: float = 600.0) -> str:
    """A right to one repository of the registry, for some time."""
    key = Path(os.environ["ENGINES_REGISTRY_KEY"]).read_text()
    certificate = Path(os.environ["ENGINES_REGISTRY_CERTIFICATE"]).read_bytes()
    signer = base64.b64encode(x509.load_pem_x509_certificate(certificate).public_bytes(Encoding.DER))
    now = int(time.time())
    claims = {
        "iss": "binder-bot",
        "aud": "binder-bot",
        "nbf": now - 10,
        "exp": now + int(seconds),
        "jti": uuid.uuid4().hex,
        "access": [{"type": "repository", "name": name, "actions": list(actions)}],
    }
    return jwt.encode(claims, key, algorithm="ES256", headers={"x5c": [signer.decode()]})


def digest_of(name: str, tag: str) -> str | None:
    """The digest of an image in the registry; None where it is not there."""
    answer = requests.head(
        f"http://{registry_host()}/v2/{name}/manifests/{tag}",
        headers={"Authorization": f"Bearer {token(name, 'pull')}", "Accept": MANIFEST},
        timeout=10,
    )
    return answer.headers["Docker-Content-Digest"] if answer.ok else None


Answer = Callable[["_Proxied", bytes], None]
"""How a registry that misbehaves sends the content that the true one has."""


def truncated(request: "_Proxied", content: bytes) -> None:
    """Send the half of a layer, and close the connection."""
    is_layer = "/blobs/" in request.path and len(content) > 1_000
    request.wfile.write(content[: len(content) // 2] if is_layer else content)
    request.close_connection = True


def silent(request: "_Proxied", _: bytes) -> None:
    """Send nothing until the other side goes away."""
    while request.rfile.read(1):
        pass


@contextmanager
def misbehaving(answer: Answer) -> Iterator[str]:
    """A registry that has all that the true one has, and sends it in its own way; gives its host."""
    handler = type("Misbehaving", (_Proxied,), {"answer": staticmethod(answer)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Proxied(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: ClassVar[Answer]

    def do_GET(self) -> None:
        status, headers, content = self._ask()
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in {"date", "server", "connection", "transfer-encoding"}:
                self.send_header(name, value)
        self.end_headers()
        if self.command == "GET" and status == http.client.OK:
            type(self).answer(self, content)
        else:
            self.wfile.write(content)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _ask(self) -> tuple[int, Mapping[str, str], bytes]:
        connection = http.client.HTTPConnection(registry_host(), timeout=30)
        try:
            asked = {
                name: value for name, value in self.headers.items() if name.lower() not in {"host", "range"}
            }
            connection.request(self.command, self.path, headers=asked)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def log_message(self, *_: object) -> None:
        pass
