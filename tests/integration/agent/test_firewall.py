"""Containers are kept from the metadata service: real packets, in network namespaces of the test's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.provisioning.agent_archive import archive

NAMESPACES = ["unshare", "--net", "--mount"]
# A bridge with a container at it, a metadata service behind another link, and the machine between them.
NETWORK = """
set -e
mount -t tmpfs none /run
mkdir /run/netns
ip link set lo up
ip netns add container
ip netns add service
ip link add docker0 type bridge
ip addr add 172.17.0.1/16 dev docker0
ip link set docker0 up
ip link add one type veth peer name eth0 netns container
ip link set one master docker0 up
ip -n container addr add 172.17.0.2/16 dev eth0
ip -n container link set eth0 up
ip -n container route add default via 172.17.0.1
ip link add two type veth peer name eth0 netns service
ip link set two up
ip addr add 10.9.0.1/24 dev two
ip route add 169.254.169.254 dev two
ip -n service addr add 169.254.169.254/32 dev eth0
ip -n service addr add 10.9.0.2/24 dev eth0
ip -n service link set eth0 up
ip -n service route add default via 10.9.0.1
echo 1 > /proc/sys/net/ipv4/ip_forward
"""
TRIAL = """
import socket, subprocess, sys

ASK = "import socket; socket.create_connection(('169.254.169.254', 80), timeout=5)"

def reached(*prefix):
    return subprocess.run([*prefix, sys.executable, "-c", ASK], stderr=subprocess.DEVNULL).returncode == 0

serve = "import socket; s = socket.create_server(('169.254.169.254', 80)); print(flush=True); input()"
service = subprocess.Popen(
    ["ip", "netns", "exec", "service", sys.executable, "-c", serve],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
)
service.stdout.readline()
container = ("ip", "netns", "exec", "container")
before = reached(*container)
for _ in range(2):
    subprocess.run([sys.executable, sys.argv[1], "--firewall"], env={"PATH": sys.argv[2]}, check=True)
print(before, reached(*container), reached())
service.communicate()
"""


def can_have_namespaces() -> bool:
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip"))):
        return False
    tried = subprocess.run([*NAMESPACES, "sh", "-c", NETWORK], capture_output=True, check=False)
    return tried.returncode == 0


@pytest.mark.skipif(not can_have_namespaces(), reason="needs root and network namespaces")
@pytest.mark.parametrize("tool", [name for name in ("iptables", "nft", "ip") if shutil.which(name)])
def test_a_container_does_not_reach_the_metadata_service_and_the_machine_does(
    tmp_path: Path, tool: str
) -> None:
    found = shutil.which(tool)
    assert found is not None
    (tmp_path / tool).symlink_to(found)
    agent = tmp_path / "agent.pyz"
    agent.write_bytes(archive())
    script = f'{NETWORK}\nexec "$@"'

    trial = subprocess.run(
        [*NAMESPACES, "sh", "-c", script, "sh", sys.executable, "-c", TRIAL, agent, tmp_path],
        capture_output=True,
        check=False,
        text=True,
    )

    assert trial.stdout.split() == ["True", "False", "True"], trial.stderr
