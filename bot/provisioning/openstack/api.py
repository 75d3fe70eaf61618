"""The wire to an OpenStack cloud: credentials, endpoints, microversion, timeouts, pages, and our errors.

Credentials and endpoints are openstacksdk's business (clouds.yaml, the `OS_…` variables). Requests and
answers are plain JSON: the SDK's resource objects take tens of milliseconds of CPU for each listed server
(openstacksdk 4.22, November 2026), which is most of a minute a tick with a thousand binders.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Literal

import requests
import yaml
from keystoneauth1.adapter import Adapter
from keystoneauth1.exceptions import EndpointNotFound
from keystoneauth1.session import Session, TCPKeepAliveAdapter
from openstack.config import OpenStackConfig
from openstack.config.cloud_region import CloudRegion

from bot.errors import CloudError, CloudUnreachable, CredentialsRejected
from bot.provisioning.openstack.errors import border, refusal

Json = dict[str, Any]
Service = Literal["compute", "network", "image", "block-storage"]

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
MICROVERSION = (2, 91)
"""Of Nova, at the most: 2.92 changes key pairs, 2.96 has a listing bug (https://bugs.launchpad.net/bugs/2095364)."""
NEEDED_MICROVERSION = (2, 52)
"""Of Nova, at the least (Pike, 2017): tags when a server is made."""

_VERSIONS = {"network": "v2.0", "image": "v2", "block-storage": "v3"}
_ERRORS = 400
_POOL = 16
"""Connections kept for each host; more than the bot has workers by default."""


def region_of_environment(cloud: str | None = None) -> CloudRegion:
    """Read the credentials: of a cloud of clouds.yaml (by default `OS_CLOUD`), or the `OS_…` variables.

    Raises:
        CredentialsRejected: What is there cannot be read.
    """
    try:
        return OpenStackConfig().get_one(cloud=cloud)
    except yaml.YAMLError as error:
        raise CredentialsRejected("The file clouds.yaml cannot be read: it is no YAML.") from error


class Api:
    """An OpenStack project, over HTTP. Made at the first call, and safe to use from several threads.

    Nothing is retried here: whoever calls knows what a second try means. (A token that expired is renewed.)

    Args:
        region: Reads the credentials.
    """

    def __init__(self, region: Callable[[], CloudRegion]) -> None:
        self._region = region
        self._lock = threading.RLock()
        self._adapters: dict[str, Adapter] = {}
        self._wire: requests.Session | None = None
        self._opened: CloudRegion | None = None
        self._microversion: tuple[int, int] | None = None

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        with self._lock:
            if self._wire is not None:
                self._wire.close()
            self._wire = self._opened = self._microversion = None
            self._adapters.clear()

    def call(  # noqa: PLR0913 - all that makes one request
        self,
        service: Service,
        method: str,
        path: str,
        doing: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Json | None = None,
        seconds: float = READ_SECONDS,
    ) -> Json:
        """Send one request; the JSON of its answer, empty where it has none.

        Args:
            service: Whom to ask.
            method: Of HTTP.
            path: Below the service's endpoint.
            doing: What this is for, after "could not": `list the servers`.
            params: Of the URL.
            body: Sent as JSON.
            seconds: How long the answer may take, at most as long as any may.

        Raises:
            CloudError: One of the tree in `openstack_errors`.
        """
        with border(doing):
            sent: dict[str, Any] = {"params": params or {}, "raise_exc": False, "timeout": seconds}
            if body is not None:
                sent["json"] = body
            if service == "compute":
                sent["microversion"] = ".".join(map(str, self.microversion()))
            response = self._adapter(service).request(path, method, **sent)
            if response.status_code >= _ERRORS:
                raise refusal(response.status_code, _body(response), doing)
            return _object(response)

    def find(self, service: Service, path: str, key: str, doing: str, **params: Any) -> list[Json]:
        """List things, all pages of them.

        Args:
            service: Whom to ask.
            path: Below the service's endpoint.
            key: Under which an answer holds the things: `servers`.
            doing: What this is for, after "could not".
            **params: Of the URL.
        """
        return list(self._pages(service, path, key, doing, params))

    def make(self, service: Service, path: str, key: str, doing: str, what: Mapping[str, Any]) -> Json:
        """Make a thing, and return it; it has at least an `id`."""
        answer = self.call(service, "POST", path, doing, body={key: dict(what)})
        return _thing(answer, key, doing)

    def get(self, service: Service, path: str, key: str, doing: str) -> Json:
        """Fetch one thing by the path that ends in its id; it has at least an `id`."""
        return _thing(self.call(service, "GET", path, doing), key, doing)

    def microversion(self) -> tuple[int, int]:
        """The microversion that is spoken with Nova: the highest of the cloud's, but at most `MICROVERSION`.

        Raises:
            CloudError: The cloud's Nova is too old.
        """
        with border("say what it speaks"), self._lock:
            if self._microversion is None:
                self._microversion = self._negotiate()
            return self._microversion

    def offers(self, service: Service) -> bool:
        """Whether the cloud has that service."""
        with border("say which services it has"), self._lock:
            try:
                return _endpoint(self._connected(), service) is not None
            except EndpointNotFound:
                return False

    def project_id(self) -> str | None:
        """The id of the project that the credentials are for."""
        with border("say which project this is"):
            return self._adapter("compute").get_project_id()

    def _pages(
        self, service: Service, path: str, key: str, doing: str, params: Mapping[str, Any]
    ) -> Iterator[Json]:
        marker: dict[str, str] = {}
        while True:
            answer = self.call(service, "GET", path, doing, params={**params, **marker})
            page = answer.get(key)
            if not isinstance(page, list) or not all(_is_thing(each) for each in page):
                raise CloudUnreachable(f"The cloud answered nonsense when asked to {doing}.")
            yield from page
            if not page or not _has_more(answer, key):
                return
            marker = {"marker": page[-1]["id"]}

    def _adapter(self, service: Service) -> Adapter:
        with self._lock:
            if service not in self._adapters:
                self._adapters[service] = self._open(service)
            return self._adapters[service]

    def _open(self, service: Service) -> Adapter:
        region = self._connected()
        return Adapter(
            region.get_session(),
            service_type=region.get_service_type(service),
            service_name=region.get_service_name(service),
            interface=region.get_interface(service),
            region_name=region.get_region_name(service),
            endpoint_override=_endpoint(region, service),
            min_version="2",
            max_version="2.latest",
        )

    def _connected(self) -> CloudRegion:
        if self._opened is None:
            region = self._region()
            self._wire = _wire()
            # It is called as the class would be; its annotation knows only the class.
            region.set_session_constructor(partial(Session, session=self._wire))  # type: ignore[arg-type]
            self._opened = region
        return self._opened

    def _negotiate(self) -> tuple[int, int]:
        data = self._adapter("compute").get_endpoint_data()
        newest = data.max_microversion if data is not None else None
        if newest is None:  # discovery failed, and is tried anew the next time
            raise CloudUnreachable("The cloud's Nova did not say which microversions it speaks.")
        spoken = min(MICROVERSION, (int(newest[0]), int(newest[1])))
        if spoken < NEEDED_MICROVERSION:
            raise CloudError("The cloud's Nova is too old: microversion 2.52 (Pike, 2017) is needed.")
        return spoken


class _Patience(TCPKeepAliveAdapter):
    """Bounds every request in time: also the ones to Keystone, and the ones that find endpoints."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """See `requests.adapters.HTTPAdapter.send`."""
        wanted = kwargs.get("timeout")
        patience = min(wanted, READ_SECONDS) if isinstance(wanted, int | float) else READ_SECONDS
        kwargs["timeout"] = (CONNECT_SECONDS, patience)
        return super().send(request, *args, **kwargs)


def _wire() -> requests.Session:
    wire = requests.Session()
    for scheme in ("http://", "https://"):
        wire.mount(scheme, _Patience(pool_maxsize=_POOL, max_retries=0))
    return wire


def _endpoint(region: CloudRegion, service: Service) -> str | None:
    """Where a service is, with its version; None where that is to be discovered.

    Only Nova's has to be, for its microversions. Where discovery fails, keystoneauth goes on below the bare
    host, where everything is 404.
    """
    endpoint = region.get_endpoint(service)
    if service not in _VERSIONS:
        return endpoint
    endpoint = endpoint or region.get_session().get_endpoint(
        service_type=region.get_service_type(service),
        service_name=region.get_service_name(service),
        interface=region.get_interface(service),
        region_name=region.get_region_name(service),
        skip_discovery=True,
    )
    if endpoint is None or re.search(r"/v\d[\d.]*(/|$)", endpoint):
        return endpoint
    return f"{endpoint.rstrip('/')}/{_VERSIONS[service]}"


def _body(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return response.text


def _object(response: requests.Response) -> Json:
    if not response.content:
        return {}
    answer = response.json()
    if not isinstance(answer, dict):
        raise ValueError("the answer is no JSON object")  # noqa: TRY004 - it is what `json` raises for nonsense
    return answer


def _thing(answer: Json, key: str, doing: str) -> Json:
    thing = answer.get(key)
    if not isinstance(thing, dict) or not _is_thing(thing):
        raise CloudUnreachable(f"The cloud answered nonsense when asked to {doing}.")
    return thing


def _is_thing(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str)


def _has_more(answer: Json, key: str) -> bool:
    if key == "images":
        return "next" in answer
    return any(link.get("rel") == "next" for link in answer.get(f"{key}_links") or [])
