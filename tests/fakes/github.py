"""A small stand-in of GitHub: its device flow, its API for Apps, and its repositories over git.

It misbehaves as GitHub does: what somebody may not read is not there, and neither is what the App is not
installed on; a refresh token is good once; whoever asks too often is slowed down, or refused for a while.
"""

import base64
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.conftest import GitServer, ScriptedHandler

APP_ID, CLIENT_ID = "4711", "Iv1.standin"
_API = "/api"
_GIT = re.compile(r"/(?P<name>[^/]+/[^/]+?)(?:\.git)?/(?:info/refs|git-upload-pack)")

Answer = tuple[int, Mapping[str, Any]]


@cache
def app_key() -> rsa.RSAPrivateKey:
    """The key of the App."""
    return rsa.generate_private_key(65_537, 2048)


def app_key_as_pem() -> str:
    """What an operator puts into GITHUB_APP_KEY."""
    return app_key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


@dataclass
class Device:
    """A code that was asked for."""

    user_code: str
    ends_at: float
    login: str | None = None
    is_denied: bool = False
    asked_at: float = 0.0


@dataclass
class GitHubState:
    """What GitHub knows, and how it behaves.

    Attributes:
        readers: Who may read each private repository, by `owner/name`.
        installed: The repositories on which the App is installed.
        access: Whose each user token is.
        refresh: Whose each refresh token is; each is good once.
        given: For which repository each installation token is, and until when.
        busy: How many requests it still refuses because there were too many.
        interval: Seconds between two questions about a code.
    """

    readers: dict[str, set[str]] = field(default_factory=dict)
    installed: set[str] = field(default_factory=set)
    devices: dict[str, Device] = field(default_factory=dict)
    access: dict[str, str] = field(default_factory=dict)
    refresh: dict[str, str] = field(default_factory=dict)
    given: dict[str, tuple[str, float]] = field(default_factory=dict)
    busy: int = 0
    is_down: bool = False
    interval: float = 0.05
    code_seconds: float = 900.0
    token_seconds: float = 28_800.0

    def secrets(self) -> dict[str, str]:
        """All that must never be shown, by what it is."""
        found = {"GitHub user token": [*self.access], "GitHub refresh token": [*self.refresh]}
        found |= {"installation token": [*self.given], "device code": [*self.devices]}
        named = {
            f"{kind} {number}": each for kind, several in found.items() for number, each in enumerate(several)
        }
        pairs = [f"x-access-token:{each}" for each in self.given]
        encoded = (base64.b64encode(each.encode()).decode() for each in pairs)
        return named | {f"header {number}": each for number, each in enumerate(encoded)}


class _Handler(ScriptedHandler):
    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        path = urlsplit(self.path).path
        if not path.startswith((f"{_API}/", "/login/")):
            super().do_GET()
            return
        self.owner.requests.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, said = self.owner.reply(self.command, path, self.headers.get("Authorization", ""), body)
        self.answer(status, "application/json", json.dumps(said).encode())


