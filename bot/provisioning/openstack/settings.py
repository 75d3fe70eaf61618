"""The settings of the OpenStack cloud, without its credentials: see `api.region_of_environment`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from bot.provisioning.openstack.options import Flavor
from bot.provisioning.settings import CloudSettings


class OpenStackSettings(CloudSettings):
    """What an operator can set where CLOUD=openstack."""

    deployment: str = Field(
        default="binder-bot",
        pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$",
        description="Marks everything that this bot makes in an OpenStack project. Two bots in one project "
        "need two different names.",
    )
    openstack_image: str = Field(
        default="",
        description="Name or id of the image that instances boot from; of several with one name, the newest. "
        "`baked` is the newest one that `binder-bot bake` made.",
    )
    openstack_sizes: Annotated[tuple[Flavor, ...], NoDecode] = Field(
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
        default=None,
        description="The security group of all instances. Without it, the bot makes one.",
    )
    openstack_key_pair: str | None = Field(
        default=None,
        description="The key pair whose owner may log in to instances. Without it, nobody may.",
    )
    openstack_boot_volume_gb: int | None = Field(
        default=None,
        ge=1,
        description="Boot each instance from a volume of this many GB, which is deleted with the instance.",
    )
    openstack_availability_zone: str | None = Field(
        default=None,
        description="The availability zone of all instances. Without it, the cloud chooses.",
    )
    openstack_metadata_prefix: str = Field(
        default="binder-",
        pattern=r"^[A-Za-z0-9_:.-]{0,64}$",
        description="What the keys of an instance's metadata begin with. Do not change it while there are "
        "instances.",
    )
    openstack_public_url: str = Field(
        default="http://{address}:{port}",
        description="The URL at which people reach a port of an instance. Behind Jetstream2's proxy it is "
        "`https://http-{dashed}-{port}.proxy-js2-iu.exosphere.app`.",
    )

    openstack_tls: Literal["none", "caddy"] = Field(
        default="none",
        description="`caddy` lets instances serve https by themselves, with Caddy and certificates by ACME. "
        "Links are `https://{dashed}.OPENSTACK_TLS_DOMAIN`, and port 443 alone is open.",
    )
    openstack_tls_domain: str = Field(
        default="sslip.io",
        pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$",
        description="The domain in which `203-0-113-5.DOMAIN` leads to the address 203.0.113.5.",
    )
    openstack_tls_acme: str = Field(
        default="https://acme-v02.api.letsencrypt.org/directory",
        pattern=r"^https://[A-Za-z0-9._:/\[\]-]+$",
        description="The directory of the authority that gives certificates (ACME, with TLS-ALPN-01).",
    )
    openstack_tls_roots: Path | None = Field(
        default=None,
        description="For an authority of one's own: the file with the certificates, as PEM, that vouch for "
        "the authority and for what it gives.",
    )
    openstack_poll_seconds: float = Field(
        default=5.0,
        ge=1,
        le=60,
        description="How often the bot lists the instances while one is made, built or deleted. All binders "
        "share a listing. Raise it where the cloud limits the rate of calls.",
    )
    openstack_attempt_seconds: float = Field(
        default=120.0,
        ge=30,
        le=3600,
        description="How long an instance may still turn up after the cloud did not answer its creation. "
        "Only then is another one created. Raise it where the cloud is so slow that two appeared.",
    )

    @field_validator("openstack_sizes", mode="before")
    @classmethod
    def _read_sizes(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(_flavor(each) for each in value.split(",") if each.strip())


def _flavor(text: str) -> Flavor:
    """Read one size: `flavor`, `flavor:label` or `flavor:label:price`."""
    flavor, label, price = [*(part.strip() for part in text.split(":", 2)), "", ""][:3]
    try:
        return Flavor(flavor, flavor, label or flavor, float(price or 0))
    except ValueError as error:
        raise ValueError("the price per hour must be a number") from error
