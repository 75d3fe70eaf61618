"""How the image store is built from the settings."""

from dataclasses import dataclass

from bot.images.names import RegistryPlace
from bot.images.plans import KeepingPolicy
from bot.images.registry import ImageRegistry
from bot.images.rights import AccountRights, RegistryRights, TokenRights
from bot.images.settings import ImageSettings
from bot.images.tokens import TokenMinter, read_certificate, read_key

_GB = 10**9
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class ImageStore:
    """The image store of a site.

    Attributes:
        place: Where the registry is.
        rights: Gives rights in it.
        policy: Which images are kept.
    """

    place: RegistryPlace
    rights: RegistryRights
    policy: KeepingPolicy

    def registry(self) -> ImageRegistry:
        """Open the registry."""
        return ImageRegistry(self.place, self.rights)


def image_store_of(settings: ImageSettings) -> ImageStore | None:
    """Build the image store; None where the site has none.

    Raises:
        ConfigError: A file does not hold what its setting says; names the variable.
    """
    place = settings.registry_place
    if place is None:
        return None
    policy = KeepingPolicy(settings.image_keep_days * _DAY, settings.image_store_gb * _GB)
    return ImageStore(place, _rights(settings), policy)


def _rights(settings: ImageSettings) -> RegistryRights:
    if settings.image_registry_key and settings.image_registry_certificate:
        key = read_key(settings.image_registry_key)
        certificate = read_certificate(settings.image_registry_certificate, key)
        service, issuer = settings.image_registry_service, settings.image_registry_issuer
        return TokenRights(TokenMinter(key, certificate, service=service, issuer=issuer))
    push = settings.image_registry_push.get_secret_value() if settings.image_registry_push else ""
    pull = settings.image_registry_pull.get_secret_value() if settings.image_registry_pull else ""
    return AccountRights(pull, push)
