"""The settings: one typed, documented, validated object. Nothing else reads the environment."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import time
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot import limits
from bot.errors import ConfigError
from bot.limits import Limits
from bot.provisioning.openstack_options import Offer
from bot.reminders import Policy, Quiet

SLACK_API_URL = "https://slack.com/api/"

_PERSON = re.compile(r"[UW][A-Z0-9]+")
_ADMINS_ALONE = "admins"
_WARNING_SHARE = 2 / 3
_MOST_WARNING_SECONDS = 1800.0
_READ_LATER: Mapping[str, Callable[[str], object]] = {
    "notice_minutes": limits.minutes,
    "idle_notice_minutes": limits.minutes,
    "quiet_hours": limits.hours,
    "timezone": limits.zone,
    "size_limits": limits.size_limits,
    "digest": limits.weekly,
}
"""Settings that stay as they are written; each with what reads it, to be refused at once."""


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
    local_python_downloads: bool = Field(
        default=False,
        description="Whether uv may download a version of Python that a repository asks for and that this "
        "host lacks. Otherwise another version stands in, and the launch says so.",
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
    openstack_metadata_prefix: str = Field(
        default="binder-",
        pattern=r"^[A-Za-z0-9_:.-]{0,64}$",
        description="What the keys of an instance's metadata begin with; must stay while there are any.",
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
    size_people: Annotated[Mapping[str, frozenset[str]], NoDecode] = Field(
        default={},
        description="Who may use a size that is not for everybody: `g3.large=U123+U456,m3.xl=admins`. "
        "Admins may use all.",
    )
    max_binders_per_person: int = Field(
        default=5, ge=1, description="How many live binders one person may have."
    )

    token_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="A secret of 32 characters or more from which the tokens of binders' servers are made, "
        "so that `recover` loses no links. Without it they are random.",
    )

    # Time
    lifetime_hours: float = Field(
        default=24.0, gt=0, le=24 * 365, description="How long a binder lives, unless somebody keeps it."
    )
    max_hours: float = Field(
        default=168.0,
        gt=0,
        le=24 * 365,
        description="How long a binder may live at most, from its request on: bounds `--for` and *Keep*.",
    )
    idle_hours: float = Field(
        default=4.0, ge=0, le=24 * 365, description="How long a binder may lie unused; `0` for any time."
    )
    idle_action: Literal["stop", "shelve"] = Field(
        default="stop",
        description="What happens to a binder that lies unused: it ends, or is put away (CLOUD=openstack).",
    )
    notice_minutes: str = Field(
        default="120,15",
        description="How many minutes before the end people are told, separated by commas; empty for never.",
    )
    idle_notice_minutes: str = Field(
        default="15", description="The same before a binder ends that lies unused."
    )
    quiet_hours: str = Field(
        default="",
        description="When nobody is mentioned, as `22:00-07:00` by each owner's own clock, or else in "
        "TIMEZONE: what would be said then is said the evening before, or in the morning.",
    )
    timezone: str = Field(
        default="UTC",
        description="The site's time zone, as `Europe/Berlin`; people's own are asked of Slack.",
    )
    size_limits: str = Field(
        default="",
        description="Other limits for a size, in hours and COST_UNIT: "
        "`g3.large=idle:1+lifetime:8+maximum:24+cost:50,m3.small=idle:0`.",
    )
    max_cost_per_binder: float | None = Field(
        default=None, gt=0, description="What one binder may cost, by the prices of OPENSTACK_SIZES."
    )
    cost_unit: str = Field(
        default="", max_length=20, description="In what prices are counted, as `SU` or `EUR`."
    )
    digest: str = Field(
        default="",
        description="When each channel is told what lives there, as `monday 09:00` in TIMEZONE; "
        "empty for never.",
    )
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
    shelved_days: float = Field(default=7.0, gt=0, description="How long a binder that was put away is kept.")
    failed_minutes: float = Field(
        default=10.0,
        ge=0,
        description="How long the instance of a failed build waits for its owner to press *Keep it*, where "
        "OPENSTACK_KEY_PAIR lets somebody log in; `0` removes it at once.",
    )
    keep_failed_hours: float = Field(
        default=2.0, gt=0, description="For how long *Keep it* keeps the instance of a failed build."
    )
    save_expired: bool = Field(
        default=True,
        description="Save what was changed in a binder to its thread before it ends by itself.",
    )
    look_seconds: float = Field(
        default=120.0, gt=0, description="How often a ready server is asked whether somebody uses it."
    )
    lease_seconds: float = Field(
        default=60.0,
        ge=3,
        description="After how long another replica goes on with the work of one that died.",
    )
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

    @field_validator("size_people", mode="before")
    @classmethod
    def _read_people(cls, value: Any) -> Any:
        return (
            dict(_people(each) for each in value.split(",") if each.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator(*_READ_LATER)
    @classmethod
    def _can_be_read(cls, value: str, info: ValidationInfo) -> str:
        if value or info.field_name == "timezone":
            _READ_LATER[str(info.field_name)](value)
        return value

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

    @model_validator(mode="after")
    def _sizes_of_people_are_offered(self) -> "Settings":
        self._require_offered("SIZE_PEOPLE", self.size_people)
        return self

    @property
    def key_to_tokens(self) -> str | None:
        """TOKEN_KEY itself; a secret."""
        return self.token_key.get_secret_value() if self.token_key else None

    @model_validator(mode="after")
    def _limits_agree(self) -> "Settings":
        if self.lifetime_hours > self.max_hours:
            raise ValueError("LIFETIME_HOURS is more than MAX_HOURS")
        if self.cloud == "openstack":
            self._require_offered("SIZE_LIMITS", limits.size_limits(self.size_limits))
        return self

    def _require_offered(self, setting: str, sizes: Iterable[str]) -> None:
        offered = [offer.key for offer in self.openstack_sizes]
        unknown = [key for key in sizes if key not in offered]
        if unknown:
            there = f"OPENSTACK_SIZES has {', '.join(offered) or 'none'}"
            raise ValueError(f"{setting} names {', '.join(unknown)}, which is no size: {there}")

    def limits_of(self, size: str) -> Limits:
        """What a binder of that size may have."""
        site = Limits(self.idle_hours, self.lifetime_hours, self.max_hours, self.max_cost_per_binder)
        return site.but(limits.size_limits(self.size_limits).get(size, {}))

    @cached_property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return limits.zone(self.timezone)

    @cached_property
    def policy(self) -> Policy:
        """How people are warned before a binder ends."""
        leads, idle_leads = limits.minutes(self.notice_minutes), limits.minutes(self.idle_notice_minutes)
        quiet = Quiet(*limits.hours(self.quiet_hours), self.zone) if self.quiet_hours else None
        # Less than the shortest lead: a notice that Slack takes a moment late moves nothing.
        warning = min((*leads, *idle_leads), default=0) * _WARNING_SHARE
        return Policy(leads, idle_leads, warning=min(warning, _MOST_WARNING_SECONDS), quiet=quiet)

    @cached_property
    def weekly_digest(self) -> tuple[int, time] | None:
        """The weekday (Monday is 0) and the time of the digest; None where nobody wants one."""
        return limits.weekly(self.digest) if self.digest else None

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


def _people(text: str) -> tuple[str, frozenset[str]]:
    """Read who may use one size: `size=person+person`, or `size=admins`."""
    key, _, people = (part.strip() for part in text.partition("="))
    names = {name.strip() for name in people.split("+")} - {_ADMINS_ALONE}
    if not people or not all(_PERSON.fullmatch(name) for name in names):
        raise ValueError("each must be a size, `=`, and Slack user ids joined by `+`, or `admins`")
    return key, frozenset(names)


def _problem(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return str(message)
    name = str(error["loc"][0]).upper()
    return f"{name} is missing" if error["type"] == "missing" else f"{name}: {message}"
