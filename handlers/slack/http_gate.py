"""What Slack sends in HTTP mode, checked before anything else of the bot sees it.

Bolt checks signatures as well, but later: it parses a body before, and logs one that it refuses. It also
answers a request that is sent twice. Here, what is not from Slack leaves no trace at all.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import structlog
from slack_bolt import App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_bolt.request.internals import parse_body
from slack_sdk.signature import SignatureVerifier

from bot.config.slack import EVENTS_PATH
from storage import seen_requests
from storage.engine import Store

log = structlog.get_logger(__name__)

_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"
_LONGEST_TIMESTAMP = 12


class Refused(Exception):
    """A request that is not passed on.

    Args:
        status: What its sender is told.
        headers: Beside those that each answer has.
    """

    def __init__(self, status: HTTPStatus, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status.phrase)
        self.status = status
        self.headers = headers or {}


class HttpGate:
    """A WSGI application that passes on to Bolt what Slack signed, once.

    Args:
        bolt: What answers; with its installation pages, if it has an OAuth flow.
        signing_secret: With which Slack signs; secret.
        store: Where all replicas note what they have taken.
    """

    def __init__(self, bolt: App, signing_secret: str, store: Store) -> None:
        self._bolt = SlackRequestHandler(bolt, EVENTS_PATH)
        self._verifier = SignatureVerifier(signing_secret)
        self._store = store
        self._methods = {EVENTS_PATH: "POST"}
        if flow := bolt.oauth_flow:
            self._methods |= {flow.install_path: "GET", flow.redirect_uri_path: "GET"}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, as PEP 3333 says."""
        try:
            return self._answer(environ, start_response)
        except Refused as refused:
            return _say(start_response, refused.status, refused.headers)
        except Exception as error:  # noqa: BLE001 - its text may hold parts of the request
            log.error("request_broke", error=type(error).__name__)  # noqa: TRY400 - likewise
            return _say(start_response, HTTPStatus.SERVICE_UNAVAILABLE)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self._require_known(environ["PATH_INFO"], environ["REQUEST_METHOD"])
        if environ["REQUEST_METHOD"] == "GET":
            return self._bolt(environ, start_response)
        content_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if content_type not in {_FORM, _JSON}:
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        signature = self._require_signed(environ, body)
        event = _event_of(body, content_type)
        if not self._take(event or signature):
            if event is None:
                raise Refused(HTTPStatus.CONFLICT)
            return _say(start_response, HTTPStatus.OK)
        environ["wsgi.input"] = io.BytesIO(body)
        return self._pass_on(environ, start_response, event)

    def _require_known(self, path: str, method: str) -> None:
        known = self._methods.get(path)
        if known is None:
            raise Refused(HTTPStatus.NOT_FOUND)
        if method != known:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": known})

    def _require_signed(self, environ: WSGIEnvironment, body: bytes) -> str:
        """The signature, which is right and not older than five minutes."""
        signature: str = environ.get("HTTP_X_SLACK_SIGNATURE", "")
        timestamp: str = environ.get("HTTP_X_SLACK_REQUEST_TIMESTAMP", "")
        is_readable = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _LONGEST_TIMESTAMP
        if not is_readable or not signature.isascii() or not _is_utf8(body):  # slack_sdk raises for these
            raise Refused(HTTPStatus.UNAUTHORIZED)
        if not self._verifier.is_valid(body, timestamp, signature):
            raise Refused(HTTPStatus.UNAUTHORIZED)
        return signature

    def _take(self, key: str) -> bool:
        """Whether no replica has taken this before."""
        with self._store.write() as session:
            return seen_requests.take(session, key)

    def _pass_on(
        self, environ: WSGIEnvironment, start_response: StartResponse, event: str | None
    ) -> Iterable[bytes]:
        answered: list[int] = []

        def start(status: str, headers: list[tuple[str, str]], *others: Any) -> Callable[[bytes], object]:
            answered.append(int(status[:3]))
            return start_response(status, headers, *others)

        try:
            return self._bolt(environ, start)
        finally:
            if event and (not answered or answered[0] >= HTTPStatus.INTERNAL_SERVER_ERROR):
                with self._store.write() as session:  # so that Slack's next try is done
                    seen_requests.give_back(session, event)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _event_of(body: bytes, content_type: str) -> str | None:
    """What identifies an event, however often it is delivered; None where Slack does not send it again.

    Raises:
        Refused: Bolt could not read the body.
    """
    try:
        parsed = parse_body(body.decode(), content_type)
    except (ValueError, RecursionError):
        raise Refused(HTTPStatus.BAD_REQUEST) from None
    if not isinstance(parsed, dict):
        raise Refused(HTTPStatus.BAD_REQUEST)
    event_id = parsed.get("event_id")
    return f"event:{event_id}"[:80] if event_id else None


def _say(
    start_response: StartResponse, status: HTTPStatus, headers: Mapping[str, str] | None = None
) -> Iterable[bytes]:
    content = b"" if status == HTTPStatus.OK else status.phrase.encode()
    own = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(content)))]
    start_response(f"{status.value} {status.phrase}", [*own, *(headers or {}).items()])
    return [content]
