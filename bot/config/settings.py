"""The settings: one typed, documented, validated object. Those of each cloud are in the cloud's folder."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import time
from functools import cached_property
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    Field,
    IPvAnyAddress,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode, SettingsConfigDict

from bot.access.settings import AccessSettings
from bot.binders.deadlines import QuietHours, WarningPolicy
from bot.config import limits
from bot.config.featured import Featured, featured
from bot.config.limits import Limits
from bot.config.workspaces import WorkspacesSettings
from bot.errors import ConfigError
from bot.images.settings import ImageSettings
from bot.provisioning.registry import FACTORIES, CloudsSettings
from bot.times import calendar, zones

_LEAST_KEY_LENGTH = 32
_WARNING_SHARE = 2 / 3
_MOST_WARNING_SECONDS = 1800.0
_READ_LATER: Mapping[str, Callable[[str], object]] = {
    "notice_minutes": limits.minutes,
    "idle_notice_minutes": limits.minutes,
    "quiet_hours": calendar.hours,
    "timezone": zones.zone,
    "size_limits": limits.size_limits,
    "digest": calendar.weekly,
    "featured": featured,
    "warm_hours": calendar.weekly_hours,
}
"""Settings that are kept as text, each with what reads it: it is called at the start, to find mistakes."""


class Settings(WorkspacesSettings, CloudsSettings, ImageSettings, AccessSettings):
    """Everything that an operator can set. Each field is the environment variable of its name.

    The name of a duration ends in its unit: `_DAYS`, `_HOURS`, `_MINUTES` or `_SECONDS`.
    """

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", case_sensitive=False, hide_input_in_errors=True
    )

    # Storage
    database_url: str = Field(
        default="sqlite:///binder-bot.sqlite3",
        description="The database: SQLite for one process, `postgresql://…` for several.",
    )
    token_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="A secret of at least 32 characters. The tokens of binders' servers are made from it, so "
        "that `recover` can make them again. Without it they are random.",
    )

    secret_key: SecretStr | None = Field(
        default=None,
        description="The key that encrypts the secrets in the database: at least 32 random characters. "
        "Several are separated by commas: the first one encrypts, and all of them decrypt. The bot does not "
        "start without one, except with a workspace on this machine.",
    )

    # Repositories
    allow_private_repositories: bool = Field(
        default=False,
        description="Allow repositories on private and loopback addresses, such as an on-premise git host.",
    )

    # Launch links
    link_host: str = Field(
        default="",
        description="The address of this site's launch links, such as `https://binder.example.org`. Its host "
        "must be among the `unfurl_domains` of `manifest.yml`. Without it there are no launch links.",
    )
    unfurl_mybinder: bool = Field(
        default=False,
        description="Offer *Launch* under each mybinder.org link that is posted where the bot is.",
    )

    # People
    admins: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(),
        description="The Slack user ids of the admins, separated by commas. They see every binder of their "
        "workspace, and may do what its owner may.",
    )
    admin_channel: str | None = Field(
        default=None, description="The id of the channel that is told when the cloud does not answer."
    )
    help_channel: str | None = Field(
        default=None,
        pattern=r"^[CG][A-Z0-9]+$",
        description="The id of the channel in which people help. Failed launches offer *Ask for help*, which "
        "posts the failure and its log there.",
    )
    logs_for: Literal["shared", "everybody"] = Field(
        default="shared",
        description="Who may read the log of a binder that was launched in a public channel: `shared` is its "
        "owner, the people with whom it is shared, and the admins; `everybody` is the whole workspace, where "
        "its repository is public.",
    )
    classic_blocks: bool = Field(
        default=False,
        description="Show the status message with Slack's older blocks alone. Servers that refuse the newer "
        "ones get them anyway; this is for those that take newer blocks, and do not show them.",
    )
    class_for: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(),
        description="Who may start a class, beside the admins: Slack user ids, separated by commas, or "
        "`everybody`.",
    )
    class_seats: int = Field(default=50, ge=1, le=500, description="How many seats a class may have at most.")

    featured: str = Field(
        default="",
        description="The repositories that everybody finds on their Home tab, with what they are called: "
        "`Fractals = owner/fractals main --size large; Climate = https://…`. At most 8.",
    )

    # How long a binder lives, and what it may cost
    lifetime_hours: float = Field(
        default=24.0, gt=0, le=24 * 365, description="How long a binder lives, unless somebody extends it."
    )
    max_hours: float = Field(
        default=168.0,
        gt=0,
        le=24 * 365,
        description="How long a binder may live at most, counted from its request. `--for` and *Keep* "
        "cannot exceed it.",
    )
    idle_hours: float = Field(
        default=4.0, ge=0, le=24 * 365, description="How long a binder may be idle; `0` for no limit."
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
        default="", max_length=20, description="The unit of all prices, such as `SU` or `EUR`."
    )
    save_expired: bool = Field(
        default=True,
        description="Save what was changed in a binder to its thread before a deadline ends it.",
    )

    # What people are told, and when
    notice_minutes: str = Field(
        default="120,15",
        description="How many minutes before a binder ends its owner is warned, separated by commas; empty "
        "for no warning.",
    )
    idle_notice_minutes: str = Field(
        default="15", description="The same for a binder that ends because it is idle."
    )
    quiet_hours: str = Field(
        default="",
        description="When nobody is mentioned, such as `22:00-07:00`, in the owner's time zone, or in "
        "TIMEZONE where that is unknown. A warning that is due then comes before or after.",
    )
    timezone: str = Field(
        default="UTC",
        description="The site's time zone, such as `Europe/Berlin`. People's own come from Slack.",
    )
    digest: str = Field(
        default="",
        description="When each channel gets a weekly list of its running binders, such as `monday 09:00` in "
        "TIMEZONE; empty for never.",
    )

    # Operation
    tick_seconds: float = Field(default=0.5, gt=0, le=60, description="How often the bot looks for due work.")
    ready_poll_seconds: float = Field(
        default=30.0, gt=0, description="How often the bot looks at a ready binder."
    )
    look_seconds: float = Field(
        default=120.0, gt=0, description="How often the bot asks a ready server whether somebody uses it."
    )
    lease_seconds: float = Field(
        default=60.0,
        ge=3,
        description="After how long another replica takes over the work of one that died.",
    )
    workers: int = Field(
        default=8, ge=1, le=64, description="How many binders are worked on at the same time."
    )
    health_port: int | None = Field(
        default=None, ge=0, le=65535, description="Serve `/healthz`, `/readyz` and `/metrics` on this port."
    )
    health_address: IPvAnyAddress = Field(
        default=IPv4Address("127.0.0.1"),
        description="On which address of this machine. `0.0.0.0` is for a container, whose network decides "
        "who reaches it.",
    )
    audit_days: int = Field(
        default=365, ge=1, le=36_500, description="How long the audit stays in the database."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="The lowest level that is logged, to standard error."
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="`console` for people; `json` writes one JSON object a line."
    )

    @field_validator("admins", "class_for", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [each for each in re.split(r"[,\s]+", value) if each] if isinstance(value, str) else value

    @field_validator(*_READ_LATER)
    @classmethod
    def _can_be_read(cls, value: str, info: ValidationInfo) -> str:
        if value or info.field_name == "timezone":
            _READ_LATER[str(info.field_name)](value)
        return value

    @field_validator("secret_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and min(len(each) for each in _keys(value)) < _LEAST_KEY_LENGTH:
            raise ValueError(f"each key must have at least {_LEAST_KEY_LENGTH} characters")
        return value

    @field_validator("link_host")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value.rstrip("/"))
        if value and (parts.scheme not in {"http", "https"} or not parts.netloc or parts.query):
            raise ValueError("must be an https:// address")
        return value.rstrip("/")

    @field_validator("cloud")
    @classmethod
    def _is_a_cloud(cls, value: str) -> str:
        if value not in FACTORIES:
            raise ValueError(f"must be {' or '.join(FACTORIES)}")
        return value

    @model_validator(mode="after")
    def _fit_the_cloud(self) -> "Settings":
        if problems := list(FACTORIES[self.cloud].problems(self)):
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _name_sizes_that_are_offered(self) -> "Settings":
        offered = FACTORIES[self.cloud].size_keys(self)
        _require_offered("SIZE_PEOPLE", self.size_people, offered)
        _require_offered("WARM_POOL", self.warm_pool, offered)
        if offered:
            _require_offered("SIZE_LIMITS", limits.size_limits(self.size_limits), offered)
        return self

    @model_validator(mode="after")
    def _lifetime_is_within_the_maximum(self) -> "Settings":
        if self.lifetime_hours > self.max_hours:
            raise ValueError("LIFETIME_HOURS is more than MAX_HOURS")
        return self

    def is_admin(self, team_id: str, user: str) -> bool:
        """Whether somebody is an admin of a workspace."""
        return self.named(team_id, user) in self.admins

    def may_teach(self, team_id: str, user: str) -> bool:
        """Whether somebody may start a class."""
        named = {self.named(team_id, user), "everybody"} & self.class_for
        return bool(named) or self.is_admin(team_id, user)

    @property
    def key_to_tokens(self) -> str | None:
        """TOKEN_KEY itself; a secret."""
        return self.token_key.get_secret_value() if self.token_key else None

    @property
    def secret_keys(self) -> Sequence[str]:
        """The keys of SECRET_KEY, the one that encrypts first; empty where it is not set."""
        return _keys(self.secret_key) if self.secret_key else ()

    def limits_of(self, size: str) -> Limits:
        """What a binder of that size may have."""
        site = Limits(self.idle_hours, self.lifetime_hours, self.max_hours, self.max_cost_per_binder)
        return site.but(limits.size_limits(self.size_limits).get(size, {}))

    @cached_property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return zones.zone(self.timezone)

    @cached_property
    def policy(self) -> WarningPolicy:
        """How people are warned before a binder ends."""
        leads, idle_leads = limits.minutes(self.notice_minutes), limits.minutes(self.idle_notice_minutes)
        quiet = QuietHours(*calendar.hours(self.quiet_hours), self.zone) if self.quiet_hours else None
        # Less than the shortest lead: a notice that Slack takes a moment late moves nothing.
        warning = min((*leads, *idle_leads), default=0) * _WARNING_SHARE
        return WarningPolicy(leads, idle_leads, warning=min(warning, _MOST_WARNING_SECONDS), quiet=quiet)

    @cached_property
    def weekly_digest(self) -> tuple[int, time] | None:
        """The weekday (Monday is 0) and the time of the digest; None where there is none."""
        return calendar.weekly(self.digest) if self.digest else None

    @cached_property
    def featured_repositories(self) -> tuple[Featured, ...]:
        """What everybody finds on their Home tab."""
        return featured(self.featured)


def load(**overrides: Any) -> Settings:
    """Read the settings from the environment (and `.env`).

    Raises:
        ConfigError: Names each variable that is missing or wrong, and never shows a value.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        problems = "; ".join(_problem(each) for each in error.errors(include_input=False, include_url=False))
        raise ConfigError(f"The settings are wrong: {problems}.") from error


def check_value(variable: str, value: str) -> None:
    """Make sure that one variable can have a value, whatever the others are.

    Raises:
        ConfigError: It cannot; the value is not shown.
    """
    name = variable.lower()
    given: dict[str, Any] = {"_env_file": None, name: value}
    try:
        Settings(**given)
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False):
            if each["loc"][:1] == (name,):
                raise ConfigError(f"{_problem(each)}.") from None  # what led to it may hold the value


def _keys(several: SecretStr) -> list[str]:
    return [each.strip() for each in several.get_secret_value().split(",")]


def _require_offered(setting: str, sizes: Iterable[str], offered: Sequence[str]) -> None:
    if unknown := [key for key in sizes if key not in offered]:
        there = f"the sizes are {', '.join(offered)}" if offered else "this cloud has only one size"
        raise ValueError(f"{setting} names {', '.join(unknown)}, which is not a size: {there}")


def _problem(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return str(message)
    name = str(error["loc"][0]).upper()
    return f"{name} is missing" if error["type"] == "missing" else f"{name}: {message}"
