"""Slack in front of several workspaces: it gives out tokens by OAuth, and passes calls on by their token.

Behind it stand ordinary `workspace` servers, which know one token each.
"""

import json
import secrets
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import Request, urlopen

from workspace.server import Workspace

CLIENT_ID, CLIENT_SECRET = "1.2", "the-secret-of-the-app"
ORGANISATION = "E0ORG"


@dataclass
class Grant:
    """What a token, a refresh token or a code stands for."""

    team_id: str
    of_all: bool = False
    ends_at: float | None = None


@dataclass
class SlackFront:
    """What Slack knows; `api_url` is the root of its Web API.

    Attributes:
        workspaces: By their ids.
        rotates: Whether tokens end, and how: the seconds that they live; None where they do not.
        members: The ids of the workspaces of `ORGANISATION`.
        asked: Each call: the method, and for which workspace its token speaks.
        before: Called before each refresh is answered.
    """

    workspaces: dict[str, Workspace]
    rotates: float | None = None
    members: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.time
    url: str = ""
    tokens: dict[str, Grant] = field(default_factory=dict)
    refreshes: dict[str, Grant] = field(default_factory=dict)
    codes: dict[str, Grant] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)
    down: bool = False

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    def agree(self, team_id: str, *, of_all: bool = False) -> str:
        """Somebody agrees to install: the code with which their browser comes back."""
        code = secrets.token_urlsafe(8)
        self.codes[code] = Grant(team_id, of_all)
        return code

    def remove(self, team_id: str) -> None:
        """A workspace removes the app: its tokens die."""
        for known in (self.tokens, self.refreshes):
            for each in [token for token, grant in known.items() if grant.team_id == team_id]:
                del known[each]

    def answer(self, method: str, given: dict[str, str], token: str) -> dict[str, Any]:
        """What Slack itself answers; empty where the workspace does."""
        if method == "oauth.v2.access":
            return self._access(given)
        return self._answer(method, token)

    def _answer(self, method: str, token: str) -> dict[str, Any]:
        grant = self.tokens.get(token)
        if grant is None:
            return {"ok": False, "error": "invalid_auth"}
        if grant.ends_at is not None and grant.ends_at <= self.clock():
            return {"ok": False, "error": "token_expired"}
        if method == "auth.revoke":
            del self.tokens[token]
            return {"ok": True, "revoked": True}
        if method == "auth.teams.list":
            return {"ok": True, "teams": [{"id": each, "name": each} for each in self.members]}
        return {}

    def _access(self, given: dict[str, str]) -> dict[str, Any]:
        if (given.get("client_id"), given.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return {"ok": False, "error": "bad_client_secret"}
        if given.get("grant_type") == "refresh_token":
            self.before()
            grant = self.refreshes.pop(given.get("refresh_token", ""), None)
            return self._tokens(grant) if grant else {"ok": False, "error": "invalid_refresh_token"}
        grant = self.codes.pop(given.get("code", ""), None)
        return self._installed(grant) if grant else {"ok": False, "error": "invalid_code"}

    def _installed(self, grant: Grant) -> dict[str, Any]:
        state = self.workspaces[grant.team_id].state
        team = None if grant.of_all else {"id": grant.team_id, "name": state.team_name}
        in_organisation = grant.of_all or grant.team_id in self.members
        return {
            **self._tokens(grant),
            "app_id": state.app_id,
            "scope": "chat:write,commands",
            "bot_user_id": state.bot.id,
            "authed_user": {"id": state.person("ada").id},
            "team": team,
            "enterprise": {"id": ORGANISATION, "name": "Org"} if in_organisation else None,
            "is_enterprise_install": grant.of_all,
        }

    def _tokens(self, grant: Grant) -> dict[str, Any]:
        token, refresh = (f"{kind}-{secrets.token_hex(12)}" for kind in ("xoxe.xoxb-1", "xoxe-1"))
        ends_at = None if self.rotates is None else self.clock() + self.rotates
        self.tokens[token] = Grant(grant.team_id, grant.of_all, ends_at)
        self.issued += [token]
        told: dict[str, Any] = {"ok": True, "access_token": token, "token_type": "bot"}
        if self.rotates is not None:
            self.refreshes[refresh] = grant
            self.issued += [refresh]
            told |= {"refresh_token": refresh, "expires_in": self.rotates}
        return told

    def forward(self, path: str, body: bytes, headers: dict[str, str], team_id: str) -> tuple[int, bytes]:
        """Have a workspace answer, as if it had been asked itself."""
        workspace = self.workspaces[team_id]
        if "Authorization" in headers:
            headers["Authorization"] = f"Bearer {workspace.bot_token}"
        request = Request(workspace.url + path, body, headers)
        try:
            with urlopen(request, timeout=30) as answer:
                status, told = answer.status, answer.read()
        except HTTPError as error:
            status, told = error.code, error.read()
        return status, told.replace(workspace.url.encode(), f"{self.url}/of/{team_id}".encode())


_PASSED_ON = ("Content-Type", "Authorization")


def _handler(front: SlackFront) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
            if front.down:
                self._give(503, b"")
            elif self.path.startswith("/of/"):
                _, _, team_id, rest = self.path.split("/", 3)
                self._give(*front.forward(f"/{rest}", body, headers, team_id))
            else:
                self._call(urlsplit(self.path).path.removeprefix("/api/"), body, headers)

        do_GET = do_POST  # noqa: N815 - the base class's name

        def _call(self, method: str, body: bytes, headers: dict[str, str]) -> None:
            kind, _, token = headers.get("Authorization", "").partition(" ")
            given = {} if "json" in headers.get("Content-Type", "") else dict(parse_qsl(body.decode()))
            if kind == "Basic":
                client = b64decode(token).decode().split(":", 1)
                given |= dict(zip(("client_id", "client_secret"), client, strict=True))
            grant = front.tokens.get(token)
            front.asked.append((method, grant.team_id if grant else ""))
            told = front.answer(method, given, token)
            if told:
                self._give(200, json.dumps(told).encode())
            elif grant is not None:
                self._give(*front.forward(self.path, body, headers, grant.team_id))

        def _give(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def slack_front(workspaces: Sequence[Workspace], **options: Any) -> Iterator[SlackFront]:
    """Serve it on a free port of loopback; the workspaces are running."""
    front = SlackFront({each.state.team_id: each for each in workspaces}, **options)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(front))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    front.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield front
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
