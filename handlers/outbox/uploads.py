"""Uploads files to Slack: get an upload URL, send the bytes, share the file in a thread, once.

Only the last of these steps is visible; Slack deletes files that are never shared. If the outcome of a try is
not known, the file is looked for in the thread by its name, which is unique.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog
from slack_sdk import WebClient

from bot.saved_work.archive import Archive
from handlers.messages.archive_text import saved
from handlers.outbox.places import Places
from handlers.slack.calls import (
    DEFAULT_RETRY_AFTER_SECONDS,
    DeliveryError,
    Method,
    Rejected,
    SlackCalls,
    TooEarly,
    Uncertain,
)
from handlers.slack.clients import Clients
from handlers.slack.history import messages_since
from storage.models import Binder

log = structlog.get_logger(__name__)

UPLOAD_TIMEOUT_SECONDS = (5.0, 60.0)
"""To connect, and between two bytes."""


class Uploads:
    """Shares archives in the threads of their binders.

    Args:
        clients: Whose tokens may write files.
        calls: The one rate limiter.
    """

    def __init__(self, clients: Clients, calls: SlackCalls) -> None:
        self._clients = clients
        self._calls = calls
        self._places = Places(clients)

    def send(
        self,
        binder: Binder,
        archive: Archive,
        key: str,
        *,
        caller: int = 0,
        unsure_since: float | None = None,
    ) -> str | None:
        """Share an archive in a binder's thread.

        Args:
            binder: Whose thread.
            archive: What is shared.
            key: Unique for this archive, and the same at each try.
            caller: Whose turn is taken: the outbox message's id.
            unsure_since: Since when (Unix seconds) an earlier try may have arrived; None at the first try.

        Returns:
            The ts of its message; None where Slack does not show it yet.

        Raises:
            TooEarly: Its turn is later.
            Rejected: Slack refused it.
            Uncertain: It may have arrived: pass `unsure_since` at the next try.
        """
        place = (binder.team_id, binder.thread_channel or binder.channel, binder.thread_ts)
        file = SharedFile(archive.name, archive.data, saved(binder, archive), *place)
        return self.send_file(file, key, caller=caller, unsure_since=unsure_since)

    def send_file(
        self, file: "SharedFile", key: str, *, caller: int = 0, unsure_since: float | None = None
    ) -> str | None:
        """Share a file in a channel or a thread: see `send`."""
        client = self._clients.of(file.team_id)
        upload = _Upload(client, self._calls, file, unique_name(file.name, key), caller)
        upload.join()
        if unsure_since is not None and (ts := upload.find(unsure_since)):
            log.info("file_had_arrived", key=key)
            return ts
        upload.share(upload.bring(file.data), file.comment)
        return upload.look()

    def direct(self, user: str, team_id: str, *, caller: int = 0) -> str:
        """The direct message of a person; raises as `send` does."""
        return self._places.direct(partial(self._calls.call, caller=caller), team_id, user)


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file, and where it is shared with which comment; `thread_ts` is None outside of threads."""

    name: str
    data: bytes
    comment: str
    team_id: str
    channel: str
    thread_ts: str | None = None


def unique_name(name: str, key: str) -> str:
    """The name of a file by which it is found again: `demo-changes-1a2b3c4d.zip`."""
    stem, dot, ending = name.rpartition(".")
    return f"{stem}-{hashlib.sha256(key.encode()).hexdigest()[:8]}{dot}{ending}"


class _Upload:
    """The upload of one file to one thread."""

    def __init__(
        self, client: WebClient, calls: SlackCalls, file: SharedFile, name: str, caller: int
    ) -> None:
        self._client, self._calls = client, calls
        self._channel, self._thread = file.channel, file.thread_ts
        self._name, self._caller = name, caller

    def join(self) -> None:
        """Join the channel if possible: who is no member may post in a public channel, but share no files."""
        if self._channel.startswith("D"):
            return
        try:
            self._call(self._client.conversations_join, channel=self._channel)
        except Rejected as error:  # a private channel; if we are no member, sharing will say so
            log.debug("not_joined", error=error.code)

    def find(self, since: float) -> str | None:
        """The ts of the message that shares a file of this name; None where there is none."""
        try:
            return next((ts for ts, names in self._recent(since) if self._name in names), None)
        except Rejected as error:
            log.warning("probe_refused", error=error.code)
            return None

    def look(self) -> str | None:
        """As `find`, of what was shared just now, if Slack shows it already."""
        try:
            return self.find(time.time())
        except DeliveryError:
            return None

    def bring(self, data: bytes) -> str:
        """Send the bytes to the URL that Slack names; returns the file's id. Nobody sees it yet."""
        place = self._call(self._client.files_getUploadURLExternal, filename=self._name, length=len(data))
        url = str(place["upload_url"])
        if not _is_slacks(url, self._client.base_url):
            raise Rejected("upload_url_refused")
        self._post(url, data)
        return str(place["file_id"])

    def share(self, file_id: str, comment: str) -> None:
        """Show the file in the thread."""
        self._call(
            self._client.files_completeUploadExternal,
            files=[{"id": file_id, "title": self._name}],
            channel_id=self._channel,
            thread_ts=self._thread,
            initial_comment=comment,
        )

    def _post(self, url: str, data: bytes) -> None:
        proxies = {"https": self._client.proxy} if self._client.proxy else None
        try:
            with requests.Session() as session:
                session.trust_env = False  # the client's own proxy is the one that leads to Slack
                answer = session.post(
                    url,
                    data=data,
                    headers={"Content-Type": "application/octet-stream"},
                    timeout=UPLOAD_TIMEOUT_SECONDS,
                    allow_redirects=False,
                    proxies=proxies,
                    stream=True,
                )
                answer.close()
        except (requests.RequestException, OSError) as error:
            raise Uncertain(type(error).__name__) from None  # its text holds the URL, which is a secret
        _judge(answer)

    def _recent(self, since: float) -> Iterator[tuple[str, set[str]]]:
        """The ts of each message there, and the names of the files in it."""
        call = partial(self._calls.call, caller=self._caller)
        for each in messages_since(self._client, call, self._channel, self._thread, since):
            yield str(each["ts"]), {str(file.get("name")) for file in each.get("files") or []}

    def _call(self, method: Method, **arguments: Any) -> Any:
        return self._calls.call(method, self._channel, self._caller, **arguments)


def _is_slacks(url: str, base_url: str) -> bool:
    """Whether a file may be sent there: by HTTPS, or to the local workspace that the client is pointed at."""
    try:
        place, api = urlsplit(url), urlsplit(base_url)
    except ValueError:
        return False
    local = place.scheme == api.scheme == "http" and place.netloc == api.netloc
    return bool(place.hostname) and (place.scheme == "https" or local)


def _judge(answer: requests.Response) -> None:
    if answer.status_code == HTTPStatus.OK:
        return
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        after = answer.headers.get("Retry-After", "")
        raise TooEarly(float(after) if after.isdecimal() else DEFAULT_RETRY_AFTER_SECONDS)
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Uncertain(f"HTTP {answer.status_code}")
    raise Rejected(f"upload_http_{answer.status_code}")
