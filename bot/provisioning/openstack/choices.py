"""What an OpenStack project has that an operator can choose."""

from collections.abc import Mapping, Sequence

from bot.provisioning.choices import Choice
from bot.provisioning.openstack.api import Api, Json

_MB_IN_GB = 1024


def choices_of(api: Api) -> Mapping[str, Sequence[Choice]]:
    """Images, flavors (the smallest first) and networks, by the variable. Raises CloudError."""
    images = api.find("image", "/images", "images", "list the images", status="active")
    flavors = api.find("compute", "/flavors/detail", "flavors", "list the flavors")
    networks = api.find("network", "/networks", "networks", "list the networks")
    names = sorted({str(each.get("name")) for each in images})
    return {
        "OPENSTACK_IMAGE": [Choice(name) for name in names],
        "OPENSTACK_SIZES": [_size(each) for each in sorted(flavors, key=_by_size)],
        "OPENSTACK_NETWORK": _networks(networks, external=False),
        "OPENSTACK_EXTERNAL_NETWORK": _networks(networks, external=True),
    }


def _networks(networks: Sequence[Json], *, external: bool) -> list[Choice]:
    fitting = {str(each.get("name")) for each in networks if bool(each.get("router:external")) == external}
    return [Choice(name) for name in sorted(fitting)]


def _size(flavor: Json) -> Choice:
    cpus, memory, _ = _by_size(flavor)
    unit = "CPU" if cpus == 1 else "CPUs"
    return Choice(str(flavor.get("name")), f"{cpus} {unit} {memory / _MB_IN_GB:g} GB")


def _by_size(flavor: Json) -> tuple[int, int, str]:
    return int(flavor.get("vcpus") or 0), int(flavor.get("ram") or 0), str(flavor.get("name"))
