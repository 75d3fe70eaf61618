"""The settings: one typed, documented, validated object. Nothing else reads the environment."""

import re
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import ConfigError
from bot.provisioning.openstack_options import Offer

SLACK_API_URL = "https://slack.com/api/"


class Settings(BaseSettings):
    """Everything that an operator can set, each by the environment variable of its name.

    Times end in `_HOURS`, `_MINUTES` or `_SECONDS`, which is their unit.
    """

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", case_sensitive=False, hide_input_in_errors=True
    )

    # Slack
    slack_bot_token: SecretStr = Field(description="The bot's token, `xoxb-…`, from *OAuth & Permissions*.")
    slack_app_token: SecretStr = Field(
        description="The app-level token, `xapp-…`, with the scope `connections:write`."
    )
    slack_api_url: str = Field(
        default=SLACK_API_URL, description="The root of the Web API; Socket Mode is found through it."
    )

    # Store
    database_url: str = Field(
        default="sqlite:///binder-bot.sqlite3",
        description="SQLite for one process; `postgresql://…` for many.",
    )

    # Cloud
    cloud: Literal["local", "openstack"] = Field(
        default="local", description="Where instances live: the bot's own host, or an OpenStack cloud."
    )
    local_root: Path = Field(
        default=Path("binder-bot-instances"),
        description="Where the local cloud keeps instances and built environments.",
    )
    local_engine: Literal["auto", "docker", "podman", "none"] = Field(
        default="auto", description="The container engine of the local cloud; `none` builds with uv instead."
    )
    local_public_url: str = Field(
        default="http://127.0.0.1:{port}",
        description="How people reach a port of this host; `{port}` is filled in.",
    )
    local_unisolated_ok: bool = Field(
        default=False,
        description="Let others than a workspace on this machine run code here without a container engine. "
        "It isolates nothing: whoever may type `/binder` then runs programs as the bot's user.",
    )
    deployment: str = Field(
        default="binder-bot",
        pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$",
        description="Marks all that is this bot's own in an OpenStack project: two bots there need two.",
    )
    openstack_image: str = Field(
        default="", description="Name or id of the image that instances boot from; of several the newest."
    )
    openstack_sizes: Annotated[tuple[Offer, ...], NoDecode] = Field(
        default=(),
        description="What people may choose, separated by commas, the default first: each is `flavor`, "
        "`flavor:label` or `flavor:label:price per hour`.",
    )
    openstack_network: str = Field(
        default="auto_allocated_network",
        description="Name or id of the network that instances are attached to.",
    )
    openstack_external_network: str = Field(
        default="public", description="Name or id of the network that floating IPs come from."
    )
    openstack_security_group: str | None = Field(
        default=None, description="The security group of all instances; one is made where none is named."
    )
    openstack_key_pair: str | None = Field(
        default=None,
        description="The key pair whose owner may log in to instances; nobody where none is named.",
    )
    openstack_boot_volume_gb: int | None = Field(
        default=None, ge=1, description="Boot from a volume of so many GB, deleted with its instance."
    )
    openstack_availability_zone: str | None = Field(
        default=None, description="Where instances are made; the cloud's choice where none is named."
    )
    openstack_public_url: str = Field(
        default="http://{address}:{port}",
        description="How people reach a port of an instance. Jetstream2's proxy is "
        "`https://http-{dashed}-{port}.proxy-js2-iu.exosphere.app`.",
    )
    allow_private_repositories: bool = Field(
        default=False,
        description="Let repositories lie on private or loopback addresses (on-premise git hosts).",
    )

    # People
    admins: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(), description="Slack user ids, separated by commas, who may stop any binder."
    )
    admin_channel: str | None = Field(
        default=None, description="The channel id that is told when the cloud does not answer."
    )
    max_binders_per_person: int = Field(
        default=5, ge=1, description="How many live binders one person may have."
    )

    # Time
    lifetime_hours: float = Field(default=24.0, gt=0, le=24 * 365, description="How long a binder lives.")
    build_timeout_minutes: float = Field(
        default=45.0, gt=0, description="How long building may take before it counts as failed."
    )
    boot_timeout_minutes: float = Field(
        default=15.0, gt=0, description="How long an instance may take until it first reports."
    )
    capacity_timeout_minutes: float = Field(
        default=60.0, gt=0, description="How long a launch waits for room in the cloud."
    )
    unreachable_alert_minutes: float = Field(
        default=10.0, gt=0, description="How long the cloud may be silent before ADMIN_CHANNEL is told."
    )
    tick_seconds: float = Field(default=0.5, gt=0, le=60, description="How often due work is looked for.")
    ready_poll_seconds: float = Field(
        default=30.0, gt=0, description="How often a ready binder is looked at."
    )

    # Operation
    workers: int = Field(default=8, ge=1, le=64, description="How many binders are worked on at once.")
    health_port: int | None = Field(
        default=None, ge=0, le=65535, description="Serve `/healthz` and `/readyz` on this port of loopback."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="What is logged, to standard error."
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="For people, or one JSON object a line for machines."
    )

    @field_validator("admins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [each for each in re.split(r"[,\s]+", value) if each] if isinstance(value, str) else value

    @field_validator("openstack_sizes", mode="before")
    @classmethod
    def _read_offers(cls, value: Any) -> Any:
        return (
            tuple(_offer(each) for each in value.split(",") if each.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("slack_bot_token", "slack_app_token")
    @classmethod
    def _not_empty(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().strip():
            raise ValueError("is empty")
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("is no http(s) URL")
        return value.rstrip("/") + "/"

    @field_validator("local_public_url")
    @classmethod
    def _has_port(cls, value: str) -> str:
        if "{port}" not in value:
            raise ValueError("must hold {port}")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _tokens_are_not_swapped(self) -> "Settings":
        if self.slack_bot_token.get_secret_value().startswith("xapp-"):
            raise ValueError("SLACK_BOT_TOKEN holds an app-level token (xapp-…); the bot's starts with xoxb-")
        if self.slack_app_token.get_secret_value().startswith(("xoxb-", "xoxp-")):
            raise ValueError("SLACK_APP_TOKEN holds a bot or user token; an app-level one starts with xapp-")
        return self

    @model_validator(mode="after")
    def _openstack_is_complete(self) -> "Settings":
        if self.cloud == "openstack":
            missing = [name for name in ("openstack_image", "openstack_sizes") if not getattr(self, name)]
            if missing:
                raise ValueError(f"CLOUD is openstack, so {' and '.join(missing).upper()} must be set")
        return self

    @cached_property
    def workspace_is_local(self) -> bool:
        """Whether the Slack-compatible server is on this machine, and so used by nobody else."""
        host = urlsplit(self.slack_api_url).hostname or ""
        if host == "localhost":
            return True
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return False


def load(**overrides: Any) -> Settings:
    """Read the settings from the environment (and `.env`).

    Raises:
        ConfigError: Names each variable that is missing or wrong, and never shows a value.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        problems = "; ".join(_problem(each) for each in error.errors(include_input=False, include_url=False))
        raise ConfigError(f"The settings are not complete: {problems}.") from error


def _offer(text: str) -> Offer:
    """Read one size: `flavor`, `flavor:label` or `flavor:label:price`."""
    flavor, label, price = [*(part.strip() for part in text.split(":", 2)), "", ""][:3]
    try:
        return Offer(flavor, flavor, label or flavor, float(price or 0))
    except ValueError as error:
        raise ValueError("a price per hour is no number") from error


def _problem(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return str(message)
    name = str(error["loc"][0]).upper()
    return f"{name} is missing" if error["type"] == "missing" else f"{name}: {message}"
