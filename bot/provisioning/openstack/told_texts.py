"""Texts for the agent in the metadata of a server, where the metadata service shows them to it."""

from contextlib import suppress

from bot.provisioning.agent.instructions import keys_of, pieces_of
from bot.provisioning.openstack.api import Api
from bot.provisioning.openstack.errors import NotThere


class ToldTexts:
    """Writes and removes them.

    Args:
        api: The cloud's API.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def write(self, server: str, name: str, text: str) -> None:
        """Leave a text under a name; raises CloudError."""
        body = {"metadata": pieces_of(name, text)}
        self._api.call("compute", "POST", f"/servers/{server}/metadata", "tell the server", body=body)

    def remove(self, server: str, name: str) -> None:
        """Remove the text of a name, if there is one; raises CloudError."""
        path = f"/servers/{server}/metadata"
        found = self._api.call("compute", "GET", path, "look at what the server was told")
        for key in keys_of(name, found.get("metadata") or {}):
            with suppress(NotThere):
                self._api.call("compute", "DELETE", f"{path}/{key}", "take back what the server was told")
