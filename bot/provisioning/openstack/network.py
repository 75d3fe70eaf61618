"""Neutron's side of an instance: its security group, its port and its floating IP."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bot.errors import CloudUnreachable, QuotaExceeded
from bot.provisioning.instances import ResourceIds
from bot.provisioning.openstack.api import Api
from bot.provisioning.openstack.errors import Conflict, NotThere
from bot.provisioning.openstack.inventory import oldest_first
from bot.provisioning.openstack.name_resolver import NameResolver, missing
from bot.provisioning.openstack.options import OpenStackOptions
from bot.provisioning.openstack.quota import explained, of_network
from bot.provisioning.openstack.tags import Json, Tags, name_of

_PORT_FIELDS = ("id", "name", "description", "device_id", "fixed_ips", "created_at")
_IPV4 = 4
_FAMILIES = {_IPV4: "IPv4", 6: "IPv6"}
"""What Neutron calls each version of IP."""
_FLOATING_IP_FIELDS = ("id", "description", "floating_ip_address", "port_id", "created_at")


class Network:
    """Makes, finds and removes what a binder has in Neutron.

    Args:
        api: The cloud.
        names: The operator's names, looked up.
        tags: Tell what is ours.
        options: What the operator chose.
    """

    def __init__(self, api: Api, names: NameResolver, tags: Tags, options: OpenStackOptions) -> None:
        self._api = api
        self._names = names
        self._tags = tags
        self._options = options
        self._lock = threading.Lock()
        self._group: str | None = None

    def ports(self, **params: Any) -> list[Json]:
        """List the project's ports, ours and others'."""
        return self._find("ports", "list the ports", _PORT_FIELDS, params)

    def floating_ips(self, **params: Any) -> list[Json]:
        """List the project's floating IPs, ours and others'."""
        return self._find("floatingips", "list the floating IPs", _FLOATING_IP_FIELDS, params)

    # Port ------------------------------------------------------------------------------------------------

    def port_of(self, binder_id: str, resources: ResourceIds) -> Json | None:
        """A binder's port: the one whose id is known, else the oldest that carries its tags, or None."""
        ports = self._ports_of(binder_id)
        known = next((port for port in ports if port["id"] == resources.get("port")), None)
        return known or next(iter(ports), None)

    def ensure_port(self, binder_id: str) -> Json:
        """A binder's port, made where none is left from an earlier attempt.

        A process that was paused just before it made one (on a machine that slept) may have made a second
        one. So it looks again, and keeps the oldest. No second server comes of it: it would need the first
        port, which is taken.
        """
        found = self.port_of(binder_id, {})
        if found is not None:
            return found
        made = self._make_port(binder_id)
        oldest = self.port_of(binder_id, {}) or made
        if oldest["id"] != made["id"]:
            self._delete_all("port", binder_id, [made])
        return oldest

    def _ports_of(self, binder_id: str) -> list[Json]:
        ports = self.ports(name=name_of(binder_id))
        return oldest_first((port for port in ports if self._tags.is_of(binder_id, port)), "created_at")

    def _make_port(self, binder_id: str) -> Json:
        with self._with_usage():
            try:
                return self._ask_for_port(binder_id)
            except NotThere:  # the group or the network was replaced since it was looked up
                self._group = None
                self._names.forget()
                return self._ask_for_port(binder_id)

    def _ask_for_port(self, binder_id: str) -> Json:
        what = {
            "network_id": self._names.network(),
            "name": name_of(binder_id),
            "description": self._tags.description(binder_id),
            "security_groups": [self._ensure_group()],
        }
        return self._api.make("network", "/ports", "port", "create the port", what)

    # Floating IP -----------------------------------------------------------------------------------------

    def ensure_floating_ip(self, binder_id: str, port: str) -> Json:
        """The floating IP of a binder's port: the one that it has, else one left over, else a new one.

        Raises:
            CloudUnreachable: It is not bound to the port yet; call again.
        """
        bound = self.floating_ips(port_id=port)
        if bound:
            return bound[0]
        unbound = [each for each in self._floating_ips_of(binder_id) if not each.get("port_id")]
        try:
            made = self._bind(unbound[0], port) if unbound else self._make_floating_ip(binder_id, port)
        except Conflict as error:  # the port has one already, which is not listed yet
            raise CloudUnreachable(error.sentence) from error
        return made

    def release(self, binder_id: str, resources: ResourceIds) -> bool:
        """Delete a binder's floating IPs; True when there were none."""
        known = self._known("floatingip", resources.get("floating_ip"))
        return self._delete_all("floatingip", binder_id, [*self._floating_ips_of(binder_id), *known])

    def _floating_ips_of(self, binder_id: str) -> list[Json]:
        listed = self.floating_ips(description=self._tags.description(binder_id))
        return oldest_first((each for each in listed if self._tags.is_of(binder_id, each)), "created_at")

    def _make_floating_ip(self, binder_id: str, port: str) -> Json:
        with self._with_usage():
            try:
                return self._ask_for_floating_ip(binder_id, port)
            except NotThere:  # the external network was replaced since it was looked up
                self._names.forget()
                return self._ask_for_floating_ip(binder_id, port)

    def _ask_for_floating_ip(self, binder_id: str, port: str) -> Json:
        what = {
            "floating_network_id": self._names.external_network(),
            "port_id": port,
            "description": self._tags.description(binder_id),
        }
        return self._api.make("network", "/floatingips", "floatingip", "create a floating IP", what)

    def _bind(self, floating_ip: Json, port: str) -> Json:
        body = {"floatingip": {"port_id": port}}
        path = f"/floatingips/{floating_ip['id']}"
        self._api.call("network", "PUT", path, "associate the floating IP", body=body)
        return floating_ip

    @contextmanager
    def _with_usage(self) -> Iterator[None]:
        """Add to Neutron's error how much of the quota there is: it only names the quota."""
        try:
            yield
        except QuotaExceeded as error:
            raise explained(error, lambda: of_network(self._api)) from error

    # Removal ---------------------------------------------------------------------------------------------

    def remove(self, binder_id: str, resources: ResourceIds) -> bool:
        """Delete a binder's floating IPs and ports; True when there were none."""
        released = self.release(binder_id, resources)
        known = self._known("port", resources.get("port"))
        return self._delete_all("port", binder_id, [*self._ports_of(binder_id), *known]) and released

    def _known(self, kind: str, ref: str | None) -> list[Json]:
        """What a row says there is, if it is there: it may not be listed yet."""
        if ref is None:
            return []
        try:
            return [self._api.get("network", f"/{kind}s/{ref}", kind, f"look at the {kind}")]
        except NotThere:
            return []

    def _delete_all(self, kind: str, binder_id: str, things: list[Json]) -> bool:
        """Delete the things that are the binder's; True where none of them is."""
        refs = {thing["id"] for thing in things if self._tags.is_of(binder_id, thing)}
        for ref in sorted(refs):
            try:
                self._api.call("network", "DELETE", f"/{kind}s/{ref}", f"delete the {kind}")
            except NotThere:
                continue
        return not refs

    # Security group --------------------------------------------------------------------------------------

    def _ensure_group(self) -> str:
        """The id of the deployment's security group, in which the ports that people need are open."""
        with self._lock:
            if self._group is None:
                group = self._find_group() or self._make_group(self._group_name)
                self._open_ports(group)
                self._group = str(group["id"])
            return self._group

    @property
    def _group_name(self) -> str:
        return self._options.security_group or self._tags.of_deployment

    def _find_group(self) -> Json | None:
        """The group of that name; the oldest one where two processes made one each."""
        return next(iter(self._groups()), None)

    def _groups(self) -> list[Json]:
        path, key, name = "security-groups", "security_groups", self._group_name
        groups = self._find(path, "list the security groups", (), {"name": name}, key)
        return oldest_first((group for group in groups if group.get("name") == name), "created_at")

    def _make_group(self, name: str) -> Json:
        if self._options.security_group is not None:
            raise missing("security group", name, self.group_names())
        what = {"name": name, "description": self._tags.of_deployment}
        doing = "create the security group"
        made = self._api.make("network", "/security-groups", "security_group", doing, what)
        oldest = self._find_group() or made
        if oldest["id"] != made["id"]:  # another process made one meanwhile
            self._api.call("network", "DELETE", f"/security-groups/{made['id']}", doing)
        return oldest

    def group_names(self) -> list[str]:
        """The names of the project's security groups."""
        groups = self._find("security-groups", "list the security groups", (), {}, "security_groups")
        return [str(group.get("name")) for group in groups]

    def versions(self) -> set[int]:
        """The versions of IP that the instances' network has addresses of: 4, 6 or both."""
        found = self._api.find(
            "network", "/subnets", "subnets", "list the subnets", network_id=self._names.network()
        )
        return {int(each["ip_version"]) for each in found if each.get("ip_version") in _FAMILIES}

    def has_ipv4(self) -> bool:
        """Whether instances have IPv4, and so need floating IPs."""
        return _IPV4 in self.versions()

    def _open_ports(self, group: Json) -> None:
        is_open = {_opens(rule) for rule in group.get("security_group_rules") or []}
        for version in sorted(self.versions() or {_IPV4}):
            for port in self._options.allowed_ports:
                if (_FAMILIES[version], port) not in is_open:
                    self._open_port(group["id"], _FAMILIES[version], port)

    def _open_port(self, group: str, family: str, port: int) -> None:
        what = {
            "security_group_id": group,
            "direction": "ingress",
            "ethertype": family,
            "protocol": "tcp",
            "port_range_min": port,
            "port_range_max": port,
        }
        path, key = "/security-group-rules", "security_group_rule"
        _unless_there(lambda: self._api.make("network", path, key, "open a port", what))

    # Listing ---------------------------------------------------------------------------------------------

    def _find(
        self, path: str, doing: str, fields: tuple[str, ...], params: dict[str, Any], key: str | None = None
    ) -> list[Json]:
        # To an administrator, Neutron lists the things of every project.
        chosen = {"project_id": self._api.project_id()} | ({"fields": list(fields)} if fields else {})
        return list(self._api.find("network", f"/{path}", key or path, doing, **chosen, **params))


def _opens(rule: Json) -> tuple[str, int] | None:
    """The family and the one TCP port that a rule opens to the world; None where it opens something else."""
    everybody = {None, "0.0.0.0/0", "::/0"}
    world = rule.get("remote_ip_prefix") in everybody and rule.get("remote_group_id") is None
    tcp = rule.get("direction") == "ingress" and rule.get("protocol") == "tcp"
    low, high = rule.get("port_range_min"), rule.get("port_range_max")
    return (
        (str(rule.get("ethertype")), int(low)) if world and tcp and low is not None and low == high else None
    )


def _unless_there(make: Callable[[], object]) -> None:
    try:
        make()
    except Conflict:  # another process opened it meanwhile
        return
