"""The workspace over HTTP, on loopback, in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import math
import secrets
import threading
from collections.abc import Awaitable, Callable, Coroutine
from inspect import signature
from pathlib import Path
from time import perf_counter
from typing import Any, Self, TypeVar

from aiohttp import web

from workspace import files
from workspace.delivery import Delivery
from workspace.form_hands import FormHands
from workspace.limits import FailureKind, Failures, InjectedFailure, Rates
from workspace.options import Options
from workspace.people import People
from workspace.socket_mode import Sockets
from workspace.state import Json, SlackError, State
from workspace.views import Views
from workspace.web_api import WebApi

_PAGE = Path(__file__).parent / "page"
_HOST = "127.0.0.1"
_BODY_BYTES = 64 * 1024 * 1024
_LONGEST_POLL_SECONDS = 60.0
_SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Act = Callable[..., "Json | Awaitable[Json]"]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Result = TypeVar("_Result")


class Workspace:
    """A small Slack. Start it, point an app at `api_url` with its two tokens, and a browser at `url`.

    An app in HTTP mode needs `signing_secret` instead of the second token, and `deliver_to` its request URL.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.bot_token = self.options.bot_token or f"xoxb-{secrets.token_hex(16)}"
        self.state = State(self.options.app_name, self.options.trigger_seconds, self.options.team_id)
        self.app_token = self.options.app_token or f"xapp-1-{self.state.app_id}-{secrets.token_hex(16)}"
        self.views = Views(self.state, new_blocks=self.options.new_blocks)
        self.signing_secret = self.options.signing_secret or secrets.token_hex(16)
        self.sockets = Sockets(self.state.app_id, self.options.ack_seconds)
        self.delivery = Delivery(
            self.sockets, self.signing_secret, self.options.ack_seconds, self.options.retry_seconds
        )
        self.api = WebApi(self.state, self.views, self.sockets, self.options, self.bot_token, self.app_token)
        self.people = People(self.state, self.views, self.delivery, self.api, self.options)
        self.forms = FormHands(self.state, self.views, self.delivery, self.people)
        self._failures, self._rates = Failures(), Rates()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="workspace", daemon=True)
        self._runner: web.AppRunner | None = None
        self.url = ""

    @property
    def api_url(self) -> str:
        """The Web API's root, for `WebClient(base_url=…)`."""
        return f"{self.url}/api/"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve; returns when requests are answered. OSError if the port is taken."""
        self._thread.start()
        try:
            self.run(self._start())
        except OSError:
            self.stop()
            raise

    async def _start(self) -> None:
        app = web.Application(middlewares=[self._guard], client_max_size=_BODY_BYTES)
        app.add_routes(self._routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, _HOST, self.options.port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = self.api.base_url = f"http://{_HOST}:{port}"

    def stop(self) -> None:
        """Close everything; the thread is gone when this returns."""
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        await self.delivery.close()
        await self.sockets.close()
        if self._runner:
            await self._runner.cleanup()

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Run something in the server's loop, from another thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def deliver_to(self, request_url: str) -> None:
        """From now on, send everything to this URL, as Slack does without Socket Mode."""
        self.delivery.request_url = request_url

    def fail_next(self, method: str, kind: FailureKind, times: int = 1, retry_after: float = 1) -> None:
        """Let the next calls of a method (or of `response_url`) fail.

        Args:
            method: the Web API method, as `chat.postMessage`; or `upload`.
            kind: `ratelimited` (429), `http_500`, `drop_before` (the connection is lost before anything is
                done), `drop_after` (it is done, then the connection is lost), `slow` (it is done, but late).
            times: how many calls.
            retry_after: seconds for `ratelimited` and `slow`.
        """
        self._failures.order(method, InjectedFailure(kind, retry_after), times)

    def disconnect_all(self, *, abrupt: bool = True) -> None:
        """Lose the app's sockets, or (not `abrupt`) ask it to come again on new ones."""
        self.run(self.sockets.disconnect_all(abrupt=abrupt))

    def duplicate_next(self, times: int = 1) -> None:
        """Send the next envelopes twice, as Slack does at times."""
        self.sockets.duplicates += times

    def uninstall(self) -> None:
        """Remove the app: it hears of it, and its tokens die."""
        self.run(_called(self.people.uninstall))

    def _routes(self) -> list[web.RouteDef]:
        hands: dict[str, Act] = {
            "command": self.people.command,
            "message": self.people.message,
            "click": self.people.click,
            "type": self.forms.type,
            "suggest": self.forms.suggest,
            "submit": self.forms.submit,
            "close": self.forms.close,
            "shortcut": self.people.shortcut,
            "open_home": self.people.open_home,
            "delete": self.people.delete,
        }
        return [
            web.post("/api/{method}", self._web_api),
            web.get("/api/{method}", self._web_api),
            web.get("/link", self.sockets.serve),
            web.post("/upload/{key}", self._upload),
            web.get("/files/{key}/{name}", self._file),
            web.post("/response/{key}", self._respond),
            web.get("/hands/state", self._seen),
            *(web.post(f"/hands/{name}", _hand(act)) for name, act in hands.items()),
            web.get("/", _page("index.html")),
            *(web.get(f"/{each.name}", _page(each.name)) for each in sorted(_PAGE.iterdir())),
        ]

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        # Other pages in the same browser must reach nothing here: neither under a name of their own that
        # resolves to loopback (Host; slack_sdk's own WebSocket client leaves the port out of it), nor by
        # posting from their own origin (Origin), which may be a server on another port of this machine.
        port = self.url.rpartition(":")[2]
        origin = request.headers.get("Origin", f"http://{_HOST}:{port}")
        own = origin in (f"http://{_HOST}:{port}", f"http://localhost:{port}")
        if not own or request.host.partition(":")[0] not in (_HOST, "localhost"):
            raise web.HTTPForbidden(text="this workspace answers only to its own page and app")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(_SECURITY)
        return response

    async def _web_api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        given, token = await _arguments(request)
        failure = self._failures.take(method)
        if failure:
            early = await _fail_before(request, failure)
            if early:
                return early
        wait = (
            self._rates.seconds_to_wait(method, str(given.get("channel")))
            if self.options.enforce_rates
            else 0
        )
        if wait:
            return _rate_limited(wait)
        answer = self._answer(method, token, given)
        if failure and failure.kind == "drop_after":
            return _drop(request)
        return answer

    def _answer(self, method: str, token: str, given: Json) -> web.Response:
        try:
            return web.json_response(self.api.call(method, token, given))
        except SlackError as error:
            return web.json_response(error.as_slack())

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        failure = self._failures.take("upload")
        if failure:
            early = await _fail_before(request, failure)
            if early:
                return early
        answer = await files.take(self.state, request)
        return _drop(request) if failure and failure.kind == "drop_after" else answer

    async def _file(self, request: web.Request) -> web.Response:
        return files.give(self.state, request)

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        payload = await _json_object(request)
        failure = self._failures.take("response_url")
        if failure:
            early = await _fail_before(request, failure)
            if early:
                return early
        try:
            self.people.respond(request.match_info["key"], payload)
        except SlackError as error:
            return web.json_response(error.as_slack(), status=404 if error.error.endswith("_url") else 400)
        return _drop(request) if failure and failure.kind == "drop_after" else web.Response(text="ok")

    async def _seen(self, request: web.Request) -> web.Response:
        user = request.query.get("user", "ada")
        try:
            since = int(request.query.get("since", "0"))
            seconds = min(float(request.query.get("timeout", "0")), _LONGEST_POLL_SECONDS)
        except ValueError:
            raise web.HTTPBadRequest(text="since and timeout are numbers") from None
        await self.state.wait_since(since, seconds)
        try:
            seen = self.people.seen_by(user)
        except SlackError as error:
            return web.json_response(error.as_slack(), status=404)
        return web.json_response({**seen, "suggestion": self.options.suggestion})


