"""A small cloud: enough of Keystone v3, Nova, Glance, Neutron and Cinder for the real client, over real HTTP.

It keeps state, and misbehaves on demand as real clouds were seen to (the words are those of a real 2026.2):
what is made shows up late, replies are lost after they were applied, quotas are reached, hosts are full. Time
is counted in listings of servers, so that no test has to wait.
"""

import json
import re
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qs, urlsplit

from openstack.config import OpenStackConfig
from openstack.config.cloud_region import CloudRegion

Json = dict[str, Any]

PROJECT = "p" * 32
CREDENTIAL, SECRET = "the-credential", "the-secret"
EPOCH = datetime(2026, 11, 22, tzinfo=UTC)


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: str | Json) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def nova(status: int, kind: str, message: str) -> Refusal:
    return Refusal(status, {kind: {"code": status, "message": message}})


def neutron(status: int, kind: str, message: str) -> Refusal:
    return Refusal(status, {"NeutronError": {"type": kind, "message": message, "detail": ""}})


@dataclass
class Cut:
    """One call that goes wrong: the `call`-th from now, whatever it is.

    Attributes:
        call: 1 for the next one.
        how: `before`: the connection breaks and nothing happened; `after`: it breaks although it was done;
            `500`: it was done, and the answer is an error.
    """

    call: int
    how: Literal["before", "after", "500"]
    writes: bool = False
    """Whether only calls count that change something; for others it is the same when they break."""

    def is_due(self, method: str, service: str) -> bool:
        if self.writes and (method == "GET" or service == "identity"):
            return False
        self.call -= 1
        return self.call <= 0


@dataclass
class Knobs:
    """How the cloud misbehaves.

    Attributes:
        lag: Listings in which a new server does not show.
        build: Listings until a server that is being made is ACTIVE, or in ERROR.
        vanish: Listings until a deleted server is gone.
        full: Names of flavors that no host has room for.
        spawn_fault: Why instances cannot be started; empty where they can.
        unshelve_fails: Whether a shelved server stays so.
        upload: Listings of images until one that is being made is active.
        uploads_fail: How many of the next images vanish, instead of becoming active.
        instances: The quota of servers.
        floating_ips: The quota of floating IPs.
        ports: The quota of ports.
        cores: The quota of cores.
        gigabytes: The quota of volumes' GB.
        volumes: Whether there is a Cinder.
        tells_quota: Whether Neutron tells how much of a quota is used.
        versions: Of the IP, that the instances' network has.
        ignores_tags: Whether the listing of servers ignores the filter, as an old Nova does.
        binds_late: Whether a new floating IP is not bound to its port yet.
        page: Servers in one page of a listing.
        is_down: Whether every connection breaks.
        slow: Seconds that every answer takes.
        hangs: Until when the hosts do not say what is on a console.
        cut: The call that goes wrong.
        answers: By "METHOD path", what is answered instead: a status and a body.
    """

    lag: int = 0
    build: int = 1
    vanish: int = 1
    full: set[str] = field(default_factory=set)
    spawn_fault: str = ""
    unshelve_fails: bool = False
    upload: int = 2
    uploads_fail: int = 0
    instances: int = 1000
    floating_ips: int = 1000
    ports: int = 1000
    cores: int = 1000
    gigabytes: int = 1000
    volumes: bool = False
    tells_quota: bool = True
    versions: tuple[int, ...] = (4,)
    ignores_tags: bool = False
    binds_late: bool = False
    page: int = 1000
    is_down: bool = False
    slow: float = 0.0
    hangs: threading.Event | None = None
    cut: Cut | None = None
    answers: dict[str, tuple[int, str | Json]] = field(default_factory=dict)


