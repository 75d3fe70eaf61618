"""The REST API of a running server: is it there, what does it hold, which pages answer.

The server runs code of strangers: its answers are bounded in time and size, its redirects are not followed,
and nothing that it says is believed beyond what is asked here.
"""

import json
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from bot.errors import ServerError

TIMEOUT_SECONDS = (3.05, 10.0)
"""To connect, and between two bytes."""
ANSWER_BYTES = 256 * 1024
"""How much of an answer is read at most."""
ANSWER_SECONDS = 15.0
"""How long an answer may drip in, however steadily."""


class JupyterServer:
    """One binder's server.

    Args:
        url: Its base URL, as people reach it.
        token: Its token; never in a URL that is logged.
    """

    def __init__(self, url: str, token: str) -> None:
        self._base = url.rstrip("/") + "/"
        self._session = requests.Session()
        self._session.trust_env = (
            False  # neither a proxy nor a .netrc of the bot's host is any of its business
        )
        self._headers = {"Authorization": f"token {token}"}

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def is_alive(self) -> bool:
        """Whether Jupyter answers `GET /api`, which needs no token and does not count as activity."""
        try:
            return "version" in self._json("api", with_token=False)
        except ServerError:
            return False

    def answers(self, path: str) -> bool:
        """Whether a page is there. By GET: HEAD is refused on pages that exist (Jupyter Server 2).

        A redirect within the server is followed once, for pages that end in a slash; one to the login page,
        or to anywhere else, is no answer.
        """
        status, location, _ = self._get(path)
        if status in {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND} and self._is_same_page(path, location):
            status, _, _ = self._get(urljoin(self._base + path, location)[len(self._base) :])
        return status == HTTPStatus.OK

    def kind_of(self, path: str) -> str | None:
        """What lies at a path of its files: `directory`, `notebook` or `file`; None for nothing.

        Raises:
            ServerError: It did not answer as Jupyter does.
        """
        status, _, body = self._get(f"api/contents/{quote(path)}?content=0&no_track_activity=1")
        if status == HTTPStatus.NOT_FOUND:
            return None
        kind = _object(status, body).get("type")
        return kind if kind in {"directory", "notebook", "file"} else None

    def proxied(self) -> frozenset[str]:
        """Names of the interfaces behind jupyter-server-proxy (rstudio, shiny, …), without starting any."""
        try:
            listed = self._json("server-proxy/servers-info").get("server_processes")
        except ServerError:
            return frozenset()
        entries = listed if isinstance(listed, list) else []
        names = (entry.get("name") for entry in entries if isinstance(entry, dict))
        return frozenset(name for name in names if isinstance(name, str))

    def _is_same_page(self, path: str, location: str) -> bool:
        target = urlsplit(urljoin(self._base + path, location))
        here = urlsplit(self._base + path)
        same_host = (target.scheme, target.netloc) == (here.scheme, here.netloc)
        return same_host and target.path.rstrip("/") == here.path.rstrip("/")

    def _json(self, path: str, *, with_token: bool = True) -> dict[str, Any]:
        status, _, body = self._get(path, with_token=with_token)
        return _object(status, body)

    def _get(self, path: str, *, with_token: bool = True) -> tuple[int, str, bytes]:
        try:
            with self._session.get(
                self._base + path,
                headers=self._headers if with_token else None,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as answer:
                return answer.status_code, answer.headers.get("Location", ""), _bounded(answer)
        except (requests.RequestException, HTTPError, ValueError) as error:
            raise ServerError("The server did not answer.") from error


def _bounded(answer: requests.Response) -> bytes:
    """Read what comes, as it comes: neither its size nor its slowness is the server's to choose."""
    deadline = time.monotonic() + ANSWER_SECONDS
    body = b""
    while len(body) < ANSWER_BYTES and time.monotonic() < deadline:
        piece = answer.raw.read1(ANSWER_BYTES - len(body), decode_content=True)
        if not piece:
            break
        body += piece
    return body


def _object(status: int, body: bytes) -> dict[str, Any]:
    if status != HTTPStatus.OK:
        raise ServerError(f"The server answered {status}.")
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise ServerError("The server answered something other than JSON.") from error
    if not isinstance(parsed, dict):
        raise ServerError("The server answered something other than an object.")
    return parsed
