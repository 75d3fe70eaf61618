"""The registry's API, as far as the bot needs it: the OCI distribution protocol, by `requests`.

The registry may be down, slow, or lie. So its answers are limited in time and size, its redirects are not
followed, and a digest is computed here, not believed.
https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
"""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import requests
from urllib3.exceptions import HTTPError

from bot.bounded_answers import read_bounded
from bot.errors import RegistryError, RegistryUnreachable
from bot.images.challenges import Challenge, bearer_challenge
from bot.images.manifests import MEDIA_TYPES, Manifest, digest_of, is_digest, read_manifest, read_object
from bot.images.names import RegistryPlace, is_on_loopback
from bot.images.rights import RegistryRights
from bot.images.tokens import Scope

MANIFEST_BYTES = 4 * 1024 * 1024
"""How large a manifest may be: what the specification asks registries to take."""
TIMEOUT_SECONDS = (3.05, 5.0)
"""To connect, and between two bytes."""
ANSWER_SECONDS = 10.0
"""How long a whole answer may take, even if bytes keep arriving."""
MOST_IMAGES = 8
"""How many images of an index are looked at: one for each platform, and their attestations."""

_NOTHING_THERE = frozenset({HTTPStatus.NOT_FOUND})
_DELETED = frozenset({HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND})


class _Answer(NamedTuple):
    status: int
    challenge: Challenge | None
    body: bytes


class ImageRegistry:
    """One registry.

    Args:
        place: Where it is.
        rights: How the bot shows that it may ask.
    """

    def __init__(self, place: RegistryPlace, rights: RegistryRights) -> None:
        self._place, self._rights = place, rights
        self._session = requests.Session()

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def check(self) -> None:
        """Find out whether it answers, takes the bot's rights, and refuses others.

        Raises:
            RegistryError: Says what is wrong.
        """
        if self._ask("GET", "", None).status != HTTPStatus.OK:
            raise RegistryError(f"{self._place.host} does not speak the OCI distribution protocol.")
        if self._send("GET", "", "").status == HTTPStatus.OK:
            raise RegistryError(
                f"{self._place.host} asks nobody who they are.",
                hint="Whoever reaches it could overwrite images. See docs/images.md for its configuration.",
            )

    def check_deletion(self) -> None:
        """Find out whether images can be deleted, by deleting one that is not there.

        Raises:
            RegistryError: Says why not.
        """
        self.delete(self._place.repository("check"), digest_of(b"nothing has this digest"))

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Find an image; None where there is none.

        Args:
            repository: Its full name.
            reference: A tag, or the digest of a manifest.

        Raises:
            RegistryUnreachable: It did not answer.
            RegistryError: It refused, or answered something else than was asked for.
        """
        body = self._manifest_body(repository, reference)
        if body is None:
            return None
        found = read_manifest(body)
        for digest in found.members[:MOST_IMAGES]:
            member = self._manifest_body(repository, digest)
            if member is not None:
                found = replace(found, layers={**found.layers, **read_manifest(member).layers})
        return found

    def delete(self, repository: str, digest: str) -> None:
        """Delete a manifest; one that is not there is deleted.

        Raises:
            RegistryUnreachable: It did not answer.
            RegistryError: It refused.
        """
        scope = Scope(self._place.path(repository), ("pull", "delete"))
        answer = self._ask("DELETE", _path(scope, digest), scope)
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            raise RegistryError("The registry does not allow images to be deleted (storage.delete.enabled).")
        if answer.status not in _DELETED:
            raise RegistryError(f"The registry answered {answer.status} to a deletion.")

    def _manifest_body(self, repository: str, reference: str) -> bytes | None:
        scope = Scope(self._place.path(repository), ("pull",))
        answer = self._ask("GET", _path(scope, reference), scope)
        if answer.status in _NOTHING_THERE:
            return None
        if answer.status != HTTPStatus.OK:
            raise RegistryError(f"The registry answered {answer.status} instead of a manifest.")
        if is_digest(reference) and digest_of(answer.body) != reference:
            raise RegistryError("The registry answered another manifest than the one that was asked for.")
        return answer.body

    def _ask(self, method: str, path: str, scope: Scope | None) -> _Answer:
        header = self._rights.header(scope)
        answer = self._send(method, path, header)
        if answer.status == HTTPStatus.UNAUTHORIZED and header.startswith("Basic ") and answer.challenge:
            answer = self._send(method, path, f"Bearer {self._exchange(answer.challenge, header, scope)}")
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise RegistryUnreachable(f"{self._place.host} answered {answer.status}.")
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise RegistryError(
                f"{self._place.host} refuses the bot.",
                hint="It must know IMAGE_REGISTRY_CERTIFICATE, IMAGE_REGISTRY_SERVICE and "
                "IMAGE_REGISTRY_ISSUER, or the accounts of IMAGE_REGISTRY_PULL and IMAGE_REGISTRY_PUSH.",
            )
        return answer

    def _exchange(self, challenge: Challenge, header: str, scope: Scope | None) -> str:
        """Get a token from the token server that a registry with accounts names."""
        parts = urlsplit(challenge.realm)
        if parts.scheme != "https" and not (self._place.is_http or is_on_loopback(parts.hostname or "")):
            raise RegistryError("The registry names a token server that does not use https.")
        asked = {"service": challenge.service} | ({"scope": str(scope)} if scope else {})
        found = read_object(self._request("GET", challenge.realm, header, asked).body)
        token = found.get("token") or found.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise RegistryError("The token server of the registry gave no token.")
        return token

    def _send(self, method: str, path: str, header: str) -> _Answer:
        return self._request(method, f"{self._place.url}/v2/{path}", header)

    def _request(
        self, method: str, url: str, header: str, params: Mapping[str, str] | None = None
    ) -> _Answer:
        headers = {"Accept": ", ".join(MEDIA_TYPES), "Accept-Encoding": "identity"}
        try:
            with self._session.request(
                method,
                url,
                params=params,
                headers=headers,
                auth=_Authorization(header),
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as answer:
                challenge = bearer_challenge(answer.headers.get("WWW-Authenticate", ""))
                length = answer.headers.get("Content-Length", "")
                body = read_bounded(answer, MANIFEST_BYTES + 1, ANSWER_SECONDS)
        except (requests.RequestException, HTTPError, ValueError) as error:
            raise RegistryUnreachable(f"{self._place.host} did not answer.") from error
        if len(body) > MANIFEST_BYTES:
            raise RegistryError("The registry answered more than a manifest may have.")
        if answer.status_code == HTTPStatus.OK and length.isdecimal() and len(body) < int(length):
            raise RegistryUnreachable(f"{self._place.host} answered too slowly.")
        return _Answer(answer.status_code, challenge, body)


class _Authorization(requests.auth.AuthBase):
    """Sends our header, and nothing that a `.netrc` of the bot's host says."""

    def __init__(self, header: str) -> None:
        self._header = header

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._header:
            request.headers["Authorization"] = self._header
        return request


def _path(scope: Scope, reference: str) -> str:
    return f"{scope.name}/manifests/{quote(reference, safe=':')}"
