"""The settings of a bot that several workspaces install."""

from pydantic import Field, model_validator

from bot.config.slack import SlackSettings
from bot.policy.settings import PolicySettings


class WorkspacesSettings(SlackSettings, PolicySettings):
    """In which workspaces the bot is: in one, with one token, or in all that install it."""

    lost_workspace_hours: float = Field(
        default=24.0,
        ge=0,
        le=24 * 31,
        description="How long the binders of a workspace that removed the bot stay, in case it is installed "
        "there again.",
    )

    @model_validator(mode="after")
    def _installing_needs_all(self) -> "WorkspacesSettings":
        given = (self.slack_client_id, self.slack_client_secret, self.public_url, self.home_workspace)
        if self.slack_client_id and not all(given):
            raise ValueError("SLACK_CLIENT_ID needs SLACK_CLIENT_SECRET, PUBLIC_URL and HOME_WORKSPACE")
        if self.slack_client_id and self.slack_app_token:
            raise ValueError("SLACK_CLIENT_ID needs SLACK_SIGNING_SECRET in the place of SLACK_APP_TOKEN")
        if self.slack_client_secret and not self.slack_client_id:
            raise ValueError("SLACK_CLIENT_SECRET needs SLACK_CLIENT_ID")
        return self

    @property
    def is_installed_by_workspaces(self) -> bool:
        """Whether workspaces install the bot; otherwise it is in one, with one token."""
        return bool(self.slack_client_id)

    @property
    def workspaces_that_may_install(self) -> frozenset[str]:
        """The home workspace, and those that LAUNCH_FOR names with their organisations."""
        return self.launch_policy.workspaces | {self.home_workspace}
