"""The clouds that CLOUD can name: each is a folder beside this file, and is listed here and nowhere else.

A new cloud has a folder with the same modules: `settings` (what an operator can set), `factory` (how it is
built from that) and `cloud` (the `Cloud`). It adds its factory to `FACTORIES` and its settings to
`CloudsSettings`. A factory imports its cloud only when it builds it: nobody waits for the library of a cloud
that is not used.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from bot.provisioning.baking import Bakery
from bot.provisioning.base import Cloud
from bot.provisioning.choices import Choice
from bot.provisioning.local import factory as local_factory
from bot.provisioning.local.settings import LocalSettings
from bot.provisioning.openstack import factory as openstack_factory
from bot.provisioning.openstack.settings import OpenStackSettings


class CloudsSettings(LocalSettings, OpenStackSettings):
    """The settings of all clouds; `bot.config.Settings` adds those of the rest of the bot."""


class CloudFactory(Protocol):
    """What a cloud's module `factory` offers."""

    def size_keys(self, settings: CloudsSettings, /) -> Sequence[str]:
        """The keys of the sizes that the operator offers; empty where the cloud has only one size."""

    def problems(self, settings: CloudsSettings, /) -> Iterator[str]:
        """Which settings are missing or do not fit: each names the variable, and has no full stop."""

    def choices(self) -> Mapping[str, Sequence[Choice]]:
        """What there is to choose from, by the variable that names it. Credentials are the environment's.

        Raises:
            CloudError: The cloud does not answer, or refuses the credentials.
        """

    def build(self, settings: CloudsSettings, /) -> Cloud:
        """Build the cloud.

        Raises:
            ConfigError: It cannot be used with these settings.
            CloudError: It does not work on this machine.
        """

    def bakery(self, settings: CloudsSettings, /) -> Bakery:
        """What makes machine images in that cloud. It is first spoken to when it is used.

        Raises:
            ConfigError: The cloud has no machine images, or cannot be used with these settings.
        """


FACTORIES: Mapping[str, CloudFactory] = {
    "local": local_factory,
    "openstack": openstack_factory,
}
"""By what the operator writes into CLOUD."""


def build_cloud(settings: CloudsSettings) -> Cloud:
    """Build the cloud that CLOUD names; raises as `CloudFactory.build` does."""
    return FACTORIES[settings.cloud].build(settings)


def choices_of(cloud: str) -> Mapping[str, Sequence[Choice]]:
    """What the cloud of that name offers; raises as `CloudFactory.choices` does."""
    return FACTORIES[cloud].choices()


def build_bakery(settings: CloudsSettings) -> Bakery:
    """Build the bakery of the cloud that CLOUD names; raises as `CloudFactory.bakery` does."""
    return FACTORIES[settings.cloud].bakery(settings)
