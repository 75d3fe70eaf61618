"""How the OpenStack cloud is built from the settings, and which settings it cannot work without."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from bot.errors import ConfigError
from bot.provisioning.agent.settings import AgentSettings, ContainerSettings, HttpsSettings
from bot.provisioning.baking import Bakery
from bot.provisioning.base import Cloud
from bot.provisioning.choices import Choice
from bot.provisioning.openstack.options import OpenStackOptions
from bot.provisioning.openstack.settings import OpenStackSettings

HTTPS_PORT, SERVER_PORT = 443, 8888


def size_keys(settings: OpenStackSettings) -> tuple[str, ...]:
    """See `CloudFactory.size_keys`."""
    return tuple(flavor.key for flavor in settings.openstack_sizes)


def problems(settings: OpenStackSettings) -> Iterator[str]:
    """See `CloudFactory.problems`."""
    for name in ("openstack_image", "openstack_sizes"):
        if not getattr(settings, name):
            yield f"{name.upper()} is missing, which CLOUD=openstack needs"
    default = type(settings).model_fields["openstack_public_url"].default
    if has_https(settings) and settings.openstack_public_url != default:
        yield "OPENSTACK_PUBLIC_URL cannot be set with OPENSTACK_TLS=caddy, which decides the links"


def choices() -> Mapping[str, Sequence[Choice]]:
    """See `CloudFactory.choices`: images, flavors and networks."""
    from bot.provisioning.openstack.api import Api, region_of_environment  # noqa: PLC0415 - as below
    from bot.provisioning.openstack.choices import choices_of  # noqa: PLC0415 - as below

    with closing(Api(region_of_environment)) as api:
        return choices_of(api)


def build(settings: OpenStackSettings) -> Cloud:
    """See `CloudFactory.build`. The cloud is first spoken to when it is used."""
    # Loaded only by those who use it: openstacksdk takes a second to import.
    from bot.provisioning.openstack.cloud import OpenStackCloud  # noqa: PLC0415
    from bot.provisioning.openstack.console import report_of_console  # noqa: PLC0415
    from bot.provisioning.openstack.user_data import render  # noqa: PLC0415

    guest = _guest(settings)
    return OpenStackCloud(
        options(settings), settings.deployment, lambda spec: render(spec, guest), report_of_console
    )


def bakery(settings: OpenStackSettings) -> Bakery:
    """See `CloudFactory.bakery`."""
    from bot.provisioning.openstack.bakery import OpenStackBakery  # noqa: PLC0415 - as above

    patience = 60 * (settings.boot_timeout_minutes + settings.build_timeout_minutes)
    return OpenStackBakery(options(settings), settings.deployment, _guest(settings), patience)


def _guest(settings: OpenStackSettings) -> AgentSettings:
    """The settings of the agent in an instance."""
    return AgentSettings(
        build_seconds=60 * settings.build_timeout_minutes,
        container=ContainerSettings(
            base_image=settings.repo2docker_base_image,
            # Where Caddy stands before it, nobody reaches it without https.
            address="127.0.0.1" if has_https(settings) else "",
        ),
        https=_https(settings) if has_https(settings) else None,
    )


def has_https(settings: OpenStackSettings) -> bool:
    """Whether instances serve https by themselves."""
    return settings.openstack_tls == "caddy"


def _https(settings: OpenStackSettings) -> HttpsSettings:
    """How the agent has https served.

    Raises:
        ConfigError: The file of OPENSTACK_TLS_ROOTS cannot be read.
    """
    path = settings.openstack_tls_roots
    try:
        roots = path.read_text(encoding="ascii") if path else ""
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read (OPENSTACK_TLS_ROOTS).") from error
    return HttpsSettings(settings.openstack_tls_domain, settings.openstack_tls_acme, roots)


def _pins(container: ContainerSettings) -> dict[str, str]:
    """What a baked image should have inside, as its agent names it."""
    pins = {"repo2docker": container.repo2docker.partition("==")[2], "base-image": container.base_image}
    return {name: value for name, value in pins.items() if value}


def options(settings: OpenStackSettings) -> OpenStackOptions:
    """What the operator chose of the cloud.

    Raises:
        ConfigError: See `OpenStackOptions`.
    """
    people = settings.size_people
    return OpenStackOptions(
        image=settings.openstack_image,
        flavors=tuple(replace(each, people=people.get(each.key)) for each in settings.openstack_sizes),
        network=settings.openstack_network,
        external_network=settings.openstack_external_network,
        security_group=settings.openstack_security_group,
        key_pair=settings.openstack_key_pair,
        boot_volume_gb=settings.openstack_boot_volume_gb,
        availability_zone=settings.openstack_availability_zone,
        allowed_ports=(HTTPS_PORT,) if has_https(settings) else (SERVER_PORT,),
        public_url=(
            f"https://{{dashed}}.{settings.openstack_tls_domain}"
            if has_https(settings)
            else settings.openstack_public_url
        ),
        roots=str(settings.openstack_tls_roots) if settings.openstack_tls_roots else None,
        metadata_prefix=settings.openstack_metadata_prefix,
        poll_seconds=settings.openstack_poll_seconds,
        attempt_seconds=settings.openstack_attempt_seconds,
        pins=_pins(_guest(settings).container),
    )
