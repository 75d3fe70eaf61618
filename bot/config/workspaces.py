"""The settings of the bot's token, or of the workspaces that install it."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from bot.images.names import is_on_loopback
from bot.policy.settings import PolicySettings


class WorkspacesSettings(PolicySettings):
    """In which workspaces the bot is: in one, with one token, or in all that install it."""

    slack_client_id: str = Field(
        default="",
        description="The app's client id, from *Basic Information*. With it, workspaces install the bot at "
        "`PUBLIC_URL/slack/install`, and SLACK_BOT_TOKEN is not used.",
    )
    slack_client_secret: SecretStr | None = Field(
        default=None, description="The app's client secret, from the same page."
    )
    slack_bot_token: SecretStr | None = Field(
        default=None,
        validate_default=True,
        description="The bot's token, `xoxb-…`, from *OAuth & Permissions*. Required, unless workspaces "
        "install the bot (SLACK_CLIENT_ID).",
    )
    public_url: str = Field(
        default="",
        description="The `https://` address at which browsers reach the bot, without a path.",
    )
    lost_workspace_hours: float = Field(
        default=24.0,
        ge=0,
        le=24 * 31,
        description="How long the binders of a workspace that removed the bot stay, in case it is installed "
        "there again.",
    )

    @field_validator("slack_bot_token")
    @classmethod
    def _is_a_bot_token(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None:
            if not info.data.get("slack_client_id"):
                raise PydanticCustomError("missing", "is missing")
            return None
        if not value.get_secret_value().strip():
            raise ValueError("is empty")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_https(cls, value: str) -> str:
        parts = urlsplit(value)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_on_loopback(parts.hostname or ""))
        if value and (not is_safe or not parts.netloc or parts.path.strip("/") or parts.query):
            raise ValueError("must be an https:// address without a path")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _installing_needs_all(self) -> "WorkspacesSettings":
        given = (self.slack_client_id, self.slack_client_secret, self.public_url, self.home_workspace)
        if self.slack_client_id and not all(given):
            raise ValueError("SLACK_CLIENT_ID needs SLACK_CLIENT_SECRET, PUBLIC_URL and HOME_WORKSPACE")
        if self.slack_client_secret and not self.slack_client_id:
            raise ValueError("SLACK_CLIENT_SECRET needs SLACK_CLIENT_ID")
        return self

    @model_validator(mode="after")
    def _bot_token_is_no_other(self) -> "WorkspacesSettings":
        if self.slack_bot_token and self.slack_bot_token.get_secret_value().startswith("xapp-"):
            raise ValueError("SLACK_BOT_TOKEN holds an app-level token (xapp-…); it must begin with xoxb-")
        return self

    @property
    def is_installed_by_workspaces(self) -> bool:
        """Whether workspaces install the bot; otherwise it is in one, with one token."""
        return bool(self.slack_client_id)

    @property
    def workspaces_that_may_install(self) -> frozenset[str]:
        """The home workspace, and those that LAUNCH_FOR names with their organisations."""
        return self.launch_policy.workspaces | {self.home_workspace}
