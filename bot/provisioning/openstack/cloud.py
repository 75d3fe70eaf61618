"""Instances on an OpenStack cloud: Keystone v3, Nova, Glance and Neutron. Jetstream2 is the model.

A server is made from three parts, each found again by the mark that it carries (see `openstack_marks`):

    port          made first: no second server can use it, so two of one binder cannot both live
    server        Nova knows no idempotent create: whoever makes one looks for it first
    floating_ip   made bound to the port, and found by that binding, since Nova's addresses lag behind

Taken down in the reverse order: the server, then, when it has vanished, its floating IP and its port.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from openstack.config.cloud_region import CloudRegion

from bot.errors import CannotBuild, CloudError, CloudUnreachable, NoCapacity, QuotaExceeded
from bot.provisioning.base import Instance, InstanceState, Order, Parts, Recovered, Report, Survey
from bot.provisioning.openstack.api import READ_SECONDS, Api, region_of_environment
from bot.provisioning.openstack.check import Check
from bot.provisioning.openstack.errors import Conflict, NotThere
from bot.provisioning.openstack.names import NameResolver
from bot.provisioning.openstack.network import Network
from bot.provisioning.openstack.options import Flavor, OpenStackOptions
from bot.provisioning.openstack.quota import explained, of_compute
from bot.provisioning.openstack.tags import (
    Json,
    Listing,
    Tags,
    instance_of,
    name_of,
    oldest_first,
    own_address,
    placed,
    state_of,
    survey_of,
)
from bot.provisioning.openstack.turns import FairSemaphore

_USER_DATA_LIMIT = 65_535
"""Characters of base64 that Nova accepts."""
_CONSOLE_LIMIT = 100 * 1024
"""Characters of a console that are looked at; what Nova keeps."""
_CONSOLES_AT_ONCE = 3
"""A console is a costly call: Nova asks the host for it."""
_CONSOLE_SECONDS = 10.0
"""How long a host may take to answer: one that hangs must not keep the bot's workers."""
_TURN_SECONDS = 2.0
"""How long one waits to read a console while others read theirs."""


