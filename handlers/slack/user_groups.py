"""The user groups of the workspace, for the fields in which they are chosen."""

from collections.abc import Mapping

from slack_sdk import WebClient


def handles(client: WebClient, _key: str = "") -> Mapping[str, str]:
    """Ask Slack for the handles of all groups, without `@`, by their ids.

    Raises:
        SlackClientError: Slack refused, or failed.
    """
    groups = client.usergroups_list(include_disabled=False).get("usergroups") or []
    return {str(each["id"]): str(each["handle"]) for each in groups}
