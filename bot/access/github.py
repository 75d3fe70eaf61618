"""GitHub's API, as far as the bot needs it: the device flow, and rights to one repository.

Its answers are limited in time and size, and its redirects are not followed.
https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app and
https://docs.github.com/en/rest/apps/apps, read in December 2026.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from bot.bounded_answers import read_bounded
from bot.errors import ConfigError, RepositoryUnreachable
from bot.sentences import Sentence

_TIMEOUT_SECONDS = (3.05, 5.0)
"""To connect, and between two bytes."""
_ANSWER_SECONDS = 10.0
_ANSWER_BYTES = 1024 * 1024
_JWT_SECONDS = 540
"""GitHub takes ten minutes at most."""
_SKEW_SECONDS = 60
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER_SECONDS = 5.0
_OK = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """A code for a person to enter, and one by which GitHub is asked what became of it. Times in seconds."""

    user_code: str = field(repr=False)
    device_code: str = field(repr=False)
    address: str
    seconds: float
    poll_seconds: float


@dataclass(frozen=True, slots=True)
class Tokens:
    """The right of a person; `seconds` is how long it is good, None for ever."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Pending:
    """The person has not entered the code yet; ask again in so many seconds."""

    poll_seconds: float


@dataclass(frozen=True, slots=True)
class OneRepository:
    """A token that reads one repository; `until` is Unix seconds UTC."""

    token: str = field(repr=False)
    until: float


class CodeExpired(Exception):
    """The code was not entered in time."""


class CodeRefused(Exception):
    """The person, or GitHub, refused."""


class TokenRefused(Exception):
    """GitHub takes a person's token no more."""


