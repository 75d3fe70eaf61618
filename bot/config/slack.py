"""The settings of the Slack app: its tokens, and how Slack's requests come in."""

from ipaddress import IPv4Address
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyAddress, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings

from bot.images.names import is_on_loopback

SLACK_API_URL = "https://slack.com/api/"
EVENTS_PATH = "/slack/events"
"""Where below PUBLIC_URL Slack sends commands, interactions and events."""
INSTALL_PATH, REDIRECT_PATH = "/slack/install", "/slack/oauth_redirect"
"""Where below PUBLIC_URL people install the bot, and where Slack sends their browsers back."""


class SlackSettings(BaseSettings):
    """What an operator takes from the pages of the Slack app, and where Slack reaches the bot."""

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
    slack_app_token: SecretStr | None = Field(
        default=None,
        description="The app-level token, `xapp-…`, with the scope `connections:write`. With it, the bot "
        "connects to Slack (Socket Mode), and nothing has to reach the bot.",
    )
    slack_signing_secret: SecretStr | None = Field(
        default=None,
        description="The signing secret, from *Basic Information*. With it, instead of SLACK_APP_TOKEN, "
        "Slack sends its requests to PUBLIC_URL (HTTP mode).",
    )
    public_url: str = Field(
        default="",
        description="The https:// address at which Slack reaches the bot in HTTP mode, such as "
        "`https://binder-bot.example.org`. A reverse proxy passes it on to HTTP_PORT.",
    )
    http_port: int = Field(
        default=3000, ge=0, le=65535, description="The port on which the bot listens in HTTP mode."
    )
    http_address: IPvAnyAddress = Field(
        default=IPv4Address("127.0.0.1"),
        description="On which address of this machine. `0.0.0.0` is for a container, whose network decides "
        "who reaches it.",
    )
    slack_api_url: str = Field(
        default=SLACK_API_URL, description="The root of Slack's Web API. Socket Mode is found through it."
    )

    @field_validator("slack_bot_token")
    @classmethod
    def _is_there(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None and not info.data.get("slack_client_id"):
            raise PydanticCustomError("missing", "is missing")
        return value

    @field_validator("slack_bot_token", "slack_app_token", "slack_signing_secret", "slack_client_secret")
    @classmethod
    def _not_empty(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().strip():
            raise ValueError("is empty")
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("must be an http:// or https:// URL")
        return value.rstrip("/") + "/"

    @field_validator("public_url")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (
            parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment
        ):
            raise ValueError("must be an https:// address")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _tokens_are_not_swapped(self) -> "SlackSettings":
        if self.slack_bot_token and self.slack_bot_token.get_secret_value().startswith("xapp-"):
            raise ValueError("SLACK_BOT_TOKEN holds an app-level token (xapp-…); it must begin with xoxb-")
        if self.slack_app_token and self.slack_app_token.get_secret_value().startswith(("xoxb-", "xoxp-")):
            raise ValueError("SLACK_APP_TOKEN holds a bot or user token; it must begin with xapp-")
        return self

    @model_validator(mode="after")
    def _has_one_way_in(self) -> "SlackSettings":
        if self.slack_app_token and self.slack_signing_secret:
            raise ValueError("SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both set: keep one of them")
        if not self.slack_app_token and not self.slack_signing_secret:
            raise ValueError(
                "SLACK_APP_TOKEN is missing (or SLACK_SIGNING_SECRET, if Slack should send its requests to "
                "PUBLIC_URL)"
            )
        return self

    @property
    def key_to_requests(self) -> str | None:
        """SLACK_SIGNING_SECRET itself; a secret. None in Socket Mode."""
        return self.slack_signing_secret.get_secret_value() if self.slack_signing_secret else None

    @property
    def workspace_is_local(self) -> bool:
        """Whether Slack is a stand-in on this machine, which nobody else can reach."""
        return is_on_loopback(urlsplit(self.slack_api_url).hostname or "")
