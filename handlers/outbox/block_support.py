"""Which workspaces take Slack's newer blocks: found out by sending them, and remembered for a while.

Slack does not tell which blocks a workspace takes. A server that does not know one refuses the whole message
(`invalid_blocks`). Then the same is said with classic blocks, and newer ones are not tried there for a day.
"""

from collections.abc import Callable
from typing import TypeVar

import structlog

from handlers.slack.calls import Rejected

log = structlog.get_logger(__name__)

REFUSED_SECONDS = 24 * 3600.0
"""How long a refusal is remembered, by this process: after that, the server may have learned them."""
_REFUSALS = frozenset({"invalid_blocks", "invalid_blocks_format"})

Sent = TypeVar("Sent")


class BlockSupport:
    """The workspaces that refused newer blocks lately.

    Args:
        are_tried: Whether newer blocks are sent at all.
    """

    def __init__(self, *, are_tried: bool = True) -> None:
        self._are_tried = are_tried
        self._until: dict[str, float] = {}

    def send(self, team_id: str, now: float, send: Callable[..., Sent]) -> Sent:
        """Send a message with newer blocks where they are taken, else with classic ones.

        Args:
            team_id: The workspace.
            now: Unix seconds, UTC.
            send: Sends it; takes `newer_blocks`, whether it may hold them.

        Raises:
            DeliveryError: It was not sent, or nobody knows.
        """
        if not self._are_tried or now < self._until.get(team_id, 0.0):
            return send(newer_blocks=False)
        try:
            return send(newer_blocks=True)
        except Rejected as error:
            if error.code not in _REFUSALS:
                raise
            log.warning("newer_blocks_refused", team=team_id, error=error.code)
            self._until[team_id] = now + REFUSED_SECONDS
        return send(newer_blocks=False)
