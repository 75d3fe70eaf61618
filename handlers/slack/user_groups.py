"""The user groups of a workspace, for the fields in which they are chosen."""

from collections.abc import Mapping

from handlers.slack.clients import Clients


def handles(clients: Clients, team_id: str) -> Mapping[str, str]:
    """Ask Slack for the handles of all groups of a workspace, without `@`, by their ids.

    Raises:
        SlackClientError: Slack refused, or failed.
        WorkspaceLost: The bot is not in that workspace.
    """
    groups = clients.of(team_id).usergroups_list(include_disabled=False).get("usergroups") or []
    return {str(each["id"]): str(each["handle"]) for each in groups}
