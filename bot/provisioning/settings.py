"""The settings that every cloud shares. Each cloud adds its own, in the `settings` module of its folder."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

_PERSON = re.compile(r"[UW][A-Z0-9]+")
_ADMINS_ALONE = "admins"


class CloudSettings(BaseSettings):
    """What an operator can set whatever the cloud."""

    cloud: str = Field(
        default="local", description="Where instances live: `local` (the bot's own host) or `openstack`."
    )
    size_people: Annotated[Mapping[str, frozenset[str]], NoDecode] = Field(
        default={},
        description="Who may use a size that is not for everybody: `g3.large=U123+U456,m3.xl=admins`. "
        "Admins may use every size.",
    )
    boot_timeout_minutes: float = Field(
        default=15.0, gt=0, description="How long an instance may take until it first reports."
    )
    build_timeout_minutes: float = Field(
        default=45.0, gt=0, description="How long a build may take before it counts as failed."
    )
    repo2docker_base_image: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._:/@-]{0,254})?$",
        description="The image that repo2docker builds on, such as your mirror's copy of the default one. "
        "Without it, repo2docker chooses. A change means that every repository is built anew.",
    )
    capacity_timeout_minutes: float = Field(
        default=60.0, gt=0, description="How long a launch waits for room in the cloud."
    )
    unreachable_alert_minutes: float = Field(
        default=10.0,
        gt=0,
        description="How long the cloud may fail to answer before ADMIN_CHANNEL is told.",
    )
    idle_action: Literal["stop", "shelve"] = Field(
        default="stop",
        description="What happens to an idle binder: `stop` ends it; `shelve` shelves it, where the cloud "
        "can (CLOUD=openstack).",
    )
    shelved_days: float = Field(default=7.0, gt=0, description="How long a shelved binder is kept.")
    failed_minutes: float = Field(
        default=10.0,
        ge=0,
        description="How long the instance of a failed build waits for its owner to press *Keep for "
        "debugging*, where OPENSTACK_KEY_PAIR lets somebody log in; `0` removes it at once.",
    )
    keep_failed_hours: float = Field(
        default=2.0, gt=0, description="How long *Keep for debugging* keeps the instance of a failed build."
    )

    warm_pool: Annotated[Mapping[str, int], NoDecode] = Field(
        default={},
        description="How many instances wait, booted, for the next launch of their size: "
        "`m3.small:2,m3.medium:1`. They cost what running instances cost. Empty for none.",
    )
    warm_hours: str = Field(
        default="",
        description="When they wait, such as `mon-fri 8-18` in TIMEZONE; empty for always.",
    )
    warm_leaves_free: int = Field(
        default=1,
        ge=0,
        description="How many places of the cloud's quota the warm pool leaves free for people, at least.",
    )
    warm_lifetime_hours: float = Field(
        default=24.0, gt=0, description="How long an instance of the warm pool waits until it is replaced."
    )

    @field_validator("warm_pool", mode="before")
    @classmethod
    def _read_pool(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return dict(_places(each) for each in value.split(",") if each.strip())

    @field_validator("size_people", mode="before")
    @classmethod
    def _read_people(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return dict(_people(each) for each in value.split(",") if each.strip())

    @property
    def workspace_is_local(self) -> bool:
        """Whether only people on this machine can reach the bot."""
        return False


def _places(text: str) -> tuple[str, int]:
    """Read how many instances of one size wait: `m3.small:2`."""
    size, _, count = (part.strip() for part in text.rpartition(":"))
    if not size or not count.isascii() or not count.isdigit():
        raise ValueError("each must be a size, `:`, and a number, such as `m3.small:2`")
    return size, int(count)


def _people(text: str) -> tuple[str, frozenset[str]]:
    """Read who may use one size: `size=person+person`, or `size=admins`."""
    key, _, people = (part.strip() for part in text.partition("="))
    names = {name.strip() for name in people.split("+")} - {_ADMINS_ALONE}
    if not people or not all(_PERSON.fullmatch(name) for name in names):
        raise ValueError("each must be a size, `=`, and Slack user ids joined by `+`, or `admins`")
    return key, frozenset(names)
