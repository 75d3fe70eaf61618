"""How the local cloud is built from the settings, and which settings it cannot work with."""

from collections.abc import Iterator, Mapping, Sequence

from bot.errors import ConfigError
from bot.provisioning.baking import Bakery
from bot.provisioning.base import Cloud
from bot.provisioning.choices import Choice
from bot.provisioning.local.engine import working
from bot.provisioning.local.settings import LocalSettings


def size_keys(_settings: LocalSettings) -> tuple[str, ...]:
    """See `CloudFactory.size_keys`. There is one size, this machine, and it is for everybody."""
    return ()


def problems(settings: LocalSettings) -> Iterator[str]:
    """See `CloudFactory.problems`."""
    if settings.idle_action == "shelve":
        yield "IDLE_ACTION is shelve, but the local cloud cannot shelve instances"
    if settings.warm_pool:
        yield "WARM_POOL is set, but instances of the local cloud cannot wait for an order"


def choices() -> Mapping[str, Sequence[Choice]]:
    """See `CloudFactory.choices`: the container engines that work here."""
    return {"LOCAL_ENGINE": [Choice(name) for name in working()]}


def build(settings: LocalSettings) -> Cloud:
    """See `CloudFactory.build`.

    Raises:
        ConfigError: Strangers would run programs on this host, and nothing would isolate them.
        CloudError: The container engine that the operator chose does not work.
    """
    from bot.provisioning.local.cloud import LocalCloud  # noqa: PLC0415 - loaded only by those who use it
    from bot.provisioning.local.options import LocalOptions  # noqa: PLC0415 - likewise

    options = LocalOptions(
        settings.local_root,
        settings.local_public_url,
        build_seconds=60 * settings.build_timeout_minutes,
        python_downloads=settings.local_python_downloads,
        base_image=settings.repo2docker_base_image,
    )
    cloud = LocalCloud(options, engine=settings.local_engine)
    if not (cloud.isolated or settings.workspace_is_local or settings.local_unisolated_ok):
        raise ConfigError(
            "The local cloud found no container engine. Without one nothing is isolated: everybody who may "
            "type /binder could run programs as this user.",
            hint="Install docker or podman with buildx, or set LOCAL_UNISOLATED_OK=true if you trust all of "
            "them.",
        )
    return cloud


def bakery(_settings: LocalSettings) -> Bakery:
    """See `CloudFactory.bakery`.

    Raises:
        ConfigError: Always.
    """
    raise ConfigError("CLOUD=local has no machine images, so there is nothing to bake.")