class FakeGitHub(GitServer):
    """Serves it all at one address of loopback."""

    handler = _Handler

    def __init__(self, root: Path) -> None:
        self.state = GitHubState()
        super().__init__(root)

    @property
    def settings(self) -> dict[str, Any]:
        """How the bot is told of it."""
        return {
            "github_app_id": APP_ID,
            "github_app_client_id": CLIENT_ID,
            "github_app_key": app_key_as_pem(),
            "github_url": self.url,
            "github_api_url": f"{self.url}{_API}",
        }

    @property
    def host(self) -> str:
        """Its host and port."""
        return urlsplit(self.url).netloc

    @property
    def app_key_body(self) -> str:
        """A line of the App's key, by which it is known again."""
        return app_key_as_pem().splitlines()[5]

    def approve(self, user_code: str, login: str) -> None:
        """Somebody enters a code."""
        device = next(each for each in self.state.devices.values() if each.user_code == user_code)
        device.login = login

    def deny(self, user_code: str) -> None:
        """Somebody refuses."""
        device = next(each for each in self.state.devices.values() if each.user_code == user_code)
        device.is_denied = True

    def revoke(self, login: str) -> None:
        """Somebody takes the App's right back."""
        for tokens in (self.state.access, self.state.refresh):
            for token in [each for each, whose in tokens.items() if whose == login]:
                del tokens[token]

    # git -------------------------------------------------------------------------------------------------

    def lets_in(self, path: str, authorization: str) -> bool:
        """See `GitServer.lets_in`: a private repository wants a token for itself."""
        found = _GIT.fullmatch(path)
        if found is None or not (self._root / f"{found['name']}.git").is_dir():
            return False
        if found["name"] not in self.state.readers:
            return super().lets_in(path, authorization)
        pairs = {
            f"Basic {base64.b64encode(f'x-access-token:{token}'.encode()).decode()}"
            for token, (name, until) in self.state.given.items()
            if name == found["name"] and until > time.time()
        }
        return authorization in pairs

    # The API ---------------------------------------------------------------------------------------------

    def reply(self, method: str, path: str, authorization: str, body: bytes) -> Answer:  # noqa: PLR0911 - a table
        """Answer one request of the API or of the device flow."""
        if self.state.is_down:
            return 503, {}
        if self.state.busy:
            self.state.busy -= 1
            return 429, {"message": "You have exceeded a secondary rate limit."}
        if path.startswith("/login/"):
            return 200, self._log_in(path, {name: each[0] for name, each in parse_qs(body.decode()).items()})
        token = authorization.removeprefix("Bearer ")
        parts = path.removeprefix(f"{_API}/").split("/")
        match (method, parts):
            case ("GET", ["app"]):
                return (200, {"slug": "binders"}) if self._is_app(token) else (401, {})
            case ("GET", ["user"]):
                login = self.state.access.get(token)
                return (200, {"login": login}) if login else (401, {"message": "Bad credentials"})
            case ("GET", ["repos", owner, name]):
                return self._repository(f"{owner}/{name}", token)
            case ("GET", ["repos", owner, name, "installation"]):
                return self._installation(f"{owner}/{name}", token)
            case ("POST", ["app", "installations", _, "access_tokens"]):
                return self._give(json.loads(body), token)
        return 404, {"message": "Not Found"}

    def _log_in(self, path: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        if form.get("client_id") != CLIENT_ID:
            return {"error": "incorrect_client_credentials"}
        if path == "/login/device/code":
            return self._begin()
        if form.get("grant_type") == "refresh_token":
            login = self.state.refresh.pop(form.get("refresh_token", ""), None)
            return self._tokens(login) if login else {"error": "bad_refresh_token"}
        return self._exchange(form.get("device_code", ""))

    def _begin(self) -> Mapping[str, Any]:
        code = secrets.token_hex(20)
        user_code = f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()
        self.state.devices[code] = Device(user_code, time.time() + self.state.code_seconds)
        return {
            "device_code": code,
            "user_code": user_code,
            "verification_uri": f"{self.url}/login/device",
            "expires_in": self.state.code_seconds,
            "interval": self.state.interval,
        }

    def _exchange(self, code: str) -> Mapping[str, Any]:
        device = self.state.devices.get(code)
        if device is None or device.ends_at <= time.time():
            return {"error": "expired_token"}
        if device.is_denied:
            return {"error": "access_denied"}
        asked_before, device.asked_at = device.asked_at, time.time()
        if device.asked_at - asked_before < self.state.interval:
            return {"error": "slow_down", "interval": self.state.interval * 2}
        if device.login is None:
            return {"error": "authorization_pending"}
        del self.state.devices[code]
        return self._tokens(device.login)

    def _tokens(self, login: str) -> Mapping[str, Any]:
        access, refresh = f"ghu_{secrets.token_hex(18)}", f"ghr_{secrets.token_hex(38)}"
        for old in [each for each, whose in self.state.access.items() if whose == login]:
            del self.state.access[old]
        self.state.access[access], self.state.refresh[refresh] = login, login
        return {
            "access_token": access,
            "expires_in": self.state.token_seconds,
            "refresh_token": refresh,
            "refresh_token_expires_in": 15_897_600,
            "token_type": "bearer",
            "scope": "",
        }

    def _repository(self, name: str, token: str) -> Answer:
        login = self.state.access.get(token)
        if login is None:
            return 401, {"message": "Bad credentials"}
        may = name in self.state.installed and login in self.state.readers.get(name, ())
        return (
            (200, {"full_name": name, "permissions": {"pull": True}})
            if may
            else (404, {"message": "Not Found"})
        )

    def _installation(self, name: str, token: str) -> Answer:
        if not self._is_app(token):
            return 401, {"message": "A JSON web token could not be decoded"}
        return (200, {"id": 99}) if name in self.state.installed else (404, {"message": "Not Found"})

    def _give(self, asked: Mapping[str, Any], token: str) -> Answer:
        if not self._is_app(token):
            return 401, {"message": "A JSON web token could not be decoded"}
        (name,) = asked["repositories"]
        found = [each for each in self.state.installed if each.endswith(f"/{name}")]
        if not found or asked["permissions"] != {"contents": "read"}:
            return 422, {"message": "There is at least one repository that does not exist."}
        until = time.time() + 3600
        given = f"ghs_{secrets.token_hex(18)}"
        self.state.given[given] = (found[0], until)
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))
        return 201, {"token": given, "expires_at": ends, "permissions": {"contents": "read"}}

    def _is_app(self, token: str) -> bool:
        try:
            claims = jwt.decode(token, app_key().public_key(), algorithms=["RS256"], issuer=APP_ID)
        except jwt.PyJWTError:
            return False
        return bool(claims["exp"] - claims["iat"] <= 600)
