"""How the app hears of what happens: at its request URL (HTTP mode), or over its sockets if it has none."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp

from workspace.socket_mode import NotAnsweredError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workspace.socket_mode import Sockets
    from workspace.state import Json

_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"
_AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"
_REASONS = {"operation_timeout": "http_timeout", "dispatch_failed": "connection_failed"}
"""What Slack calls the reason of a retry; `http_error` for all other errors."""


class Delivery:
    """Reaches the app. Used from the server's loop only.

    Args:
        sockets: Used while `request_url` is empty.
        signing_secret: With it, requests are signed.
        ack_seconds: How long the app may take to acknowledge.
        retry_seconds: How long after a failure an event is sent again, for each retry.
    """

    def __init__(
        self, sockets: Sockets, signing_secret: str, ack_seconds: float, retry_seconds: Sequence[float]
    ) -> None:
        self.request_url = ""
        self._sockets = sockets
        self._secret = signing_secret
        self._timeout = aiohttp.ClientTimeout(total=ack_seconds)
        self._retry_seconds = retry_seconds
        self._events: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> int:
        """By how many ways the app hears of anything, as far as is known."""
        return 1 if self.request_url else self._sockets.connected

    async def ask(self, kind: str, payload: Json) -> Json:
        """Send what a person did, once; returns what the app acknowledged it with.

        Raises:
            NotAnsweredError: Nobody answered, not in time, or with an error.
        """
        if not self.request_url:
            return await self._sockets.ask(kind, payload)
        fields = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
        text = await self._post(urlencode(fields), _FORM, {})
        return _acknowledged(text)

    def tell(self, payload: Json) -> None:
        """Send an event, and again while it is not acknowledged."""
        if not self.request_url:
            self._sockets.tell(payload)
            return
        task = asyncio.create_task(self._tell(json.dumps(payload)))
        self._events.add(task)
        task.add_done_callback(self._events.discard)

    async def _tell(self, body: str) -> None:
        retry: dict[str, str] = {}
        for number, seconds in enumerate([*self._retry_seconds, None], 1):
            try:
                await self._post(body, _JSON, retry)
            except NotAnsweredError as error:
                if seconds is None:
                    return
                await asyncio.sleep(seconds)
                reason = _REASONS.get(error.error, "http_error")
                retry = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
            else:
                return

    async def _post(self, body: str, content_type: str, headers: dict[str, str]) -> str:
        signed = {"Content-Type": content_type, "User-Agent": _AGENT, **self._signature(body), **headers}
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,
                session.post(self.request_url, data=body, headers=signed, allow_redirects=False) as answer,
            ):
                if answer.status != HTTPStatus.OK:
                    raise NotAnsweredError("http_service_error")
                return await answer.text()
        except TimeoutError:
            raise NotAnsweredError("operation_timeout") from None
        except aiohttp.ClientError:
            raise NotAnsweredError("dispatch_failed") from None

    def _signature(self, body: str) -> dict[str, str]:
        timestamp = str(int(time.time()))
        signed = f"v0:{timestamp}:{body}".encode()
        digest = hmac.new(self._secret.encode(), signed, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}

    async def close(self) -> None:
        """End what is under way."""
        for task in list(self._events):
            task.cancel()
        await asyncio.gather(*self._events, return_exceptions=True)


def _acknowledged(text: str) -> Json:
    """What an answer says: JSON, or a text that is shown; nothing where it is empty."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {"text": text}
    return found if isinstance(found, dict) else {"text": text}
