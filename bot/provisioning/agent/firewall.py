"""Keeping containers from the cloud's metadata service.

The service shows the user data, with the server's token in it, and on some clouds credentials. The machine
itself still reaches it.
"""

from __future__ import annotations

from contextlib import suppress

from bot.provisioning.agent.commands import capture, succeeds
from bot.provisioning.agent.failures import CommandFailed, Failure, FailureCode

METADATA = "169.254.169.254"


def close_metadata_service() -> None:
    """Keep containers from it, by the first tool that this machine has, and verify that.

    Raises:
        Failure: None of them worked.
    """
    for close in (_close_by_iptables, _close_by_nft, _close_by_routing):
        with suppress(CommandFailed):
            if close():
                return
    raise Failure(
        "The instance cannot keep containers from its metadata service.",
        FailureCode.NO_FIREWALL,
        "An admin can choose an image of Ubuntu or Debian, which has iptables or nft.",
    )


def _close_by_iptables() -> bool:
    # Docker keeps what it finds in DOCKER-USER: the rule may be there before Docker is, at each boot it is.
    succeeds("iptables", "-w", "-N", "DOCKER-USER")
    rules = (("FORWARD", "-j", "DOCKER-USER"), ("DOCKER-USER", "-d", METADATA, "-j", "REJECT"))
    for rule in rules:
        if not succeeds("iptables", "-w", "-C", *rule):
            capture("iptables", "-w", "-I", *rule)
    return all(succeeds("iptables", "-w", "-C", *rule) for rule in rules)


def _close_by_nft() -> bool:
    capture("nft", "-f", "-", given=_NFT_TABLE)
    return METADATA in capture("nft", "list", "chain", "ip", "binder_bot", "forward")


# The first two lines make it the same however often it is loaded.
_NFT_TABLE = f"""\
add table ip binder_bot
delete table ip binder_bot
table ip binder_bot {{
    chain forward {{
        type filter hook forward priority -1; policy accept;
        ip daddr {METADATA} reject
    }}
}}
"""


def _close_by_routing() -> bool:
    if not _is_routed_away():
        capture("ip", "rule", "add", "priority", "100", "iif", "docker0", "to", METADATA, "prohibit")
    return _is_routed_away()


def _is_routed_away() -> bool:
    rules = capture("ip", "rule", "show").splitlines()
    return any(METADATA in rule and "iif docker0" in rule and "prohibit" in rule for rule in rules)
