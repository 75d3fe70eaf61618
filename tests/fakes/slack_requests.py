"""Requests as Slack sends them in HTTP mode, signed or nearly so."""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import requests
from slack_sdk.signature import SignatureVerifier

SIGNING_SECRET = "the signing secret of all tests"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def signed(
    body: str | bytes, content_type: str = FORM, *, secret: str = SIGNING_SECRET, age: float = 0
) -> dict[str, str]:
    """The headers with which Slack sends a body; `age` in seconds."""
    timestamp = str(int(time.time() - age))
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
    return {
        "Content-Type": content_type,
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": str(signature),
    }


def post(url: str, body: str, headers: Mapping[str, str]) -> requests.Response:
    """Send a body on a connection of its own."""
    with requests.Session() as session:
        session.trust_env = False  # a proxy would not find loopback
        return session.post(url, data=body.encode(), headers=dict(headers), timeout=10)


def command(text: str, trigger: str = "1.1", **others: str) -> str:
    """The body of a slash command."""
    values = {"command": "/binder", "text": text, "trigger_id": trigger, "user_id": "U1", "team_id": "T1"}
    return urlencode({**values, "channel_id": "C1", **others})


def event(event_id: str, kind: str = "app_mention") -> str:
    """The body of an event."""
    inner: dict[str, Any] = {"type": kind, "user": "U1", "channel": "C1", "text": "hello", "ts": "1.1"}
    return json.dumps({"type": "event_callback", "event_id": event_id, "team_id": "T1", "event": inner})
