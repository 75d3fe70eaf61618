"""Requests to an OpenStack cloud, and their answers as JSON.

What the libraries do is left to them: openstacksdk reads the credentials (clouds.yaml, the `OS_…` variables),
and keystoneauth signs in, renews tokens, and finds endpoints and microversions. Four things are done here,
because the libraries' own ways do not fit (openstacksdk 4.22, keystoneauth 5.18, November 2026):

- Listings and their pages are plain JSON. The SDK's resource objects take tens of milliseconds of CPU for
  each server that is listed, which is most of a minute a tick for a thousand binders.
- Connecting has a shorter timeout than reading. keystoneauth takes one number for both.
- Nothing is retried. A second `POST` may make a second server; only the caller knows what to look for first.
- Only Nova's endpoint is discovered. Where discovery fails for a moment, keystoneauth goes on below the bare
  host, where everything is 404, which would read as "gone".
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
"""The newest that is used with Nova: 2.92 changes key pairs, 2.96 has a listing bug (https://bugs.launchpad.net/bugs/2095364)."""
NEEDED_MICROVERSION = (2, 52)
"""The oldest that works with Nova (Pike, 2017): a server can have tags from the start."""

_JSON_PATCH = "application/openstack-images-v2.1-json-patch"
"""How Glance calls RFC 6902, which it follows in most."""
_VERSIONS = {"network": "v2.0", "image": "v2", "block-storage": "v3"}
_ERRORS = 400
_POOL = 16
"""How many connections are kept for each host: more than the bot has workers by default."""


def region_of_environment(cloud: str | None = None) -> CloudRegion:
    """Read the credentials of a cloud in clouds.yaml (`OS_CLOUD` by default), or of the `OS_…` variables.

    Raises:
        CredentialsRejected: clouds.yaml cannot be read.
    """
    try:
        return OpenStackConfig().get_one(cloud=cloud)
    except yaml.YAMLError as error:
        raise CredentialsRejected("The file clouds.yaml cannot be read: it is not YAML.") from error


class Api:
    """An OpenStack project over HTTP. It connects at the first call, and may be used from several threads.

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
        body: Json | list[Json] | None = None,
        form: str = "application/json",
        seconds: float = READ_SECONDS,
    ) -> Json:
        """Send one request; the JSON of its answer, empty where it has none.

        Args:
            service: The service to ask.
            method: The HTTP method.
            path: The path below the service's endpoint.
            doing: What this is for, as it reads after "could not": `list the servers`.
            params: The parameters of the URL.
            body: Sent as JSON.
            form: The media type of the body.
            seconds: How long the answer may take; at most `READ_SECONDS`.

        Raises:
            CloudError: One of the tree in `errors`.
        """
        with border(doing):
            sent: dict[str, Any] = {"params": params or {}, "raise_exc": False, "timeout": seconds}
            if body is not None:
                sent |= {"json": body, "headers": {"Content-Type": form}}
            if service == "compute":
                sent["microversion"] = ".".join(map(str, self.microversion()))
            response = self._adapter(service).request(path, method, **sent)
            if response.status_code >= _ERRORS:
                raise refusal(response.status_code, _body(response), doing)
            return _object(response)

    def find(self, service: Service, path: str, key: str, doing: str, **params: Any) -> list[Json]:
        """List things, all pages of them.

        Args:
            service: The service to ask.
            path: The path below the service's endpoint.
            key: The key of the things in an answer: `servers`.
            doing: What this is for, as it reads after "could not".
            **params: The parameters of the URL.
        """
        return list(self._pages(service, path, key, doing, params))

    def make(self, service: Service, path: str, key: str, doing: str, what: Mapping[str, Any]) -> Json:
        """Make a thing, and return it; it has at least an `id`."""
        answer = self.call(service, "POST", path, doing, body={key: dict(what)})
        return _thing(answer, key, doing)

    def patch(self, service: Service, path: str, doing: str, changes: list[Json]) -> Json:
        """Change a thing of Glance by a JSON patch, and return it."""
        return self.call(service, "PATCH", path, doing, body=changes, form=_JSON_PATCH)

    def get(self, service: Service, path: str, key: str, doing: str) -> Json:
        """Fetch one thing by the path that ends in its id; it has at least an `id`."""
        return _thing(self.call(service, "GET", path, doing), key, doing)

    def microversion(self) -> tuple[int, int]:
        """The microversion that is used with Nova: the newest that the cloud has, but at most `MICROVERSION`.

        Raises:
            CloudError: The cloud's Nova is too old.
        """
        with border("say which versions it has"), self._lock:
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
                raise CloudUnreachable(f"The cloud gave an answer that makes no sense when asked to {doing}.")
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
            # It is called in the same way as the class, which is all that its annotation allows.
            region.set_session_constructor(partial(Session, session=self._wire))  # type: ignore[arg-type]
            self._opened = region
        return self._opened

    def _negotiate(self) -> tuple[int, int]:
        data = self._adapter("compute").get_endpoint_data()
        newest = data.max_microversion if data is not None else None
        if newest is None:  # discovery failed, and is tried again the next time
            raise CloudUnreachable("The cloud's Nova did not say which microversions it has.")
        spoken = min(MICROVERSION, (int(newest[0]), int(newest[1])))
        if spoken < NEEDED_MICROVERSION:
            raise CloudError("The cloud's Nova is too old: microversion 2.52 (Pike, 2017) is needed.")
        return spoken


class _TimeoutAdapter(TCPKeepAliveAdapter):
    """Gives every request a timeout, also those of keystoneauth itself: signing in and discovery."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """See `requests.adapters.HTTPAdapter.send`."""
        wanted = kwargs.get("timeout")
        seconds = min(wanted, READ_SECONDS) if isinstance(wanted, int | float) else READ_SECONDS
        kwargs["timeout"] = (CONNECT_SECONDS, seconds)
        return super().send(request, *args, **kwargs)


def _wire() -> requests.Session:
    wire = requests.Session()
    for scheme in ("http://", "https://"):
        wire.mount(scheme, _TimeoutAdapter(pool_maxsize=_POOL, max_retries=0))
    return wire


def _endpoint(region: CloudRegion, service: Service) -> str | None:
    """The URL of a service, with its version; None where it has to be discovered.

    Only Nova's has to be, for its microversions.
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
        raise ValueError("the answer is not a JSON object")  # noqa: TRY004 - it is what `json` raises for nonsense
    return answer


def _thing(answer: Json, key: str, doing: str) -> Json:
    thing = answer.get(key)
    if not isinstance(thing, dict) or not _is_thing(thing):
        raise CloudUnreachable(f"The cloud gave an answer that makes no sense when asked to {doing}.")
    return thing


def _is_thing(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str)


def _has_more(answer: Json, key: str) -> bool:
    if key == "images":
        return "next" in answer
    return any(link.get("rel") == "next" for link in answer.get(f"{key}_links") or [])