class OpenStackCloud:
    """A `Cloud` whose instances are servers of an OpenStack project.

    Args:
        options: What the operator chose.
        deployment: This deployment's id, which marks all that it makes: small letters, digits and dashes.
        render: Writes the user data of an instance.
        fold: Makes a report of a console's text.
        region: Reads the credentials; from clouds.yaml or the environment by default.

    Raises:
        ConfigError: The deployment's id is none.
    """

    name = "openstack"
    can_shelve = True

    def __init__(
        self,
        options: OpenStackOptions,
        deployment: str,
        render: Callable[[Order], str],
        fold: Callable[[str], Report | None],
        *,
        region: Callable[[], CloudRegion] = region_of_environment,
    ) -> None:
        self.poll_seconds = options.poll_seconds
        self.attempt_seconds = options.attempt_seconds
        self.sizes = tuple(offer.size for offer in options.offers)
        self._options = options
        self._marks = Tags(deployment, options.metadata_prefix)
        self._render = render
        self._fold = fold
        self._api = Api(region)
        self._names = NameResolver(self._api, options)
        self._network = Network(self._api, self._names, self._marks, options)
        self._check = Check(self._api, self._names, self._network, options)
        self._consoles = FairSemaphore(_CONSOLES_AT_ONCE, _TURN_SECONDS)

    def close(self) -> None:
        """Close the connections to the cloud."""
        self._api.close()

    # The Cloud protocol ----------------------------------------------------------------------------------

    def survey(self) -> Survey:
        """See `Cloud.survey`. Three listings, whatever the number of binders."""
        return survey_of(self._listing(), self._marks, self._options.url_of, self._no_room)

    def create(self, order: Order) -> Parts:
        """See `Cloud.create`. Goes on with whatever an earlier attempt left."""
        offer = self._offer(order)
        servers = self._servers_of(order.binder_id)
        if servers:
            port = self._network.port_of(order.binder_id, {})
            return {"server": servers[0]["id"]} | ({"port": port["id"]} if port else {})
        user_data = self._user_data(order)
        port = self._network.ensure_port(order.binder_id)
        return {"server": self._boot(order, offer, port["id"], user_data), "port": port["id"]}

    def expose(self, binder_id: str, parts: Parts) -> Parts:
        """See `Cloud.expose`. Gives the port a floating IP, unless it has one, or has IPv6 and needs none."""
        port = self._network.port_of(binder_id, parts)
        if port is None:
            return parts
        if own_address(port) is not None:
            return dict(parts) | {"port": port["id"]}
        floating_ip = self._network.ensure_floating_ip(binder_id, port["id"])
        return dict(parts) | {"port": port["id"], "floating_ip": floating_ip["id"]}

    def report(self, instance: Instance) -> Report | None:
        """See `Cloud.report`. Whatever goes wrong here says nothing of the instance."""
        try:
            with self._consoles.of(instance.ref) as is_its_turn:
                text = self._console(instance.ref) if is_its_turn else None
        except (Conflict, NotThere):  # it has no host yet, or is gone: the next survey tells
            return None
        except CloudUnreachable:
            raise
        except CloudError as error:
            raise CloudUnreachable(error.sentence, hint=error.hint) from error
        if text is None:
            raise CloudUnreachable("Other instances' consoles are being read: this one's turn comes later.")
        return self._fold(text)

    def mark_end(self, parts: Parts, ends_at: float) -> None:
        """See `Cloud.mark_end`."""
        path, metadata = f"/servers/{parts['server']}/metadata", self._marks.metadata_of_end(ends_at)
        self._api.call("compute", "POST", path, "mark the server", body={"metadata": metadata})

    def prune(self, binder_id: str, keep: str) -> None:
        """See `Cloud.prune`. The twin's port goes with the binder: its mark names it."""
        for server in self._servers_of(binder_id):
            if server["id"] != keep:
                self._delete_server(server)

    def remove(self, binder_id: str, parts: Parts) -> bool:
        """See `Cloud.remove`. True once a look finds nothing of the binder, twins included."""
        servers = self._doomed(binder_id, parts)
        for server in servers:
            self._delete_server(server)
        return not servers and self._network.remove(binder_id, parts)

    # Putting away, and having back -----------------------------------------------------------------------

    def shelve(self, binder_id: str, parts: Parts) -> Parts:
        """Take one idempotent step of putting an instance away; its address is released once it is shelved.

        Returns:
            All parts; without `floating_ip` when the last step is done.

        Raises:
            CloudUnreachable: Something else happens to it just now, or the cloud did not answer.
            CloudError: The cloud cannot.
        """
        server = self._server(parts)
        if state_of(server) == InstanceState.SHELVED:
            self._network.release(binder_id, parts)
            return {name: part for name, part in parts.items() if name != "floating_ip"}
        if state_of(server) in {InstanceState.ACTIVE, InstanceState.STOPPED}:
            self._act(server["id"], {"shelve": None}, "shelve the server")
        return parts

    def unshelve(self, parts: Parts) -> None:
        """Ask for a shelved instance to be had back; anything else is left as it is.

        It is back when a survey says ACTIVE; `expose` then gives it an address. The cloud may fail to, and
        leave it shelved without another word: see `unshelve_failed`.

        Raises:
            NoCapacity: No host has room for it now.
            CloudError: See `shelve`.
        """
        server = self._server(parts)
        if state_of(server) == InstanceState.SHELVED:
            with self._room_told(self._size_of(server)):
                self._act(server["id"], {"unshelve": None}, "unshelve the server")

    def unshelve_failed(self, parts: Parts) -> bool:
        """Whether the newest thing that was done to an instance was having it back, in vain.

        Raises:
            CloudError: See `shelve`.
        """
        path = f"/servers/{parts['server']}/os-instance-actions"
        answer = self._api.call("compute", "GET", path, "list what was done to the server")
        actions = answer.get("instanceActions") or [{}]
        newest = max(actions, key=lambda action: str(action.get("start_time")))
        return newest.get("action") == "unshelve" and newest.get("message") is not None

    # For the operator ------------------------------------------------------------------------------------

    def check(self) -> list[str]:
        """A sentence for each thing that keeps instances from being made, with what to write instead."""
        try:
            self._api.microversion()
            self._servers()
        except CloudError as error:
            return [f"{error.sentence} {error.hint}".strip()]
        return self._check.problems()

    def quota(self) -> str:
        """How much of the project's quota is used, for people to read; empty where nobody may know."""
        return self._check.quota()

    def recover(self) -> list[Recovered]:
        """See `Recoverable.recover`."""
        return [
            Recovered(
                instance=instance_of(each, self._marks, self._options.url_of, self._no_room),
                parts=_parts(server=each.server, port=each.port, floating_ip=each.floating_ip),
                marks=self._marks.read(each.server),
            )
            for each in placed(self._listing(), self._marks)
        ]

    # Servers ---------------------------------------------------------------------------------------------

    def _listing(self) -> Listing:
        # Servers last: a binder whose server was being made meanwhile then never looks like a stray.
        floating_ips, ports = self._network.floating_ips(), self._network.ports()
        return Listing(self._servers(), ports, floating_ips)

    def _servers(self, *more_tags: str) -> list[Json]:
        tags = ",".join((self._marks.tag, *more_tags))
        return list(self._api.find("compute", "/servers/detail", "servers", "list the servers", tags=tags))

    def _servers_of(self, binder_id: str) -> list[Json]:
        """The servers of a binder, the oldest first; a cloud that ignores the filter makes no difference."""
        servers = self._servers(name_of(binder_id))
        return oldest_first((each for each in servers if self._is_of(binder_id, each)), "created")

    def _is_of(self, binder_id: str, server: Json) -> bool:
        return self._marks.binder_of_server(server) == binder_id

    def _doomed(self, binder_id: str, parts: Parts) -> list[Json]:
        """A binder's servers: the listed ones, and the one in its row, which a listing may not show yet."""
        servers = self._servers_of(binder_id)
        ref = parts.get("server")
        if ref is None or any(each["id"] == ref for each in servers):
            return servers
        try:
            server = self._server(parts)
        except NotThere:
            return servers
        return [*servers, server] if self._is_of(binder_id, server) else servers

    def _server(self, parts: Parts) -> Json:
        return self._api.get("compute", f"/servers/{parts['server']}", "server", "look at the server")

    def _delete_server(self, server: Json) -> None:
        if server.get("OS-EXT-STS:task_state") == "deleting":
            return
        try:
            self._api.call("compute", "DELETE", f"/servers/{server['id']}", "delete the server")
        except NotThere:
            return

    def _boot(self, order: Order, offer: Flavor, port: str, user_data: str) -> str:
        """Have a server made; its id.

        Raises:
            CloudUnreachable: It may or may not have been made, now or by an earlier attempt.
        """
        try:
            with self._room_told(order.size):
                return self._make_server(lambda: self._server_request(order, offer, port, user_data))
        except Conflict as error:  # the port is in use: by a server that listings do not show yet
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

    def _server_request(self, order: Order, offer: Flavor, port: str, user_data: str) -> Json:
        options = self._options
        request: dict[str, Any] = {
            "name": name_of(order.binder_id),
            "flavorRef": self._names.flavor(offer),
            "networks": [{"port": port}],
            "user_data": user_data,
            # Not only by the network: the metadata service can be impersonated (CVE-2024-6174).
            "config_drive": True,
            "metadata": self._marks.metadata(order),
            "tags": self._marks.tags(order.binder_id),
        }
        request |= _boot_source(self._names.image(), options.boot_volume_gb)
        if options.key_pair is not None:
            request["key_name"] = options.key_pair
        if options.availability_zone is not None:
            request["availability_zone"] = options.availability_zone
        return request

    def _user_data(self, order: Order) -> str:
        encoded = base64.b64encode(self._render(order).encode()).decode()
        if len(encoded) > _USER_DATA_LIMIT:
            raise CannotBuild("What the instance has to be told is longer than OpenStack's user data may be.")
        return encoded

    def _act(self, ref: str, action: Mapping[str, Any], doing: str, *, seconds: float = READ_SECONDS) -> Json:
        path = f"/servers/{ref}/action"
        return self._api.call("compute", "POST", path, doing, body=dict(action), seconds=seconds)

    def _console(self, ref: str) -> str:
        action = {"os-getConsoleOutput": {"length": self._options.console_lines}}
        answer = self._act(ref, action, "read the console", seconds=_CONSOLE_SECONDS)
        output = answer.get("output")
        return str(output or "")[-_CONSOLE_LIMIT:]

    # Sizes and marks -------------------------------------------------------------------------------------

    def _offer(self, order: Order) -> Flavor:
        offer = self._options.offer(order.size)
        if offer is None:
            keys = ", ".join(size.key for size in self.sizes)
            raise CloudError(f"This cloud offers no size `{order.size}`.", hint=f"There are: {keys}.")
        return offer

    def _size_of(self, server: Json) -> str:
        flavor = (server.get("flavor") or {}).get("original_name")
        return str(self._marks.read(server).get("size") or flavor or "of that instance")

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


def _boot_source(image: str, volume_gb: int | None) -> Json:
    if volume_gb is None:
        return {"imageRef": image}
    volume = {
        "boot_index": 0,
        "uuid": image,
        "source_type": "image",
        "destination_type": "volume",
        "volume_size": volume_gb,
        "delete_on_termination": True,
    }
    return {"block_device_mapping_v2": [volume]}


def _parts(**things: Json | None) -> Parts:
    return {name: thing["id"] for name, thing in things.items() if thing is not None}
