"""The settings of the image store."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from bot.images.names import RegistryPlace, parse_place

TRUST_IN_INSTANCES = "every instance may overwrite any image"
"""What an operator says who gives an account that may write to all instances."""


class ImageSettings(BaseSettings):
    """What an operator can set of the image store."""

    image_registry: str = Field(
        default="",
        description="Where images are kept, `host[:port]/prefix`: any registry that speaks the OCI "
        "distribution protocol. Without it, no image is kept.",
    )
    image_registry_key: Path | None = Field(
        default=None,
        description="The file with the private key that signs the rights of instances in the registry. "
        "`binder-bot images --setup FOLDER` makes it.",
    )
    image_registry_certificate: Path | None = Field(
        default=None, description="The file with the certificate of that key, which the registry trusts."
    )
    image_registry_service: str = Field(
        default="binder-bot", min_length=1, description="What the registry calls itself (`service`)."
    )
    image_registry_issuer: str = Field(
        default="binder-bot", min_length=1, description="What the registry calls the bot (`issuer`)."
    )
    image_registry_pull: SecretStr | None = Field(
        default=None,
        description="For a registry with fixed accounts, instead of the key: `user:password` of an account "
        "that may read. It is given to every instance.",
    )
    image_registry_push: SecretStr | None = Field(
        default=None,
        description="The same for an account that may write. It is given to instances that have built an "
        "image, and needs IMAGE_REGISTRY_TRUSTS_INSTANCES.",
    )
    image_registry_trusts_instances: str = Field(
        default="",
        description="What IMAGE_REGISTRY_PUSH means, in these words: "
        f"`{TRUST_IN_INSTANCES}`. Without them, the bot does not start with it.",
    )
    image_registry_http: bool = Field(
        default=False,
        description="Speak to the registry without TLS although it is not on this host. Whoever can listen "
        "there can use the rights of instances.",
    )
    image_store_gb: float = Field(
        default=100.0,
        gt=0,
        description="How many GB the layers of all kept images may have. Beyond that, the images that were "
        "not used for the longest time are removed.",
    )
    image_keep_days: float = Field(
        default=30.0, gt=0, description="How long an image is kept after its last use."
    )

    @field_validator("image_registry")
    @classmethod
    def _is_a_place(cls, value: str) -> str:
        if value:
            parse_place(value)
        return value

    @field_validator("image_registry_key", "image_registry_certificate", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return value or None

    @field_validator("image_registry_pull", "image_registry_push")
    @classmethod
    def _is_an_account(cls, value: SecretStr | None) -> SecretStr | None:
        user, colon, password = (value.get_secret_value() if value else "").partition(":")
        if value is not None and not (user and colon and password):
            raise ValueError("must be `user:password`")
        return value

    @model_validator(mode="after")
    def _fit_the_registry(self) -> "ImageSettings":
        if problems := list(self._problems()):
            raise ValueError("; ".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        files = (self.image_registry_key, self.image_registry_certificate)
        trusts = self.image_registry_trusts_instances == TRUST_IN_INSTANCES
        if self.image_registry and not any((*files, self.image_registry_pull)):
            pair = "IMAGE_REGISTRY_KEY and IMAGE_REGISTRY_CERTIFICATE"
            yield f"IMAGE_REGISTRY needs {pair}, or IMAGE_REGISTRY_PULL"
        if any(files) and not all(files):
            yield "IMAGE_REGISTRY_KEY and IMAGE_REGISTRY_CERTIFICATE need each other"
        if any(files) and (self.image_registry_pull or self.image_registry_push):
            yield "IMAGE_REGISTRY_KEY does not go with IMAGE_REGISTRY_PULL and IMAGE_REGISTRY_PUSH"
        if self.image_registry_push and not self.image_registry_pull:
            yield "IMAGE_REGISTRY_PUSH needs IMAGE_REGISTRY_PULL"
        if self.image_registry_push and not trusts:
            yield f"IMAGE_REGISTRY_PUSH needs IMAGE_REGISTRY_TRUSTS_INSTANCES to be “{TRUST_IN_INSTANCES}”"

    @property
    def registry_place(self) -> RegistryPlace | None:
        """Where images are kept; None where none are."""
        if not self.image_registry:
            return None
        return parse_place(self.image_registry, is_http=self.image_registry_http)
