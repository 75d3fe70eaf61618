"""OpenStack's errors, turned into ours: nothing else leaves a block of `border`.

CloudError                  its own words
├── NotThere                404 of a service: where something is deleted, that is success
├── Conflict                409: busy, in use, or there already
├── CloudUnreachable        no answer, 429, 5xx, or an answer that is no service's
├── NoCapacity              no valid host
├── QuotaExceeded           403 of Nova, 409 of Neutron; and a network without a free address
└── CredentialsRejected     401, and Keystone's 404 for an application credential that is gone
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from keystoneauth1 import exceptions as keystone
from openstack import exceptions as sdk

from bot.errors import CloudError, CloudUnreachable, CredentialsRejected, NoCapacity, QuotaExceeded
from bot.provisioning.agent.text import sentence

NO_VALID_HOST = "no valid host"
"""How Nova begins to say, in small letters, that no host has room."""

_WORDS = 300
"""How many characters of the cloud's own words are kept."""
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _TOO_LARGE, _TOO_MANY = 401, 403, 404, 409, 413, 429
_SERVER_ERRORS = 500
_NOVA_QUOTA = re.compile(
    r"Quota exceeded for (?P<names>[\w, ]+): Requested (?P<wanted>[\d, ]+), "
    r"but already used (?P<used>[\d, ]+) of (?P<limits>-?[\d, -]+)"
)
_UNIFIED_LIMIT = re.compile(
    r"Resource (?P<names>[\w:]+) is over limit of (?P<limits>-?\d+) "
    r"due to current usage (?P<used>\d+) and delta (?P<wanted>\d+)"
)
"""The words of services whose limits are kept by Keystone."""
_NEUTRON_QUOTA = re.compile(r"Quota exceeded for resources: \[(?P<names>[^\]]+)\]")
_NAMES = {
    "floatingip": "floating IPs",
    "port": "ports",
    "security_group": "security groups",
    "security_group_rule": "security group rules",
    "ram": "RAM (MB)",
    "gigabytes": "GB of volumes",
    "servers": "instances",
    "class:VCPU": "cores",
    "class:MEMORY_MB": "RAM (MB)",
    "class:DISK_GB": "disk (GB)",
}
"""What people call a quota, where the cloud has another word."""
_CREDENTIALS_HINT = "Create a new application credential, and write it into clouds.yaml."


class NotThere(CloudError):
    """The cloud does not have that thing."""


class Conflict(CloudError):
    """The cloud cannot do that now, because something else happens to the thing."""


@contextmanager
def border(doing: str) -> Iterator[None]:
    """Turn every error of a library into one of ours.

    Args:
        doing: What is being done, as it reads after "could not": `list the servers`.
    """
    try:
        yield
    except keystone.HttpError as error:  # from Keystone itself: other services' answers are not raised
        raise _of_keystone(error, doing) from error
    except (keystone.AuthorizationFailure, keystone.AuthPluginException, sdk.ConfigException) as error:
        raise CredentialsRejected(
            f"The cloud's credentials are missing or incomplete: {_told(error)}.",
            hint="Set OS_CLOUD to the name of a cloud in clouds.yaml, or set the OS_… variables.",
        ) from error
    except (keystone.ClientException, requests.RequestException, OSError, ValueError) as error:
        raise CloudUnreachable(f"The cloud did not answer when asked to {doing}: {_told(error)}.") from error
    except sdk.SDKException as error:
        raise CloudError(f"The cloud could not {doing}: {_told(error)}.") from error


def refusal(status: int, body: Any, doing: str) -> CloudError:
    """The error that an answer with a status of 400 or more means.

    Args:
        status: The status of the answer.
        body: The answer's JSON, or its text.
        doing: What was being done, as it reads after "could not".
    """
    words = _words(body) or f"HTTP status {status}"
    if status == _UNAUTHORIZED:
        return CredentialsRejected(
            f"The cloud does not accept the bot's credentials: {words}.", hint=_CREDENTIALS_HINT
        )
    if status == _TOO_MANY or status >= _SERVER_ERRORS:
        return CloudUnreachable(f"The cloud could not {doing}: {words} (HTTP status {status}).")
    if NO_VALID_HOST in words.lower():
        return NoCapacity(f"The cloud could not {doing}: {words}.")
    if status in {_FORBIDDEN, _CONFLICT, _TOO_LARGE} and (limit := _limit(words)):
        return QuotaExceeded(limit)
    if status == _NOT_FOUND and not isinstance(body, dict):
        # No OpenStack service answers like this: a proxy in between did, and nothing is known to be gone.
        return CloudUnreachable(f"The cloud could not {doing}: {words} (HTTP status {status}).")
    kind = {_NOT_FOUND: NotThere, _CONFLICT: Conflict}.get(status, CloudError)
    return kind(f"The cloud could not {doing}: {words}.")


def name_of_quota(resource: str) -> str:
    """What people call the thing that a quota limits: `floating IPs` for `floatingip`."""
    return _NAMES.get(resource, resource)


def _of_keystone(error: keystone.HttpError, doing: str) -> CloudError:
    status = error.http_status or 0
    # Keystone answers 404 where an application credential was deleted, 401 where its secret is wrong.
    if status in {_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND}:
        return refusal(_UNAUTHORIZED, _told(error), doing)
    return refusal(status, _told(error), doing)


def _limit(words: str) -> str:
    """The sentence for a limit that was reached; an empty string where none was."""
    nova = _NOVA_QUOTA.search(words) or _UNIFIED_LIMIT.search(words)
    neutron = _NEUTRON_QUOTA.search(words)
    if nova is not None:
        return f"The project's quota is used up: {_usage(nova)}."
    if neutron is not None:
        names = (each.strip(" '\"") for each in neutron["names"].split(","))
        return f"The project's quota is used up: {', '.join(map(name_of_quota, names))}."
    if "quota" in words.lower():
        return f"The project's quota is used up: {words}."
    if "no more ip addresses" in words.lower():
        return f"The cloud has no free address: {words}."
    return ""


def _usage(told: re.Match[str]) -> str:
    columns = (re.split(r",\s*", told[name].strip(" ,")) for name in ("names", "used", "limits", "wanted"))
    return ", ".join(
        f"{name_of_quota(name)} {used} of {limit}, {wanted} more wanted"
        for name, used, limit, wanted in zip(*columns, strict=False)
    )


def _words(body: Any) -> str:
    """The message in an error's body: Nova, Neutron and Keystone wrap it in JSON; Glance sends a web page."""
    if isinstance(body, dict):
        inner = next((each for each in body.values() if isinstance(each, dict | str)), "")
        said = inner.get("message", "") if isinstance(inner, dict) else inner
        return _words(str(said))
    text = re.sub(r"<[^>]{0,200}>", " ", str(body)[: 10 * _WORDS])
    return sentence(text, _WORDS).rstrip(". ")


def _told(error: BaseException) -> str:
    return _words(str(error)) or type(error).__name__
