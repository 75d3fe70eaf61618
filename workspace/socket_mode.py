"""Socket Mode: envelopes to the app over WebSockets, each to one socket, and the app's acknowledgements."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

if TYPE_CHECKING:
    from workspace.state import Json

_MOST_SOCKETS = 10
_REDELIVERIES = 3
_HEARTBEAT_SECONDS = 10.0
_CLOSE_SECONDS = 0.2


class NotAnsweredError(Exception):
    """The app did not acknowledge; `error` is Slack's word for why."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(eq=False)
class _Socket:
    ws: web.WebSocketResponse
    request: web.Request
    retired: bool = False
    sent: int = field(default=0)


class Sockets:
    """The app's open sockets and what is under way on them. Used from the server's loop only."""

    def __init__(self, app_id: str, ack_seconds: float) -> None:
        self._app_id = app_id
        self._ack_seconds = ack_seconds
        self._tickets: set[str] = set()
        self._sockets: list[_Socket] = []
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        self._events: set[asyncio.Task[None]] = set()
        self.duplicates = 0

    @property
    def connected(self) -> int:
        """How many sockets take envelopes."""
        return len(self._live())

    def ticket(self) -> str:
        """The right to open one socket, once."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket endpoint: hello, then acknowledgements until either side leaves."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            raise web.HTTPForbidden(text="unknown or used ticket")
        self._tickets.discard(ticket)
        ws = web.WebSocketResponse(timeout=_CLOSE_SECONDS, heartbeat=_HEARTBEAT_SECONDS)
        await ws.prepare(request)
        if self.connected >= _MOST_SOCKETS:
            await ws.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await ws.close()
            return ws
        socket = _Socket(ws, request)
        await ws.send_json(self._hello())
        self._sockets.append(socket)
        try:
            await self._read(ws)
        finally:
            self._sockets.remove(socket)
        return ws

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": self.connected + 1,
            "connection_info": {"app_id": self._app_id},
            "debug_info": {"host": "workspace", "build_number": 1, "approximate_connection_time": 18060},
        }

    async def _read(self, ws: web.WebSocketResponse) -> None:
        async for frame in ws:
            if frame.type is WSMsgType.TEXT:
                answer = frame.json()
                waiting = self._waiting.get(answer.get("envelope_id", ""))
                if waiting and not waiting.done():
                    waiting.set_result(answer.get("payload") or {})

    async def ask(self, kind: str, payload: Json) -> Json:
        """Send what a person did, once; returns what the app acknowledged it with.

        Raises:
            NotAnsweredError: `dispatch_failed` without a socket, `operation_timeout` without an ack in time.
        """
        return await self._deliver({"type": kind, "payload": payload, "accepts_response_payload": True})

    def tell(self, payload: Json) -> None:
        """Send an event, and again up to three times while nobody acknowledges it."""
        task = asyncio.create_task(self._tell(payload))
        self._events.add(task)
        task.add_done_callback(self._events.discard)

    async def _tell(self, payload: Json) -> None:
        envelope: Json = {"type": "events_api", "payload": payload, "accepts_response_payload": False}
        for attempt in range(_REDELIVERIES + 1):
            reason = "timeout" if attempt else ""
            try:
                await self._deliver({**envelope, "retry_attempt": attempt, "retry_reason": reason})
            except NotAnsweredError as error:
                if error.error == "dispatch_failed":
                    await asyncio.sleep(self._ack_seconds)
            else:
                return

    async def _deliver(self, envelope: Json) -> Json:
        envelope_id = str(uuid.uuid4())
        self._waiting[envelope_id] = asyncio.get_running_loop().create_future()
        try:
            await self._send({"envelope_id": envelope_id, **envelope})
            return await asyncio.wait_for(self._waiting[envelope_id], self._ack_seconds)
        except TimeoutError:
            raise NotAnsweredError("operation_timeout") from None
        finally:
            del self._waiting[envelope_id]

    async def _send(self, envelope: Json) -> None:
        twice = self.duplicates > 0
        self.duplicates -= twice
        for _ in range(1 + twice):
            socket = self._next()
            socket.sent += 1
            try:
                await socket.ws.send_json(envelope)
            except ConnectionError:
                raise NotAnsweredError("dispatch_failed") from None

    def _next(self) -> _Socket:
        live = self._live()
        if not live:
            raise NotAnsweredError("dispatch_failed")
        return min(live, key=lambda one: one.sent)

    def _live(self) -> list[_Socket]:
        return [one for one in self._sockets if not one.retired and not one.ws.closed]

    async def disconnect_all(self, *, abrupt: bool) -> None:
        """Lose every socket at once (`abrupt`), or ask the app to come again on new ones, as Slack does."""
        for socket in self._live():
            if abrupt:
                transport = socket.request.transport
                if transport:
                    transport.abort()
            else:
                socket.retired = True
                await socket.ws.send_json({"type": "disconnect", "reason": "refresh_requested"})

    async def close(self) -> None:
        """End what is under way and close the sockets."""
        for task in list(self._events):
            task.cancel()
        await asyncio.gather(*self._events, return_exceptions=True)
        for socket in list(self._sockets):
            await socket.ws.close(code=1001)
