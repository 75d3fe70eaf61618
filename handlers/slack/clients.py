"""Which client of Slack's Web API speaks for which workspace."""

from typing import Protocol

from slack_sdk import WebClient

HOME = ""
"""Stands for the workspace of the people who run the bot: that of its admins, and of channels in settings."""


class InstalledClient(WebClient):
    """Slack's Web API with the token of an installation.

    Attributes:
        installation_id: Of the workspace or organisation.
        version: Of its token.
    """

    installation_id = ""
    version = 0


class Clients(Protocol):
    """Finds the client of a workspace."""

    def of(self, team_id: str) -> WebClient:
        """The client that speaks for a workspace; without retry handlers, which would post twice.

        Args:
            team_id: The workspace of the row that is spoken of, or `HOME`.

        Raises:
            WorkspaceLost: The bot is not installed there, or not any more.
        """


class OneWorkspace:
    """One token speaks for all: the bot is in one workspace.

    Args:
        client: Slack's Web API with that token.
    """

    def __init__(self, client: WebClient) -> None:
        self._client = client

    def of(self, _team_id: str) -> WebClient:
        """The one client, whatever a row says: rows of people of other workspaces are served by it, too."""
        return self._client
