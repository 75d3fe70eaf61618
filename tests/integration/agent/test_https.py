"""A real Caddy, with the agent's configuration, gets its certificates from a real ACME server (Pebble)."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bot.jupyter.client import JupyterServer
from bot.provisioning.agent.https import write
from bot.provisioning.agent.settings import HttpsSettings
from tests.fakes.http import Script, like_jupyter, scripted_server
from tests.fakes.waiting import eventually, free_port

PROGRAMS = ("caddy", "pebble", "pebble-challtestsrv")
LACKING = [each for each in PROGRAMS if shutil.which(each) is None]
NAME = "127-0-0-1.binder.test"

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(bool(LACKING), reason=f"not installed: {', '.join(LACKING)} (apt-get install)"),
]


@contextmanager
def process(*command: str, **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how)
    try:
        yield started
    finally:
        started.terminate()
        started.wait()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """The certificate of an ACME server on loopback, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme")])
    address = x509.IPAddress(ip_address("127.0.0.1"))
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = (
        builder.not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "acme.pem", folder / "acme.key"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, secret


@dataclass
class Authority:
    """A running ACME server."""

    directory: str
    roots: Path


@pytest.fixture
def jupyter() -> Iterator[Script]:
    with scripted_server() as script:
        like_jupyter(script)
        yield script


@pytest.fixture
def tls_port() -> int:
    return free_port()


@pytest.fixture
def authority(tmp_path: Path, tls_port: int) -> Iterator[Authority]:
    """It looks all names up as loopback, and tries them on the port of TLS."""
    certificate, key = self_signed(tmp_path)
    acme, management, names, settings = (free_port() for _ in range(4))
    config = {
        "listenAddress": f"127.0.0.1:{acme}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(certificate),
        "privateKey": str(key),
        "httpPort": free_port(),
        "tlsPort": tls_port,
    }
    file = tmp_path / "pebble.json"
    file.write_text(json.dumps({"pebble": config}))
    resolver = f"127.0.0.1:{names}"
    nothing = [
        word for each in ("http01", "https01", "tlsalpn01", "defaultIPv6") for word in (f"-{each}", "")
    ]
    with ExitStack() as stack:
        stack.enter_context(
            process(
                *("pebble-challtestsrv", "-dns01", resolver, "-management", f"127.0.0.1:{settings}"), *nothing
            )
        )
        environment = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
        command = ("pebble", "-config", str(file), "-dnsserver", resolver)
        stack.enter_context(process(*command, env=environment))
        session = stack.enter_context(requests.Session())
        session.trust_env, session.verify = False, str(certificate)
        root = f"https://127.0.0.1:{management}/roots/0"
        eventually(lambda: _answers(session, root))
        roots = tmp_path / "roots.pem"
        roots.write_text(certificate.read_text() + session.get(root, timeout=5).text)
        yield Authority(f"https://127.0.0.1:{acme}/dir", roots)


def _answers(session: requests.Session, url: str) -> bool:
    try:
        return session.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def everything_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look the names of the test up as loopback."""
    ask = socket.getaddrinfo

    def answer(host: str, *more: Any, **how: Any) -> Any:
        return ask("127.0.0.1" if host.endswith(".test") else host, *more, **how)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.usefixtures("everything_is_here")
def test_the_server_is_reached_by_https_with_a_certificate_that_the_bot_verifies(
    tmp_path: Path, jupyter: Script, authority: Authority, tls_port: int
) -> None:
    https = HttpsSettings(
        "binder.test", authority.directory, authority.roots.read_text(), tls_port, free_port()
    )
    folder = tmp_path / "caddy"
    server_port = int(jupyter.url.rpartition(":")[2])
    assert write(https, server_port, folder)
    assert not write(https, server_port, folder), "the same as before: nothing has to be started again"
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    command = ("caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile")
    with process(*command, env=home):
        with opened(NAME, tls_port, authority.roots) as server:
            eventually(server.is_alive)
            assert server.answers("lab")
        assert jupyter.asked[-1] == ("/lab", "token s3cret")
        with opened(NAME, tls_port, None) as server:
            assert not server.is_alive(), "nobody vouches for this authority"
        before = len(jupyter.asked)
        for name in ("evil.binder.test", "127-0-0-1.other.test", "127-0-0-1.binder.test.test"):
            with opened(name, tls_port, authority.roots) as server:
                assert not server.is_alive(), name
        assert len(jupyter.asked) == before


@contextmanager
def opened(name: str, port: int, roots: Path | None) -> Iterator[JupyterServer]:
    where = str(roots) if roots else None
    with closing(JupyterServer(f"https://{name}:{port}", "s3cret", roots=where)) as server:
        yield server


@pytest.mark.parametrize("domain", ["sslip", "ex ample.org", "a.b\n}", "a.b{x}", "*.example.org", "A.b"])
def test_a_domain_is_one(domain: str) -> None:
    with pytest.raises(ValueError, match="domain"):
        HttpsSettings(domain, "https://acme.example.org/dir")


@pytest.mark.parametrize(
    "directory", ["http://acme.example.org", "https://a/ b", "https://a\n}", "https://{x}"]
)
def test_a_directory_is_a_url(directory: str) -> None:
    with pytest.raises(ValueError, match="directory"):
        HttpsSettings("sslip.io", directory)
