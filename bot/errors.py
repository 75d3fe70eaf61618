"""Every error of the bot, in one tree. Each carries the sentence that its reader will see.

BinderBotError (storage/errors.py)
├── StoreError
│   └── UnreadableSecret        one row's secret cannot be opened
├── ConfigError                 a setting is missing or wrong; names the variable
│   └── ServiceUnreachable      what a setting names did not answer; try again
├── RequestError                what a person asked for cannot be done
│   ├── SpecError               the text names no repository that we understand
│   └── Refused                 this person may not do that
├── ResolveError                the repository could not be looked up
│   ├── RepositoryNotFound
│   ├── BannedRepository        this site does not launch it
│   ├── RefNotFound             carries the nearest existing names in its hint
│   ├── ForbiddenAddress        the host is not on the public internet
│   └── RepositoryUnreachable   worth another try
├── CloudError                  the cloud refused, or broke
│   ├── CloudUnreachable        UNKNOWN: nothing may be concluded; try again
│   ├── NoCapacity              no host has room for this size
│   ├── QuotaExceeded           the project's limit is reached; room may come
│   ├── CredentialsRejected     the operator must act
│   └── CannotBuild             this cloud cannot build that repository, whatever happens
├── ServerError                 the binder's own server answered nonsense, or nothing
└── RegistryError               the image registry refused, or answered nonsense
    └── RegistryUnreachable     it did not answer; try again
"""

from storage.errors import BinderBotError, LostLease, StoreError, UnreadableSecret

__all__ = [
    "BannedRepository",
    "BinderBotError",
    "CannotBuild",
    "CloudError",
    "CloudUnreachable",
    "ConfigError",
    "CredentialsRejected",
    "ForbiddenAddress",
    "LostLease",
    "NoCapacity",
    "QuotaExceeded",
    "RefNotFound",
    "Refused",
    "RegistryError",
    "RegistryUnreachable",
    "RepositoryNotFound",
    "RepositoryUnreachable",
    "RequestError",
    "ResolveError",
    "ServerError",
    "ServiceUnreachable",
    "SpecError",
    "StoreError",
    "UnreadableSecret",
]


class ConfigError(BinderBotError):
    """A setting is missing or wrong. The sentence names the variable."""


class ServiceUnreachable(ConfigError):
    """What a setting names did not answer. The setting may be right; try again."""


class RequestError(BinderBotError):
    """What a person asked for cannot be done."""


class SpecError(RequestError):
    """The text names no repository that can be launched."""


class Refused(RequestError):
    """This person may not do that."""


class ResolveError(BinderBotError):
    """The repository could not be looked up."""


class RepositoryNotFound(ResolveError):
    """There is no such repository, or it is private."""


class BannedRepository(ResolveError):
    """This site does not launch that repository."""


class RefNotFound(ResolveError):
    """The repository has no such branch, tag or commit."""


class ForbiddenAddress(ResolveError):
    """The repository's host is not on the public internet."""


class RepositoryUnreachable(ResolveError):
    """The repository's host did not answer: worth another try."""


class CloudError(BinderBotError):
    """The cloud refused, or broke."""


class CloudUnreachable(CloudError):
    """The cloud did not answer. Nothing may be concluded from that; try again."""


class NoCapacity(CloudError):
    """No host has room for this size."""


class QuotaExceeded(CloudError):
    """The project's limit is reached; room may come."""


class CredentialsRejected(CloudError):
    """The cloud does not accept the bot's credentials: the operator must act."""


class CannotBuild(CloudError):
    """This cloud cannot build that repository, whatever happens."""


class ServerError(BinderBotError):
    """The binder's own server answered nonsense, or nothing."""


class RegistryError(BinderBotError):
    """The image registry refused, or answered nonsense."""


class RegistryUnreachable(RegistryError):
    """The image registry did not answer. Nothing may be concluded from that; try again."""
