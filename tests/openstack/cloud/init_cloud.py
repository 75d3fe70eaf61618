"""Fills a fresh control plane with what a project on Jetstream2 sees, and writes its clouds.yaml.

Run twice, since the other services cannot start without their accounts:

    init_cloud.py identity <clouds.yaml>    once Keystone answers
    init_cloud.py project <clouds.yaml>     once the others were started

What is there already is left as it is. The clouds in the file: `osreal` (a user with the roles member and
reader), `osreal-appcred` (that user's application credential, as the bot should have) and `osreal-admin`.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml
from keystoneauth1.exceptions import ClientException
from openstack.config import OpenStackConfig
from openstack.connection import Connection
from openstack.exceptions import SDKException

Json = dict[str, Any]
Cloud = Any
"""A `Connection`. Its types cannot tell Keystone's API v2 from v3, nor what an absent name does."""

PATIENCE_SECONDS = 120.0
PASSWORD = os.environ["OSREAL_PW"]
REGION = os.environ["OSREAL_REGION"]
FLOATING_IPS = os.environ["OSREAL_FIP_NET"]
AUTH_URL = f"http://127.0.0.1:{os.environ['KEYSTONE_PORT']}/v3"
SERVICES = {
    "nova": ("compute", "/v2.1"),
    "placement": ("placement", ""),
    "glance": ("image", ""),
    "neutron": ("network", ""),
}
FLAVORS = {
    # Jetstream2's: vCPUs, GiB of RAM, GB of root disk.
    "m3.tiny": (1, 3, 20),
    "m3.small": (2, 6, 20),
    "m3.quad": (4, 15, 20),
    "m3.medium": (8, 30, 60),
    "m3.large": (16, 60, 60),
    "m3.xl": (32, 125, 60),
    # What fits into a machine of continuous integration, with OSREAL_VIRT=qemu.
    "osreal.micro": (1, 0.5, 3),
    "osreal.small": (2, 1, 4),
}
IMAGE = "Featured-Ubuntu24"


class CloudsFile:
    """A clouds.yaml that is being written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        text = path.read_text() if path.exists() else ""
        self.clouds: dict[str, Json] = (yaml.safe_load(text) or {}).get("clouds", {})

    def add(self, name: str, auth: Json, **more: str) -> None:
        """Add a cloud, or replace it."""
        common = {"region_name": REGION, "identity_api_version": "3"}
        self.clouds[name] = {"auth": {"auth_url": AUTH_URL} | auth} | common | more
        new = self._path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(yaml.safe_dump({"clouds": self.clouds}))
        new.replace(self._path)

    def add_account(self, name: str, user: str) -> None:
        """Add a cloud that is logged in to with a password."""
        domains = {"user_domain_name": "Default", "project_domain_name": "Default"}
        self.add(name, {"username": user, "password": PASSWORD, "project_name": user} | domains)

    def open(self, name: str) -> Cloud:
        """Connect to a cloud of the file."""
        return Connection(config=OpenStackConfig(config_files=[str(self._path)]).get_one(name))


def wait_for(what: str, ask: Callable[[], object]) -> None:
    """Ask a service that was just started until it answers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            ask()
        except (SDKException, ClientException, OSError) as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"{what} does not answer: {error}") from error
            time.sleep(0.5)
        else:
            return


def make_identity(admin: Cloud) -> None:
    """Make the accounts of the services, their endpoints, and the project with its user."""
    identity = admin.identity
    service = identity.find_project("service") or identity.create_project(name="service", domain_id="default")
    for name in SERVICES:
        make_user(admin, name, service.id, ("service", "admin"))
    project = identity.find_project("binder") or identity.create_project(name="binder", domain_id="default")
    make_user(admin, "binder", project.id, ("member", "reader"))
    known = {each.type for each in identity.services()}
    for name, (kind, path) in SERVICES.items():
        if kind not in known:
            make_endpoints(admin, name, kind, path)


def make_user(admin: Cloud, name: str, project: str, roles: Iterable[str]) -> None:
    """Make a user with these roles in a project."""
    identity = admin.identity
    user = identity.find_user(name) or identity.create_user(
        name=name, password=PASSWORD, domain_id="default", default_project_id=project
    )
    for role in roles:
        found = identity.find_role(role) or identity.create_role(name=role)
        identity.assign_project_role_to_user(project, user, found)


