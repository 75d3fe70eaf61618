"""How much of a project's quotas is used, and how much there is."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.errors import CloudError, QuotaExceeded
from bot.provisioning.openstack.api import Api
from bot.provisioning.openstack.errors import name_of_quota

_COMPUTE = {
    "instances": ("totalInstancesUsed", "maxTotalInstances"),
    "cores": ("totalCoresUsed", "maxTotalCores"),
    "ram": ("totalRAMUsed", "maxTotalRAMSize"),
}
_VOLUMES = {
    "volumes": ("totalVolumesUsed", "maxTotalVolumes"),
    "gigabytes": ("totalGigabytesUsed", "maxTotalVolumeGigabytes"),
}
"""What the `limits` of Nova and Cinder call what is used, and the limit. A negative limit means no limit."""
_USAGE = re.compile(r"\d of -?\d")
_NETWORK = ("floatingip", "port", "security_group", "security_group_rule")


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit of a project.

    Attributes:
        resource: As the cloud calls it: `floatingip`.
        used: How much of it is used, or spoken for.
        limit: How much there may be; negative for no limit.
    """

    resource: str
    used: int
    limit: int

    def __str__(self) -> str:
        """In words: `floating IPs 9 of 10`."""
        return f"{self.name} {self.used} of {self.limit if self.limit >= 0 else 'any number'}"

    @property
    def name(self) -> str:
        """What people call it."""
        return name_of_quota(self.resource)

    def has_room(self, more: int = 1) -> bool:
        """Whether so much more may be used."""
        return self.limit < 0 or self.used + more <= self.limit

    def places(self, each: int) -> int | None:
        """How many more things there may be that each need so much; None for any number."""
        return None if self.limit < 0 or each <= 0 else max(self.limit - self.used, 0) // each


Quotas = Mapping[str, Quota]
"""By resource."""


def of_compute(api: Api) -> Quotas:
    """Nova's: instances, cores and RAM in MB.

    Raises:
        CloudError: They could not be read.
    """
    answer = api.call("compute", "GET", "/limits", "read the limits")
    return _absolute(answer, _COMPUTE)


def of_volumes(api: Api) -> Quotas:
    """Cinder's: volumes, and their size in GB; raises as `of_compute` does."""
    answer = api.call("block-storage", "GET", "/limits", "read the limits of volumes")
    return _absolute(answer, _VOLUMES)


def of_network(api: Api) -> Quotas:
    """Neutron's: floating IPs, ports, security groups and their rules; raises as `of_compute` does."""
    path = f"/quotas/{api.project_id()}/details"
    answer = api.call("network", "GET", path, "read the network's quota").get("quota")
    told = answer if isinstance(answer, dict) else {}
    return {name: quota for name in _NETWORK if (quota := _detailed(name, told.get(name))) is not None}


def places(quotas: Quotas, needs: Mapping[str, int]) -> int | None:
    """How many more things there may be with such needs, by resource; None where no quota limits them."""
    rooms = [quotas[name].places(each) for name, each in needs.items() if name in quotas]
    return min((room for room in rooms if room is not None), default=None)


def explained(error: QuotaExceeded, quotas: Callable[[], Quotas]) -> QuotaExceeded:
    """The same error, with how much is used of the quota that it names, where that can be found out."""
    if _USAGE.search(error.sentence):
        return error
    try:
        known = quotas().values()
    except CloudError:
        return error
    named = [quota for quota in known if quota.name in error.sentence] or known
    full = [str(quota) for quota in named if not quota.has_room()]
    return QuotaExceeded(f"The project's quota is used up: {', '.join(full)}.") if full else error


def _absolute(answer: Mapping[str, Any], names: Mapping[str, tuple[str, str]]) -> Quotas:
    told = (answer.get("limits") or {}).get("absolute") or {}
    return {
        resource: Quota(resource, int(told[used]), int(told[limit]))
        for resource, (used, limit) in names.items()
        if used in told and limit in told
    }


def _detailed(name: str, told: Any) -> Quota | None:
    if not isinstance(told, dict) or "used" not in told or "limit" not in told:
        return None
    return Quota(name, int(told["used"]) + int(told.get("reserved") or 0), int(told["limit"]))