async def _called(function: Callable[[], _Result]) -> _Result:
    return function()


def _page(name: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(_PAGE / name)

    return serve


def _hand(act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(request: web.Request) -> web.Response:
        # A form of another page cannot send this type without asking first (CORS), and is not answered.
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        given, started = await _json_object(request), perf_counter()
        try:
            arguments = signature(act).bind(**given)
        except TypeError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        try:
            done = act(*arguments.args, **arguments.kwargs)
            answer = done if isinstance(done, dict) else await done
        except SlackError as error:
            answer = error.as_slack()
        return web.json_response({**answer, "seconds": perf_counter() - started})

    return serve


async def _json_object(request: web.Request) -> Json:
    try:
        found = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(text="invalid_payload") from None
    if not isinstance(found, dict):
        raise web.HTTPBadRequest(text="invalid_payload")
    return found


async def _arguments(request: web.Request) -> tuple[Json, str]:
    if request.content_type == "application/json" and request.can_read_body:
        given = await _json_object(request)
    else:
        given = {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    given = {**request.query, **given}
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return given, token.strip() if scheme == "Bearer" else str(given.get("token") or "")


async def _fail_before(request: web.Request, failure: InjectedFailure) -> web.Response | None:
    if failure.kind == "slow":
        await asyncio.sleep(failure.seconds)
    if failure.kind == "ratelimited":
        return _rate_limited(failure.seconds)
    if failure.kind == "http_500":
        return web.Response(status=500, text="Internal Server Error")
    return _drop(request) if failure.kind == "drop_before" else None


def _rate_limited(seconds: float) -> web.Response:
    body = json.dumps({"ok": False, "error": "ratelimited"})
    headers = {"Retry-After": str(math.ceil(seconds))}
    return web.Response(status=429, text=body, content_type="application/json", headers=headers)


def _drop(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()