class StandIn:
    """The cloud. `calls` counts the requests by kind: `GET compute /servers/detail`."""

    def __init__(self) -> None:
        self.knobs = Knobs()
        self.calls: Counter[str] = Counter()
        self.requests: list[tuple[str, Json]] = []
        self.consoles: dict[str, str] = {}
        self.boots: Callable[[Json], None] = lambda _: None
        """Plays what runs in a server, when it becomes ACTIVE."""
        self.secret = SECRET
        self.tokens: set[str] = set()
        self.microversion = "2.104"
        self.servers: dict[str, Json] = {}
        self.ports: dict[str, Json] = {}
        self.floating_ips: dict[str, Json] = {}
        self.groups: dict[str, Json] = {}
        self.images = [_thing("Featured-Ubuntu24", status="active", created_at="2026-01-01T00:00:00Z")]
        self.flavors = [
            _thing("m3.small", vcpus=2, ram=6144, disk=20),
            _thing("m3.quad", vcpus=4, ram=15360, disk=20),
        ]
        inside = _thing("auto_allocated_network", project_id=PROJECT, **{"router:external": False})
        outside = _thing("public", project_id="site", **{"router:external": True})
        self.networks = [inside, outside]
        self.routers = [_thing("router", external_gateway_info={"network_id": outside["id"]})]
        self.router_ports = [
            _thing(
                "",
                network_id=inside["id"],
                project_id=PROJECT,
                description="",
                device_id=self.routers[0]["id"],
                device_owner="network:router_interface",
            )
        ]
        self.key_pairs = ["ada"]
        self.actions: dict[str, list[Json]] = {}
        self._made = 0
        self._lock = threading.RLock()
        handler = type("Handler", (_Handler,), {"cloud": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def region(self, credential: str = CREDENTIAL, secret: str = SECRET) -> CloudRegion:
        """What clouds.yaml would say of this cloud."""
        auth = {
            "auth_url": f"{self.url}/identity/v3",
            "application_credential_id": credential,
            "application_credential_secret": secret,
        }
        config = OpenStackConfig(load_yaml_config=False, load_envvars=False)
        return config.get_one(auth_type="v3applicationcredential", auth=auth, region_name="IU")

    @contextmanager
    def counted(self) -> Iterator[Counter[str]]:
        """Count the requests of a block."""
        before, counted = self.calls.copy(), Counter[str]()
        yield counted
        counted.update(self.calls - before)

    def stamp(self) -> str:
        """A moment later than all before it."""
        self._made += 1
        return (EPOCH + timedelta(seconds=self._made)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def cut_is_over(self) -> bool:
        """Whether the call that was to go wrong has gone wrong."""
        return self.knobs.cut is None

    def leavings(self) -> list[Json]:
        """Everything that costs something."""
        return [*self.servers.values(), *self.ports.values(), *self.floating_ips.values()]

    def shown(self) -> list[Any]:
        """Everything, as clients are shown it."""
        with self._lock:
            images = [_public(each) for each in self.images]
            return [*map(_shown, self.servers.values()), *images, *self._network_things()]

    def _network_things(self) -> list[Json]:
        return [*self.ports.values(), *self.floating_ips.values(), *self.groups.values()]

    # Requests --------------------------------------------------------------------------------------------

    def answer(self, method: str, target: str, token: str | None, body: Json) -> tuple[int, str | Json, Json]:
        """Answer one request: status, body, headers; `ConnectionError` where the connection is to break."""
        url = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        with self._lock:
            cut = self._due_cut(method, url.path.split("/")[1])
            if cut == "before" or self.knobs.is_down:
                raise ConnectionError
            try:
                status, answer, headers = self._route(method, url.path, token, query, body)
            except Refusal as refusal:
                status, answer, headers = refusal.status, refusal.body, {}
        if cut == "after":
            raise ConnectionError
        if cut == "500":
            return 500, {"computeFault": {"code": 500, "message": "Unexpected API Error."}}, {}
        return status, answer, headers

    def _due_cut(self, method: str, service: str) -> str | None:
        if self.knobs.cut is None or not self.knobs.cut.is_due(method, service):
            return None
        how, self.knobs.cut = self.knobs.cut.how, None
        return how

    def _route(
        self, method: str, path: str, token: str | None, query: Json, body: Json
    ) -> tuple[int, str | Json, Json]:
        _, service, version, *rest = f"{path}//".split("/")
        tail = "/".join(["", *rest]).rstrip("/")
        self.calls[f"{method} {service} {re.sub(r'/[0-9a-f]{32}', '/ID', tail) or '/'}"] += 1
        self.requests.append((f"{method} {service} {tail}", body))
        forced = self.knobs.answers.get(f"{method} {tail}")
        if forced is not None:
            return *forced, {}
        if service == "identity":
            return self._identity(method, tail, body)
        if not tail:
            return 200, self._versions(service, version), {}
        if token not in self.tokens:
            raise Refusal(401, {"error": {"code": 401, "message": "The request requires authentication."}})
        answer = getattr(self, f"_{service}")(method, tail, query, body)
        return (204, {}, {}) if answer is None else (202 if method == "POST" else 200, answer, {})

    def _identity(self, method: str, tail: str, body: Json) -> tuple[int, Json, Json]:
        if method == "GET":
            links = [{"rel": "self", "href": f"{self.url}/identity/v3/"}]
            return 200, {"version": {"id": "v3.14", "status": "stable", "links": links}}, {}
        given = body["auth"]["identity"]["application_credential"]
        if given["id"] != CREDENTIAL:
            message = f"Could not find Application Credential: {given['id']}."
            raise Refusal(404, {"error": {"code": 404, "message": message, "title": "Not Found"}})
        if given["secret"] != self.secret:
            raise Refusal(401, {"error": {"code": 401, "message": "The request requires authentication."}})
        token = secrets.token_hex(16)
        self.tokens.add(token)
        return 201, {"token": self._token()}, {"X-Subject-Token": token}

    def _token(self) -> Json:
        expires = datetime.now(UTC) + timedelta(hours=12)
        endpoints = {"compute": "/compute/v2.1", "network": "/network", "image": "/image"}
        if self.knobs.volumes:
            endpoints["volumev3"] = f"/volume/v3/{PROJECT}"
        return {
            "methods": ["application_credential"],
            "user": {"id": "u", "name": "bot", "domain": {"id": "default", "name": "Default"}},
            "project": {"id": PROJECT, "name": "p", "domain": {"id": "default", "name": "Default"}},
            "roles": [{"id": "m", "name": "member"}],
            "expires_at": expires.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
            "issued_at": "2026-11-22T00:00:00.000000Z",
            "catalog": [
                {
                    "type": kind,
                    "name": kind,
                    "id": kind,
                    "endpoints": [
                        {
                            "id": kind,
                            "interface": "public",
                            "region": "IU",
                            "region_id": "IU",
                            "url": self.url + path,
                        }
                    ],
                }
                for kind, path in endpoints.items()
            ],
        }

    def _versions(self, service: str, version: str) -> Json:
        name = {"compute": "v2.1", "network": "v2.0", "image": "v2"}[service]
        links = [{"rel": "self", "href": f"{self.url}/{service}/{name}/"}]
        if service != "compute":
            return {"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]}
        told = {
            "id": "v2.1",
            "status": "CURRENT",
            "links": links,
            "min_version": "2.1",
            "version": self.microversion,
        }
        return {"version": told} if version else {"versions": [told]}

    # Nova ------------------------------------------------------------------------------------------------

    def _compute(self, method: str, tail: str, query: Json, body: Json) -> Json | None:  # noqa: PLR0911 - a table
        _, kind, ref, below, key, *_ = f"{tail}////".split("/")
        match (method, kind, ref, below):
            case ("GET", "servers", "detail", ""):
                return self._list_servers(query)
            case ("POST", "servers", "", ""):
                return self._make_server(body["server"])
            case ("GET", "servers", _, ""):
                return {"server": _shown(self._server(ref))}
            case ("DELETE", "servers", _, ""):
                self.delete_server(self._server(ref))
                return None
            case ("POST", "servers", _, "action"):
                return self._act(self._server(ref), body)
            case ("POST", "servers", _, "metadata"):
                server = self._server(ref)
                server["metadata"] = server["metadata"] | body["metadata"]
                return {"metadata": server["metadata"]}
            case ("GET", "servers", _, "metadata"):
                return {"metadata": self._server(ref)["metadata"]}
            case ("DELETE", "servers", _, "metadata"):
                self._server(ref)["metadata"].pop(key)
                return None
            case ("GET", "servers", _, "os-instance-actions"):
                return {"instanceActions": self.actions.get(ref, [])}
        return self._around_servers(tail)

    def _around_servers(self, tail: str) -> Json:
        match tail:
            case "/limits":
                return {"limits": {"absolute": self._limits()}}
            case "/flavors/detail":
                return {"flavors": self.flavors}
            case "/os-keypairs":
                return {"keypairs": [{"keypair": {"name": name}} for name in self.key_pairs]}
            case "/os-availability-zone":
                return {"availabilityZoneInfo": [_zone("nova", on=True), _zone("attic", on=False)]}
        raise nova(404, "itemNotFound", f"There is no {tail}.")

    def _limits(self) -> Json:
        cores = {each["name"]: each["vcpus"] for each in self.flavors}
        used = sum(cores.get(each["flavor"]["original_name"], 0) for each in self.servers.values())
        return {
            "totalInstancesUsed": len(self.servers),
            "maxTotalInstances": self.knobs.instances,
            "totalCoresUsed": used,
            "maxTotalCores": self.knobs.cores,
            "totalRAMUsed": 0,
            "maxTotalRAMSize": -1,
        }

    def _server(self, ref: str) -> Json:
        if ref not in self.servers:
            raise nova(404, "itemNotFound", f"Instance {ref} could not be found.")
        return self.servers[ref]

    def _list_servers(self, query: Json) -> Json:
        if "marker" not in query:
            for server in list(self.servers.values()):
                self._advance(server)
        wanted = set() if self.knobs.ignores_tags else set(filter(None, query.get("tags", "").split(",")))
        shown = [
            _shown(each)
            for each in self.servers.values()
            if wanted <= set(each["tags"]) and each["looks"] > self.knobs.lag
        ]
        start = next((n + 1 for n, each in enumerate(shown) if each["id"] == query.get("marker")), 0)
        page = shown[start : start + self.knobs.page]
        more = start + len(page) < len(shown)
        links = [{"rel": "next", "href": f"{self.url}/compute/v2.1/servers/detail?marker=…"}] if more else []
        return {"servers": page} | ({"servers_links": links} if links else {})

    def _advance(self, server: Json) -> None:
        server["looks"] += 1
        if server["OS-EXT-STS:task_state"] == "deleting":
            server["vanishing"] += 1
            if server["vanishing"] > self.knobs.vanish:
                self._unbind(server)
                del self.servers[server["id"]]
        elif server["status"] == "BUILD" and server["looks"] > self.knobs.build:
            self._build(server)

    def _build(self, server: Json) -> None:
        port = self.ports.get(server["port"])
        if server["flavor"]["original_name"] in self.knobs.full:
            self._fail(server, "No valid host was found. There are not enough hosts available.", host="")
        elif self.knobs.spawn_fault:
            self._fail(server, self.knobs.spawn_fault, host="host")
        elif port is None or port["device_id"] not in {"", server["id"]}:
            self._fail(server, f"Port {server['port']} is still in use.", host="host")
        else:
            port["device_id"] = server["id"]
            server.update({"status": "ACTIVE", "OS-EXT-STS:task_state": None, "hostId": "host"})
            self.boots(server)

    def _fail(self, server: Json, message: str, host: str) -> None:
        fault = {"code": 500, "created": self.stamp(), "message": message}
        server.update({"status": "ERROR", "OS-EXT-STS:task_state": None, "hostId": host, "fault": fault})

    def _unbind(self, server: Json) -> None:
        for port in self.ports.values():
            if port["device_id"] == server["id"]:
                port["device_id"] = ""

    def _make_server(self, asked: Json) -> Json:
        used = len(self.servers)
        if used >= self.knobs.instances:
            told = f"Requested 1, but already used {used} of {self.knobs.instances} instances"
            raise nova(403, "forbidden", f"Quota exceeded for instances: {told}")
        if any(len(value) > 255 for value in asked["metadata"].values()):
            raise nova(400, "badRequest", "Invalid input for field/attribute metadata.")
        if "imageRef" in asked and asked["imageRef"] not in {image["id"] for image in self.images}:
            raise nova(400, "badRequest", "Can not find requested image")
        if asked["flavorRef"] not in {flavor["id"] for flavor in self.flavors}:
            raise nova(400, "badRequest", f"Flavor {asked['flavorRef']} could not be found.")
        port = self.ports.get(asked["networks"][0]["port"])
        if port is None:
            raise nova(400, "badRequest", "Port could not be found.")
        if port["device_id"]:
            raise nova(409, "conflictingRequest", f"Port {port['id']} is still in use.")
        server = self.add_server(asked, port["id"])
        return {"server": {"id": server["id"]}}

    def add_server(self, asked: Json, port: str) -> Json:
        flavor = next(each["name"] for each in self.flavors if each["id"] == asked["flavorRef"])
        server = {
            "id": secrets.token_hex(16),
            "name": asked["name"],
            "tags": asked["tags"],
            "metadata": asked["metadata"],
            "created": self.stamp(),
            "status": "BUILD",
            "OS-EXT-STS:task_state": "scheduling",
            "hostId": "",
            "flavor": {"original_name": flavor},
            "port": port,
            "image": asked.get("imageRef"),
            "user_data": asked["user_data"],
            "looks": 0,
            "vanishing": 0,
        }
        self.servers[server["id"]] = server
        return server

    def delete_server(self, server: Json) -> None:
        server["OS-EXT-STS:task_state"] = "deleting"

    def console_of(self, server: Json) -> str:
        return self.consoles.get(server["id"], "")

    def _act(self, server: Json, body: Json) -> Json:
        (action,) = body
        if action == "os-getConsoleOutput":
            if not server["hostId"]:
                raise nova(409, "conflictingRequest", f"Instance {server['id']} is not ready")
            return {"output": self.console_of(server)}
        if server["OS-EXT-STS:task_state"] is not None:
            message = f"Cannot '{action}' instance {server['id']} while it is in task_state"
            raise nova(409, "conflictingRequest", message)
        if action == "createImage":
            return {"image_id": self._begin_image(server, **body[action])["id"]}
        failed = action == "unshelve" and self.knobs.unshelve_fails
        if not failed:
            server["status"] = _STATUS_AFTER[action]
        if action == "shelve":
            self._add_image(server, f"{server['name']}-shelved", {}, status="active")
        record = {"action": action, "start_time": self.stamp(), "message": "Error" if failed else None}
        self.actions.setdefault(server["id"], []).insert(0, record)
        return {}

    # Glance ----------------------------------------------------------------------------------------------

    def _image(self, method: str, tail: str, query: Json, body: Any) -> Json | None:
        _, _, ref = f"{tail}//".split("/")[:3]
        if method == "GET" and not ref:
            wanted = {"os_hidden": "false"} | query
            for each in list(self.images):
                self._advance_image(each)
            return {"images": [_public(each) for each in self.images if _is_listed(each, wanted)]}
        image = next((each for each in self.images if each["id"] == ref), None)
        if image is None:
            raise Refusal(404, f"<html><head><title>404 Not Found</title></head>No image {ref}</html>")
        if method == "DELETE":
            self.images.remove(image)
            return None
        assert method == "PATCH"
        image |= {change["path"].removeprefix("/"): change["value"] for change in body}
        return _public(image)

    def _begin_image(self, server: Json, name: str, metadata: Json) -> Json:
        server["OS-EXT-STS:task_state"] = "image_uploading"
        return self._add_image(server, name, metadata, status="queued")

    def _add_image(self, server: Json, name: str, metadata: Json, status: str) -> Json:
        """Nova gives an image all properties of the one that its server was booted from."""
        base: Json = next((each for each in self.images if each["id"] == server["image"]), {})
        inherited = {key: value for key, value in base.items() if key not in _OWN_OF_AN_IMAGE}
        own = {"status": status, "owner": PROJECT, "created_at": self.stamp(), "server": server["id"]}
        image = _thing(name) | inherited | metadata | own | {"looks": 0}
        self.images.append(image)
        return image

    def _advance_image(self, image: Json) -> None:
        if image["status"] not in {"queued", "saving"} or "server" not in image:
            return
        image["looks"] += 1
        server = self.servers.get(image["server"])
        if server is None:  # it stays as it is for ever
            return
        if image["looks"] < self.knobs.upload:
            image["status"] = "saving"
            return
        server["OS-EXT-STS:task_state"] = None
        if self.knobs.uploads_fail:
            self.knobs.uploads_fail -= 1
            self.images.remove(image)
        else:
            image["status"] = "active"

    # Cinder ----------------------------------------------------------------------------------------------

    def _volume(self, method: str, tail: str, query: Json, body: Json) -> Json:
        assert (method, tail) == ("GET", f"/{PROJECT}/limits")
        used = {"totalVolumesUsed": 1, "totalGigabytesUsed": 100}
        limits = {"maxTotalVolumes": 10, "maxTotalVolumeGigabytes": self.knobs.gigabytes}
        return {"limits": {"absolute": used | limits}}

    # Neutron ---------------------------------------------------------------------------------------------

    def _network(self, method: str, tail: str, query: Json, body: Json) -> Json | None:
        _, kind, ref, *_ = f"{tail}//".split("/")
        if kind in _LISTED:
            return {kind: _LISTED[kind](self)}
        if kind == "quotas":
            return {"quota": self._network_quota()}
        if kind == "security-group-rules":
            return self._make_rule(body["security_group_rule"])
        key, things, make = self._kinds()[kind]
        match (method, ref):
            case ("GET", ""):
                routers = self.router_ports if kind == "ports" else []
                return {f"{key}s": [each for each in (*things.values(), *routers) if _fits(each, query)]}
            case ("POST", ""):
                thing = make(body[key])
                things[thing["id"]] = thing
                return {key: thing}
        if ref not in things:
            raise neutron(404, f"{key}NotFound", f"{key} {ref} could not be found.")
        return self._change(method, key, things, ref, body)

    def _network_quota(self) -> Json:
        if not self.knobs.tells_quota:
            raise neutron(404, "HTTPNotFound", "The resource could not be found.")
        return {
            "floatingip": {"limit": self.knobs.floating_ips, "used": len(self.floating_ips), "reserved": 0},
            "port": {"limit": self.knobs.ports, "used": len(self.ports), "reserved": 0},
        }

    def _kinds(self) -> dict[str, tuple[str, dict[str, Json], Callable[[Json], Json]]]:
        return {
            "ports": ("port", self.ports, self._make_port),
            "floatingips": ("floatingip", self.floating_ips, self._make_floating_ip),
            "security-groups": ("security_group", self.groups, self._make_group),
        }

    def _change(self, method: str, key: str, things: dict[str, Json], ref: str, body: Json) -> Json | None:
        if method == "PUT":
            things[ref].update(body[key])
        if method == "DELETE":
            del things[ref]
            for floating_ip in self.floating_ips.values():
                if floating_ip["port_id"] == ref:
                    floating_ip["port_id"] = None
            return None
        return {key: things[ref]}

    def _make_port(self, asked: Json) -> Json:
        if asked["security_groups"][0] not in self.groups:
            raise neutron(404, "SecurityGroupNotFound", "Security group does not exist")
        if asked["network_id"] not in {network["id"] for network in self.networks}:
            raise neutron(404, "NetworkNotFound", f"Network {asked['network_id']} could not be found.")
        if len(self.ports) >= self.knobs.ports:
            raise neutron(409, "OverQuota", "Quota exceeded for resources: ['port'].")
        addresses = {4: "10.0.0.7", 6: "2001:db8::7"}
        own = [{"ip_address": addresses[version]} for version in self.knobs.versions]
        return _neutral(asked, self.stamp()) | {"device_id": "", "fixed_ips": own}

    def _make_floating_ip(self, asked: Json) -> Json:
        if len(self.floating_ips) >= self.knobs.floating_ips:
            raise neutron(409, "OverQuota", "Quota exceeded for resources: ['floatingip'].")
        if asked["floating_network_id"] not in {network["id"] for network in self.networks}:
            raise neutron(404, "NetworkNotFound", "External network could not be found.")
        if asked["port_id"] not in self.ports:
            raise neutron(404, "PortNotFound", f"Port {asked['port_id']} could not be found.")
        if any(each["port_id"] == asked["port_id"] for each in self.floating_ips.values()):
            message = "Cannot associate floating IP, as that fixed IP already has a floating IP."
            raise neutron(409, "FloatingIPPortAlreadyAssociated", message)
        address = self.address_for(asked["port_id"])
        bound = None if self.knobs.binds_late else asked["port_id"]
        return _neutral(asked, self.stamp()) | {"floating_ip_address": address, "port_id": bound}

    def address_for(self, port: str) -> str:
        """The address of a new floating IP that is made for a port."""
        self._made += 1
        return f"198.51.{self._made // 256 % 256}.{self._made % 256}"

    def _make_group(self, asked: Json) -> Json:
        egress = {"direction": "egress", "ethertype": "IPv4", "protocol": None}
        return _neutral(asked, self.stamp()) | {"security_group_rules": [egress]}

    def _make_rule(self, asked: Json) -> Json:
        rules = self.groups[asked["security_group_id"]]["security_group_rules"]
        if asked in rules:
            raise neutron(409, "SecurityGroupRuleExists", "Security group rule already exists.")
        rules.append(asked)
        return {"security_group_rule": {"id": secrets.token_hex(16)} | asked}


_STATUS_AFTER = {"shelve": "SHELVED_OFFLOADED", "unshelve": "ACTIVE", "os-stop": "SHUTOFF"}
_OWN_OF_AN_IMAGE = {"id", "name", "status", "owner", "created_at", "server", "looks", "os_hidden"}
_HIDDEN = {"port", "image", "user_data", "looks", "vanishing"}
"""Of a server, what Nova does not show, or not in this way."""
_LISTED: dict[str, Callable[[StandIn], list[Json]]] = {
    "networks": lambda cloud: cloud.networks,
    "routers": lambda cloud: cloud.routers,
    "subnets": lambda cloud: [_thing("", ip_version=version) for version in cloud.knobs.versions],
}
"""Of Neutron, what is only looked at."""


def _zone(name: str, *, on: bool) -> Json:
    return {"zoneName": name, "zoneState": {"available": on}}


def _is_listed(image: Json, wanted: Json) -> bool:
    return all({"os_hidden": "false", **image}.get(key) == value for key, value in wanted.items())


def _public(image: Json) -> Json:
    return {key: value for key, value in image.items() if key not in {"server", "looks"}}


def _thing(name: str, **more: Any) -> Json:
    return {"id": secrets.token_hex(16), "name": name} | more


def _neutral(asked: Json, created: str) -> Json:
    return {"id": secrets.token_hex(16), "project_id": PROJECT, "created_at": created} | asked


def _shown(server: Json) -> Json:
    return {key: value for key, value in server.items() if key not in _HIDDEN}


def _fits(thing: Json, query: Json) -> bool:
    return all(thing.get(key) == value for key, value in query.items() if key != "fields")


_JSON_PATCH = "application/openstack-images-v2.1-json-patch"


class _Handler(BaseHTTPRequestHandler):
    cloud: ClassVar[StandIn]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        if len(content) < length:  # the client died in the middle of it
            self.close_connection = True
            return
        time.sleep(self.cloud.knobs.slow)
        if self.cloud.knobs.hangs is not None and b"os-getConsoleOutput" in content:
            self.cloud.knobs.hangs.wait(30)
        if self.command == "PATCH" and self.headers["Content-Type"] != _JSON_PATCH:
            self._send(415, "<html>Unsupported Media Type</html>", {})
            return
        try:
            status, body, headers = self.cloud.answer(
                self.command, self.path, self.headers.get("X-Auth-Token"), json.loads(content or b"{}")
            )
        except ConnectionError:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._send(status, body, headers)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the names of http.server

    def _send(self, status: int, body: str | Json, headers: Json) -> None:
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        content = b"" if status == 204 else content
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(body, str) else "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self._headers_buffer.append(b"\r\n" + content)  # type: ignore[attr-defined]
        self.flush_headers()

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:  # the client hung up
            return

    def log_message(self, *_: object) -> None:
        pass
