"""The settings of private repositories."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings


def _is_address(value: str) -> str:
    if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
        raise ValueError("must be an https:// address")
    return value.rstrip("/")


_Address = Annotated[str, AfterValidator(_is_address)]


class AccessSettings(BaseSettings):
    """What an operator can set of private repositories."""

    github_app_id: str = Field(
        default="", pattern=r"^\d*$", description="The id of the site's GitHub App, from its settings page."
    )
    github_app_client_id: str = Field(
        default="",
        pattern=r"^[\w.-]*$",
        description="The client id of the same App. It needs the device flow.",
    )
    github_app_key: SecretStr | None = Field(
        default=None,
        description="A private key of the same App: the path of its PEM file, or the PEM itself.",
    )
    github_url: _Address = Field(
        default="https://github.com", description="Where GitHub is; another address for GitHub Enterprise."
    )
    github_api_url: _Address = Field(
        default="https://api.github.com",
        description="Where GitHub's API is: `https://HOST/api/v3` for GitHub Enterprise.",
    )

    @model_validator(mode="after")
    def _whole_app(self) -> "AccessSettings":
        given = (self.github_app_id, self.github_app_client_id, self.github_app_key)
        if any(given) and not all(given):
            raise ValueError("GITHUB_APP_ID, GITHUB_APP_CLIENT_ID and GITHUB_APP_KEY need each other")
        return self

    @property
    def has_github_app(self) -> bool:
        """Whether people can connect with GitHub."""
        return bool(self.github_app_id)

    def read_github_app_key(self) -> str:
        """The private key as PEM; a secret.

        Raises:
            OSError: The file cannot be read.
        """
        value = self.github_app_key.get_secret_value() if self.github_app_key else ""
        if "-----BEGIN" in value:
            return value.replace("\\n", "\n")
        return Path(value).read_text(encoding="utf-8")