def make_endpoints(admin: Cloud, name: str, kind: str, path: str) -> None:
    """Enter a service into the catalogue."""
    service = admin.identity.create_service(name=name, type=kind)
    url = f"http://127.0.0.1:{os.environ[f'{name.upper()}_PORT']}{path}"
    for interface in ("public", "internal", "admin"):
        admin.identity.create_endpoint(service_id=service.id, interface=interface, region_id=REGION, url=url)


def make_flavors(admin: Cloud) -> None:
    """Make the sizes."""
    known = {each.name for each in admin.compute.flavors()}
    for name, (vcpus, gib, disk) in FLAVORS.items():
        if name not in known:
            admin.compute.create_flavor(name=name, vcpus=vcpus, ram=int(gib * 1024), disk=disk)


def make_image(admin: Cloud) -> None:
    """Make an image that can be booted from where no guest runs."""
    for unfinished in list(admin.image.images(name=IMAGE, status="queued")):
        admin.image.delete_image(unfinished)
    if not admin.image.find_image(IMAGE):
        admin.image.create_image(
            name=IMAGE,
            disk_format="raw",
            container_format="bare",
            visibility="public",
            data=bytes(4096),
            min_disk=1,
            min_ram=256,
        )


def make_external_network(admin: Cloud) -> str:
    """Make the network that floating IPs come from; its id."""
    network = admin.network.find_network("public") or admin.network.create_network(
        name="public",
        is_router_external=True,
        provider_network_type="flat",
        provider_physical_network="public",
        is_shared=False,
    )
    if not admin.network.find_subnet("public"):
        admin.network.create_subnet(
            name="public",
            network_id=network.id,
            ip_version=4,
            cidr=f"{FLOATING_IPS}.0/24",
            gateway_ip=f"{FLOATING_IPS}.1",
            allocation_pools=[{"start": f"{FLOATING_IPS}.10", "end": f"{FLOATING_IPS}.250"}],
            is_dhcp_enabled=False,
        )
    return str(network.id)


def make_own_network(user: Cloud, external: str) -> None:
    """Make the network, subnet and router that Jetstream2 gives a new project."""
    name = "auto_allocated_{}".format
    network = user.network.find_network(name("network")) or user.network.create_network(name=name("network"))
    subnet = user.network.find_subnet(name("subnet")) or user.network.create_subnet(
        name=name("subnet"), network_id=network.id, ip_version=4, cidr="10.77.0.0/24", dns_nameservers=[]
    )
    if not user.network.find_router(name("router")):
        router = user.network.create_router(
            name=name("router"), external_gateway_info={"network_id": external}
        )
        user.network.add_interface_to_router(router, subnet_id=subnet.id)


def make_credential(user: Cloud, clouds: CloudsFile) -> None:
    """Make the application credential, whose secret is shown only once."""
    owner, name = user.current_user_id, "osreal"
    for lost in list(user.identity.application_credentials(user=owner, name=name)):
        user.identity.delete_application_credential(owner, lost)
    made = user.identity.create_application_credential(owner, name=name, unrestricted=False)
    auth = {"application_credential_id": made.id, "application_credential_secret": made.secret}
    clouds.add("osreal-appcred", auth, auth_type="v3applicationcredential")


def identity(clouds: CloudsFile) -> None:
    """Do what the other services wait for."""
    clouds.add_account("osreal-admin", "admin")
    clouds.add_account("osreal", "binder")
    admin = clouds.open("osreal-admin")
    wait_for("keystone", admin.authorize)
    make_identity(admin)


def project(clouds: CloudsFile) -> None:
    """Do the rest."""
    admin, user = clouds.open("osreal-admin"), clouds.open("osreal")
    wait_for("nova", lambda: list(admin.compute.flavors()))
    make_flavors(admin)
    wait_for("glance", lambda: list(admin.image.images()))
    make_image(admin)
    wait_for("neutron", lambda: list(admin.network.networks()))
    make_own_network(user, make_external_network(admin))
    if "osreal-appcred" not in clouds.clouds:
        make_credential(user, clouds)


def main() -> None:
    """Run one phase."""
    phase, path = sys.argv[1:]
    {"identity": identity, "project": project}[phase](CloudsFile(Path(path)))


if __name__ == "__main__":
    main()
