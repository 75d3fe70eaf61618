"""A metadata service at its true address, which this machine reaches over a link, as an instance does."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bot.provisioning.agent.firewall import METADATA, close_metadata_service

ASK = (
    "python3 -c 'from urllib.request import urlopen; "
    f'print("REACHED", urlopen("http://{METADATA}/", timeout=5).status)\' 2>&1'
)
"""A shell command for a container: prints REACHED where the service answers."""

_NAMESPACE = "binder-metadata"
_RULE = ("DOCKER-USER", "-d", METADATA, "-j", "REJECT")
_NETWORK = f"""
ip netns add {_NAMESPACE}
ip link add metadata0 type veth peer name eth0 netns {_NAMESPACE}
ip addr add 169.254.169.253/32 dev metadata0
ip link set metadata0 up
ip route add {METADATA} dev metadata0
ip -n {_NAMESPACE} addr add {METADATA}/32 dev eth0
ip -n {_NAMESPACE} link set eth0 up
ip -n {_NAMESPACE} route add 169.254.169.253 dev eth0
"""


@contextmanager
def metadata_service() -> Iterator[None]:
    """Somebody who answers at that address; the network of this machine is as before afterwards."""
    _remove_network()
    serve = [sys.executable, "-m", "http.server", "80", "--bind", METADATA]
    try:
        subprocess.run(["sh", "-ec", _NETWORK], check=True, capture_output=True)
        with _started("ip", "netns", "exec", _NAMESPACE, *serve) as server:
            _await_answer(server)
            yield
    finally:
        _remove_network()


@contextmanager
def firewall_kept() -> Iterator[None]:
    """Leave the firewall of this machine as it was."""
    was_closed = open_metadata_service()
    try:
        yield
    finally:
        open_metadata_service()
        if was_closed:
            close_metadata_service()


def open_metadata_service() -> bool:
    """Take back what the agent's firewall did on this machine; whether it had done anything."""
    was_closed = False
    while _succeeds("iptables", "-w", "-D", *_RULE):
        was_closed = True
    return was_closed


@contextmanager
def _started(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def _await_answer(server: subprocess.Popen[bytes]) -> None:
    while not _succeeds("sh", "-c", ASK):
        assert server.poll() is None, "it ended"


def _remove_network() -> None:
    _succeeds("ip", "netns", "del", _NAMESPACE)
    _succeeds("ip", "link", "del", "metadata0")


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
