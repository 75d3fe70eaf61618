"""The settings of the local cloud."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from bot.provisioning.settings import CloudSettings


class LocalSettings(CloudSettings):
    """What an operator can set where CLOUD=local."""

    local_root: Path = Field(
        default=Path("binder-bot-instances"),
        description="Where the local cloud keeps instances and built environments.",
    )
    local_engine: Literal["auto", "docker", "podman", "none"] = Field(
        default="auto", description="The container engine of the local cloud; `none` builds with uv instead."
    )
    local_public_url: str = Field(
        default="http://127.0.0.1:{port}",
        description="The URL at which people reach a port of this host; `{port}` stands for the port.",
    )
    local_python_downloads: bool = Field(
        default=False,
        description="Let uv download a version of Python that a repository asks for and that this host "
        "lacks. Otherwise another version is used instead, and the launch says so.",
    )
    local_unisolated_ok: bool = Field(
        default=False,
        description="Serve people on other machines although there is no container engine. Nothing is "
        "isolated then: everybody who may type `/binder` can run programs as the bot's user.",
    )

    @field_validator("local_public_url")
    @classmethod
    def _has_port(cls, value: str) -> str:
        if "{port}" not in value:
            raise ValueError("must contain {port}")
        return value.rstrip("/")