class GitHubApi:
    """One site's GitHub App.

    Args:
        url: Where GitHub is.
        api_url: Where its API is.
        app_id: The App.
        client_id: The same App, in the device flow.
        key: Its private key as PEM; a secret.
        clock: Unix seconds, UTC.

    Raises:
        ConfigError: The key is none.
    """

    def __init__(
        self,
        url: str,
        api_url: str,
        *,
        app_id: str,
        client_id: str,
        key: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url, self._api_url = url.rstrip("/"), api_url.rstrip("/")
        self._app_id, self._client_id = app_id, client_id
        self._key, self._clock = key, clock
        try:
            self._signed()
        except (ValueError, TypeError, jwt.PyJWTError):
            raise ConfigError("GITHUB_APP_KEY is no private key in PEM.") from None  # it may be quoted there

    @property
    def host(self) -> str:
        """What people call it."""
        return urlsplit(self._url).netloc

    # The device flow -------------------------------------------------------------------------------------

    def device_code(self) -> DeviceCode:
        """Ask for a code that a person enters.

        Raises:
            CodeRefused: The App does not allow the device flow.
            RepositoryUnreachable: GitHub did not answer.
        """
        said = self._post_form("/login/device/code", {})
        try:
            return DeviceCode(
                user_code=str(said["user_code"]),
                device_code=str(said["device_code"]),
                address=str(said["verification_uri"]),
                seconds=float(said["expires_in"]),
                poll_seconds=float(said.get("interval") or _SLOWER_SECONDS),
            )
        except (KeyError, TypeError, ValueError):
            raise CodeRefused from None

    def exchange(self, device_code: str, poll_seconds: float) -> Tokens | Pending:
        """Ask what became of a code.

        Args:
            device_code: See `DeviceCode`.
            poll_seconds: How often GitHub has let itself be asked so far.

        Raises:
            CodeExpired, CodeRefused: See there.
            RepositoryUnreachable: GitHub did not answer.
        """
        said = self._post_form(
            "/login/oauth/access_token", {"device_code": device_code, "grant_type": _DEVICE_GRANT}
        )
        match said.get("error"):
            case None:
                return _tokens(said)
            case "authorization_pending":
                return Pending(poll_seconds)
            case "slow_down":
                return Pending(float(said.get("interval") or poll_seconds + _SLOWER_SECONDS))
            case "access_denied" | "device_flow_disabled" | "incorrect_client_credentials":
                raise CodeRefused
            case _:
                raise CodeExpired

    def refresh(self, refresh_token: str) -> Tokens:
        """Get the next token of a person. The old ones are worth nothing afterwards.

        Raises:
            TokenRefused: It was used before, is over, or was revoked.
            RepositoryUnreachable: GitHub did not answer.
        """
        asked = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        said = self._post_form("/login/oauth/access_token", asked)
        try:
            return _tokens(said)
        except CodeRefused:
            raise TokenRefused from None

    def login(self, token: str) -> str:
        """What GitHub calls whose token that is; raises as `may_read` does."""
        return str((self._as_person("/user", token) or {}).get("login") or "")

    # Repositories ----------------------------------------------------------------------------------------

    def may_read(self, token: str, owner: str, name: str) -> bool:
        """Whether a person may read a repository, which also has to have the App installed.

        Raises:
            TokenRefused: The token is worth nothing any more.
            RepositoryUnreachable: GitHub did not answer.
        """
        found = self._as_person(f"/repos/{owner}/{name}", token)
        is_same = found is not None and str(found.get("full_name")).lower() == f"{owner}/{name}".lower()
        may = (found or {}).get("permissions") or {}
        return is_same and bool(may.get("pull", True))

    def one_repository(self, owner: str, name: str) -> OneRepository | None:
        """A token that reads the files of one repository for an hour; None where the App is not installed.

        Raises:
            RepositoryUnreachable: GitHub did not answer.
        """
        found = self._as_app("GET", f"/repos/{owner}/{name}/installation")
        if found is None or not isinstance(found.get("id"), int):
            return None
        asked = {"repositories": [name], "permissions": {"contents": "read"}}
        given = self._as_app("POST", f"/app/installations/{found['id']}/access_tokens", asked)
        try:
            until = datetime.fromisoformat(str((given or {})["expires_at"]))
            return OneRepository(str((given or {})["token"]), until.timestamp())
        except (KeyError, ValueError):
            return None

    def app_page(self) -> str:
        """The page on which the App is installed.

        Raises:
            RepositoryUnreachable: GitHub did not answer, or does not know the App.
        """
        found = self._as_app("GET", "/app") or {}
        if not found.get("slug"):
            raise RepositoryUnreachable(Sentence("{host} does not know this site's App.", host=self.host))
        return f"{self._url}/apps/{found['slug']}/installations/new"

    # Requests --------------------------------------------------------------------------------------------

    def _as_person(self, path: str, token: str) -> Mapping[str, Any] | None:
        status, said = self._send("GET", f"{self._api_url}{path}", _Bearer(token))
        if status == HTTPStatus.UNAUTHORIZED:
            raise TokenRefused
        return said if status in _OK else None

    def _as_app(self, method: str, path: str, body: object = None) -> Mapping[str, Any] | None:
        status, said = self._send(method, f"{self._api_url}{path}", _Bearer(self._signed()), json=body)
        if status == HTTPStatus.UNAUTHORIZED:
            raise RepositoryUnreachable(Sentence("{host} does not know this site's App.", host=self.host))
        return said if status in _OK else None

    def _post_form(self, path: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        data = {"client_id": self._client_id, **form}
        return self._send("POST", f"{self._url}{path}", _Anonymous(), data=data)[1]

    def _send(self, method: str, url: str, auth: AuthBase, **body: Any) -> tuple[int, Mapping[str, Any]]:
        try:
            with requests.request(
                method,
                url,
                auth=auth,
                headers={"Accept": "application/json", "User-Agent": "binder-bot"},
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
                **body,
            ) as answer:
                status, headers = answer.status_code, answer.headers
                said = read_bounded(answer, _ANSWER_BYTES, _ANSWER_SECONDS)
        except (requests.RequestException, HTTPError, OSError):
            # What led to it holds the request, and so the secret.
            raise RepositoryUnreachable(Sentence("{host} did not answer.", host=self.host)) from None
        self._check(status, headers)
        return status, _object(said)

    def _check(self, status: int, headers: Mapping[str, str]) -> None:
        """Raise where an answer says nothing of what was asked."""
        is_limited = status == HTTPStatus.FORBIDDEN and (
            headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers
        )
        if is_limited or status == HTTPStatus.TOO_MANY_REQUESTS:
            raise RepositoryUnreachable(Sentence("{host} gets too many requests just now.", host=self.host))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RepositoryUnreachable(Sentence("{host} is in trouble just now.", host=self.host))

    def _signed(self) -> str:
        """Show that the bot is the App; good for some minutes."""
        now = int(self._clock())
        claims = {"iss": self._app_id, "iat": now - _SKEW_SECONDS, "exp": now + _JWT_SECONDS}
        return jwt.encode(claims, self._key, algorithm="RS256")


class _Anonymous(AuthBase):
    """Sends no credentials. Without it, `requests` would look for some in a `.netrc`."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Bearer(AuthBase):
    """Sends one token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _tokens(said: Mapping[str, Any]) -> Tokens:
    try:
        seconds = float(said["expires_in"]) if said.get("expires_in") else None
        return Tokens(str(said["access_token"]), said.get("refresh_token"), seconds)
    except (KeyError, TypeError, ValueError):
        raise CodeRefused from None


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
