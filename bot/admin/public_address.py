"""Tries whether Slack would reach the bot at its public address, by the question that Slack itself asks."""

import json
import secrets
import time
from http import HTTPStatus

import requests
from slack_sdk.signature import SignatureVerifier

from bot.config.slack import EVENTS_PATH
from bot.errors import ConfigError, ServiceUnreachable

_SECONDS = 10.0


def require_reachable(public_url: str, signing_secret: str) -> None:
    """Make sure that a bot with this signing secret answers at its address.

    Raises:
        ServiceUnreachable: No bot answers there, perhaps not yet.
        ConfigError: The bot there has another signing secret.
    """
    challenge = secrets.token_urlsafe(16)
    answer = _ask(public_url + EVENTS_PATH, challenge, signing_secret)
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        raise ConfigError(f"The bot at {public_url} has another SLACK_SIGNING_SECRET, or another clock.")
    if challenge not in answer.text:
        raise ServiceUnreachable(f"No bot answers at {public_url} (HTTP {answer.status_code}).")


def _ask(url: str, challenge: str, signing_secret: str) -> requests.Response:
    body = json.dumps({"type": "url_verification", "challenge": challenge})
    timestamp = str(int(time.time()))
    signature = SignatureVerifier(signing_secret).generate_signature(timestamp=timestamp, body=body)
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": str(signature),
    }
    try:
        return requests.post(url, data=body, headers=headers, timeout=_SECONDS, allow_redirects=False)
    except requests.RequestException:
        raise ServiceUnreachable(f"No bot answers at {url.removesuffix(EVENTS_PATH)}.") from None
