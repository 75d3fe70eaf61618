"""Instances on an OpenStack cloud: Keystone v3, Nova, Glance and Neutron. Jetstream2 is the model.

Three things are made for an instance, each found again by its tags (see `tags`):

    port          made first: no second server can use it, so a binder cannot have two running servers
    server        Nova has no idempotent create, so the bot looks for the server before it makes one
    floating_ip   made bound to the port, and found by that binding, because Nova's own list of addresses lags

They are removed in the reverse order: the server, then, when it has vanished, its floating IP and its port.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from openstack.config.cloud_region import CloudRegion

from bot.errors import CloudError, CloudUnreachable, NoCapacity, QuotaExceeded
from bot.provisioning.agent.instructions import pieces_of
from bot.provisioning.baking import is_bake
from bot.provisioning.instances import (
    Instance,
    InstanceSpec,
    InstanceState,
    Recovered,
    Report,
    ResourceIds,
    Survey,
)
from bot.provisioning.openstack.api import Api, region_of_environment
from bot.provisioning.openstack.check import Check
from bot.provisioning.openstack.consoles import Consoles
from bot.provisioning.openstack.end_marks import EndMarks
from bot.provisioning.openstack.errors import Conflict, NotThere
from bot.provisioning.openstack.images import BakedImages
from bot.provisioning.openstack.inventory import (
    Inventory,
    instance_of,
    oldest_first,
    own_address,
    servers_of,
    state_of,
    survey_of,
)
from bot.provisioning.openstack.name_resolver import NameResolver
from bot.provisioning.openstack.network import Network
from bot.provisioning.openstack.options import Flavor, OpenStackOptions
from bot.provisioning.openstack.quota import explained, of_compute
from bot.provisioning.openstack.tags import Json, Tags, name_of
from bot.provisioning.openstack.told_texts import ToldTexts
from bot.provisioning.openstack.user_data import pack


class OpenStackCloud:
    """A `Cloud` whose instances are servers of an OpenStack project.

    Args:
        options: What the operator chose.
        deployment: This deployment's id, which tags everything that it makes: small letters, digits, dashes.
        render: Writes the user data of an instance.
        fold: Turns the text of a console into a report.
        region: Reads the credentials; from clouds.yaml or the environment by default.

    Raises:
        ConfigError: The deployment's id is not one.
    """

    name = "openstack"
    can_shelve = True
    can_recover = True
    keeps_images = False
    can_wait = True

    def __init__(
        self,
        options: OpenStackOptions,
        deployment: str,
        render: Callable[[InstanceSpec], str],
        fold: Callable[[str], Report | None],
        *,
        region: Callable[[], CloudRegion] = region_of_environment,
    ) -> None:
        self.poll_seconds = options.poll_seconds
        self.attempt_seconds = options.attempt_seconds
        self.sizes = tuple(flavor.size for flavor in options.flavors)
        self.can_log_in = options.key_pair is not None
        self._options = options
        self.roots = options.roots
        self.example_url = options.url_of("203.0.113.5")
        self._tags = Tags(deployment, options.metadata_prefix)
        self._render = render
        self._fold = fold
        self._api = Api(region)
        self._told = ToldTexts(self._api)
        self._marks = EndMarks(self._api, self._tags)
        self._images = BakedImages(self._api, self._tags)
        self._names = NameResolver(self._api, options, self._images)
        self._network = Network(self._api, self._names, self._tags, options)
        self._check = Check(self._api, self._names, self._network, options)
        self._consoles = Consoles(self._api, options.console_lines)

    def close(self) -> None:
        """Close the connections to the cloud."""
        self._api.close()

    # The Cloud protocol ----------------------------------------------------------------------------------

    def survey(self) -> Survey:
        """See `Cloud.survey`. Three listings, whatever the number of binders."""
        return survey_of(self._inventory(), self._tags, self._options.url_of, self._no_room)

    def create(self, spec: InstanceSpec) -> ResourceIds:
        """See `Cloud.create`. Goes on with whatever an earlier attempt left."""
        flavor = self._flavor(spec)
        servers = self._servers_of(spec.binder_id)
        if servers:
            port = self._network.port_of(spec.binder_id, {})
            return {"server": servers[0]["id"]} | ({"port": port["id"]} if port else {})
        user_data = pack(self._render(spec))
        port = self._network.ensure_port(spec.binder_id)
        return {"server": self._boot(spec, flavor, port["id"], user_data), "port": port["id"]}

    def expose(self, binder_id: str, resources: ResourceIds) -> ResourceIds:
        """See `Cloud.expose`. Gives the port a floating IP, unless it has one or needs none (IPv6)."""
        port = self._network.port_of(binder_id, resources)
        if port is None:
            return resources
        if own_address(port) is not None:
            return dict(resources) | {"port": port["id"]}
        floating_ip = self._network.ensure_floating_ip(binder_id, port["id"])
        return dict(resources) | {"port": port["id"], "floating_ip": floating_ip["id"]}

    def report(self, instance: Instance) -> Report | None:
        """See `Cloud.report`. Errors here mean nothing for the instance, whatever they are."""
        try:
            return self._fold(self._consoles.read(instance.ref))
        except (Conflict, NotThere):  # it has no host yet, or is gone: the next survey shows which
            return None
        except CloudUnreachable:
            raise
        except CloudError as error:
            raise CloudUnreachable(error.sentence, hint=error.hint) from error

    def read_log(self, _binder_id: str) -> bytes:
        """See `Cloud.read_log`. A console holds no more of the log than what is reported."""
        return b""

    def mark_end(self, resources: ResourceIds, ends_at: float) -> None:
        """See `Cloud.mark_end`."""
        self._marks.write(_server_id(resources), ends_at)

    def instruct(self, binder_id: str, resources: ResourceIds, name: str, text: str) -> None:  # noqa: ARG002 - the server is found by its id
        """See `Cloud.instruct`. The text becomes metadata, which the metadata service shows to the agent."""
        self._told.write(_server_id(resources), name, text)

    def withdraw(self, binder_id: str, resources: ResourceIds, name: str) -> None:  # noqa: ARG002 - the server is found by its id
        """See `Cloud.withdraw`."""
        self._told.remove(_server_id(resources), name)

    def order(self, resources: ResourceIds, spec: InstanceSpec, text: str) -> None:
        """See `Cloud.order`. One call: what `recover` needs to know arrives together with the order."""
        path, metadata = f"/servers/{_server_id(resources)}/metadata", self._tags.metadata(spec)
        body = {"metadata": {**metadata, **pieces_of("order", text)}}
        self._api.call("compute", "POST", path, "give the server its order", body=body)

    def prune(self, binder_id: str, keep: str) -> None:
        """See `Cloud.prune`. The other servers' ports are removed with the binder, whose tags they carry."""
        for server in self._servers_of(binder_id):
            if server["id"] != keep:
                self._delete_server(server)

    def remove(self, binder_id: str, resources: ResourceIds) -> bool:
        """See `Cloud.remove`. Nothing is left once a look finds nothing, second servers included."""
        servers = self._doomed(binder_id, resources)
        for server in servers:
            self._delete_server(server)
        if servers:
            return False
        had_images = is_bake(binder_id) and not self._images.remove(binder_id)
        return self._network.remove(binder_id, resources) and not had_images

    def unproven_images(self) -> frozenset[str]:
        """See `Cloud.unproven_images`."""
        return self._images.unproven()

    # Shelving --------------------------------------------------------------------------------------------

    def shelve(self, binder_id: str, resources: ResourceIds) -> ResourceIds:
        """See `Cloud.shelve`. The address is released once the server is shelved.

        Returns:
            All ids; without `floating_ip` when the last step is done.
        """
        server = self._server(resources)
        if state_of(server) == InstanceState.SHELVED:
            self._network.release(binder_id, resources)
            return {name: part for name, part in resources.items() if name != "floating_ip"}
        if state_of(server) in {InstanceState.ACTIVE, InstanceState.STOPPED}:
            self._act(server["id"], {"shelve": None}, "shelve the server")
        return resources

    def unshelve(self, resources: ResourceIds) -> None:
        """See `Cloud.unshelve`.

        The instance is back when a survey shows it ACTIVE; `expose` then gives it an address. Nova may fail
        later and leave it shelved without an error: `unshelve_failed` finds out.
        """
        server = self._server(resources)
        if state_of(server) == InstanceState.SHELVED:
            with self._room_told(self._size_of(server)):
                self._act(server["id"], {"unshelve": None}, "unshelve the server")

    def unshelve_failed(self, resources: ResourceIds) -> bool:
        """See `Cloud.unshelve_failed`. Nova keeps a list of what was done to a server, with the errors."""
        path = f"/servers/{_server_id(resources)}/os-instance-actions"
        answer = self._api.call("compute", "GET", path, "list what was done to the server")
        actions = answer.get("instanceActions") or [{}]
        newest = max(actions, key=lambda action: str(action.get("start_time")))
        return newest.get("action") == "unshelve" and newest.get("message") is not None

    def stop(self, resources: ResourceIds) -> None:
        """Have a server switched off, which it is a while later.

        Raises:
            CloudError: See `Cloud.create`.
        """
        self._act(_server_id(resources), {"os-stop": None}, "switch the server off")

    # For the operator ------------------------------------------------------------------------------------

    def check(self) -> list[str]:
        """See `Cloud.check`. Each sentence says what there is instead."""
        try:
            self._api.microversion()
            self._servers()
        except CloudError as error:
            return [f"{error.sentence} {error.hint}".strip()]
        return self._check.problems()

    def host_advice(self) -> list[str]:
        """See `Cloud.host_advice`. Nothing runs on the bot's host."""
        return []

    def advice(self) -> list[str]:
        """See `Cloud.advice`."""
        return self._check.advice()

    def quota(self) -> str:
        """See `Cloud.quota`."""
        return self._check.quota()

    def free_places(self, size: str) -> int | None:
        """See `Cloud.free_places`."""
        return self._check.free_places(self._options.flavor_of(size))

    def vcpus(self, size: str) -> int:
        """See `Cloud.vcpus`."""
        return self._check.vcpus(self._options.flavor_of(size))

    def recover(self) -> list[Recovered]:
        """See `Cloud.recover`."""
        return [
            Recovered(
                instance=instance_of(each, self._tags, self._options.url_of, self._no_room),
                resources=_resource_ids(server=each.server, port=each.port, floating_ip=each.floating_ip),
                metadata=self._tags.read(each.server),
            )
            for each in servers_of(self._inventory(), self._tags)
            if not is_bake(each.binder_id)
        ]

    # Servers ---------------------------------------------------------------------------------------------

    def _inventory(self) -> Inventory:
        # Servers last: a binder whose server is made during the listing then never looks like a stray.
        floating_ips, ports = self._network.floating_ips(), self._network.ports()
        return Inventory(self._servers(), ports, floating_ips)

    def _servers(self, *more_tags: str) -> list[Json]:
        tags = ",".join((self._tags.of_deployment, *more_tags))
        return list(self._api.find("compute", "/servers/detail", "servers", "list the servers", tags=tags))

    def _servers_of(self, binder_id: str) -> list[Json]:
        """The servers of a binder, the oldest first; also right where the cloud ignores the filter."""
        servers = self._servers(name_of(binder_id))
        return oldest_first((each for each in servers if self._is_of(binder_id, each)), "created")

    def _is_of(self, binder_id: str, server: Json) -> bool:
        return self._tags.binder_of_server(server) == binder_id

    def _doomed(self, binder_id: str, resources: ResourceIds) -> list[Json]:
        """A binder's servers: those that are listed, and the one in its row, which may not be listed yet."""
        servers = self._servers_of(binder_id)
        ref = resources.get("server")
        if ref is None or any(each["id"] == ref for each in servers):
            return servers
        try:
            server = self._server(resources)
        except NotThere:
            return servers
        return [*servers, server] if self._is_of(binder_id, server) else servers

    def _server(self, resources: ResourceIds) -> Json:
        return self._api.get("compute", f"/servers/{_server_id(resources)}", "server", "look at the server")

    def _delete_server(self, server: Json) -> None:
        if server.get("OS-EXT-STS:task_state") == "deleting":
            return
        try:
            self._api.call("compute", "DELETE", f"/servers/{server['id']}", "delete the server")
        except NotThere:
            return

    def _boot(self, spec: InstanceSpec, flavor: Flavor, port: str, user_data: str) -> str:
        """Have a server made; its id.

        Raises:
            CloudUnreachable: It may have been made, now or by an earlier attempt.
        """
        try:
            with self._room_told(spec.size):
                return self._make_server(lambda: self._server_request(spec, flavor, port, user_data))
        except Conflict as error:  # a server that is not listed yet uses the port
            raise CloudUnreachable(error.sentence) from error

    def _make_server(self, request: Callable[[], Json]) -> str:
        asked, doing = request(), "create the server"
        try:
            return str(self._api.make("compute", "/servers", "server", doing, asked)["id"])
        except (Conflict, CloudUnreachable, NoCapacity, QuotaExceeded):
            raise
        except CloudError:  # perhaps the image or the flavor was replaced since it was looked up
            self._names.forget()
            again = request()
            if again == asked:
                raise
            return str(self._api.make("compute", "/servers", "server", doing, again)["id"])

    def _server_request(self, spec: InstanceSpec, flavor: Flavor, port: str, user_data: str) -> Json:
        options = self._options
        request: dict[str, Any] = {
            "name": name_of(spec.binder_id),
            "flavorRef": self._names.flavor(flavor),
            "networks": [{"port": port}],
            "user_data": user_data,
            # Not only over the network, where the metadata service can be impersonated (CVE-2024-6174).
            "config_drive": True,
            "metadata": self._tags.metadata(spec),
            "tags": self._tags.of(spec.binder_id),
        }
        request |= options.boot_source(self._names.image())
        if options.key_pair is not None:
            request["key_name"] = options.key_pair
        if options.availability_zone is not None:
            request["availability_zone"] = options.availability_zone
        return request

    def _act(self, ref: str, action: Mapping[str, Any], doing: str) -> Json:
        return self._api.call("compute", "POST", f"/servers/{ref}/action", doing, body=dict(action))

    # Sizes -----------------------------------------------------------------------------------------------

    def _flavor(self, spec: InstanceSpec) -> Flavor:
        flavor = self._options.flavor_of(spec.size)
        if flavor is None:
            keys = ", ".join(size.key for size in self.sizes)
            raise CloudError(f"This cloud has no size `{spec.size}`.", hint=f"The sizes are: {keys}.")
        return flavor

    def _size_of(self, server: Json) -> str:
        flavor = (server.get("flavor") or {}).get("original_name")
        return str(self._tags.read(server).get("size") or flavor or "of that instance")

    def _no_room(self, server: Json) -> str:
        return self._no_room_for(self._size_of(server))

    def _no_room_for(self, size: str) -> str:
        others = [each.key for each in self.sizes if each.key != size and each.people is None]
        elsewhere = f"; {' or '.join(others)} may have room" if others else ""
        return f"no host has room for the size {size} now{elsewhere}"

    @contextmanager
    def _room_told(self, size: str) -> Iterator[None]:
        try:
            yield
        except NoCapacity as error:
            sentence = self._no_room_for(size)
            raise NoCapacity(f"{sentence[0].upper()}{sentence[1:]}.") from error
        except QuotaExceeded as error:
            raise explained(error, lambda: of_compute(self._api)) from error


def _server_id(resources: ResourceIds) -> str:
    if "server" not in resources:
        raise CloudError("There is no server yet.")
    return resources["server"]


def _resource_ids(**things: Json | None) -> ResourceIds:
    return {name: thing["id"] for name, thing in things.items() if thing is not None}
