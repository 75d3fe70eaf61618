"""The REST API of a running server: is it there, what does it hold, which pages answer.

The server runs code of strangers. So its answers are limited in time and size, its redirects are not
followed, and only what is asked here is believed.
"""

import binascii
import json
import re
import time
from base64 import b64decode
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from bot.bounded_answers import read_bounded
from bot.errors import ServerError
from bot.jupyter.activity import Usage, judge, skew
from bot.jupyter.contents import DirectoryListing, read_listing

TIMEOUT_SECONDS = (3.05, 10.0)
"""To connect, and between two bytes."""
ANSWER_BYTES = 256 * 1024
"""How much of an answer is read at most."""
ANSWER_SECONDS = 15.0
"""How long a whole answer may take, even if bytes keep arriving."""
LISTING_BYTES = 4 * 1024 * 1024
"""How much of the listing of a directory is read at most."""
_RTC_OFF = re.compile(rb'"disableRTC":\s*true')
_Kind = TypeVar("_Kind", dict[str, Any], list[Any])


class JupyterServer:
    """One binder's server.

    Args:
        url: Its base URL, as people reach it.
        token: Its token; never in a URL that is logged.
        roots: The file with the certificates that vouch for it, as PEM; None for those that are well known.
    """

    def __init__(self, url: str, token: str, *, roots: str | None = None) -> None:
        self._base = url.rstrip("/") + "/"
        self._session = requests.Session()
        self._session.verify = roots or True
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

    def listing(self, path: str) -> DirectoryListing:
        """What lies in a directory; `""` is the root of its files. To ask does not count as use.

        Raises:
            ServerError: It did not answer as Jupyter does, or the listing is too long.
        """
        asked = f"api/contents/{quote(path)}?type=directory&content=1&no_track_activity=1"
        answer = self._ask(asked, most=LISTING_BYTES)
        return read_listing(_object(answer.status, answer.body), skew=skew(answer.date, time.time()))

    def content(self, path: str, *, most: int, seconds: float) -> bytes:
        """The bytes of a file. To ask does not count as use.

        Args:
            path: From the root of its files.
            most: How many bytes it may have.
            seconds: How long they may drip in.

        Raises:
            ServerError: It did not answer as Jupyter does, or the file is larger.
        """
        asked = f"api/contents/{quote(path)}?type=file&format=base64&content=1&no_track_activity=1"
        answer = self._ask(asked, most=_encoded(most), seconds=seconds)
        encoded = _object(answer.status, answer.body).get("content")
        try:
            content = b64decode(encoded) if isinstance(encoded, str) else None
        except (binascii.Error, ValueError) as error:
            raise ServerError("The server answered something other than a file.") from error
        if content is None or len(content) > most:
            raise ServerError("The server answered something other than that file.")
        return content

    def collaborates(self) -> bool | None:
        """Whether two people in one notebook see each other's changes; None if it does not tell.

        jupyter-collaboration has an endpoint that takes PUT alone, so GET is answered 405 where it is
        installed. Where it is switched off, JupyterLab's page says `disableRTC` (seen with version 5.0.4).
        """
        try:
            status, _, _ = self._get("api/collaboration/session/none.ipynb")
            if status != HTTPStatus.METHOD_NOT_ALLOWED:
                return False
            _, _, page = self._get("lab")
        except ServerError:
            return None
        return _RTC_OFF.search(page) is None

    def proxied(self) -> frozenset[str]:
        """Names of the interfaces behind jupyter-server-proxy (rstudio, shiny, …), without starting any."""
        try:
            listed = self._json("server-proxy/servers-info").get("server_processes")
        except ServerError:
            return frozenset()
        entries = listed if isinstance(listed, list) else []
        names = (entry.get("name") for entry in entries if isinstance(entry, dict))
        return frozenset(name for name in names if isinstance(name, str))

    def usage(self) -> Usage:
        """How much it is used. To ask does not count as use.

        Raises:
            ServerError: It did not answer as Jupyter does, which says nothing about its use.
        """
        answer = self._ask("api/status?no_track_activity=1")
        now = time.time()
        return judge(
            _object(answer.status, answer.body),
            self._list("api/kernels?no_track_activity=1"),
            self._list("api/terminals?no_track_activity=1", absent=HTTPStatus.NOT_FOUND),
            now=now,
            skew=skew(answer.date, now),
        )

    def _is_same_page(self, path: str, location: str) -> bool:
        target = urlsplit(urljoin(self._base + path, location))
        here = urlsplit(self._base + path)
        same_host = (target.scheme, target.netloc) == (here.scheme, here.netloc)
        return same_host and target.path.rstrip("/") == here.path.rstrip("/")

    def _json(self, path: str, *, with_token: bool = True) -> dict[str, Any]:
        status, _, body = self._get(path, with_token=with_token)
        return _object(status, body)

    def _list(self, path: str, *, absent: HTTPStatus | None = None) -> list[Any]:
        """Ask for a list; with `absent`, that status means that there is none."""
        status, _, body = self._get(path)
        return [] if status == absent else _parsed(status, body, list)

    def _get(self, path: str, *, with_token: bool = True) -> tuple[int, str, bytes]:
        answer = self._ask(path, with_token=with_token)
        return answer.status, answer.location, answer.body

    def _ask(
        self,
        path: str,
        *,
        with_token: bool = True,
        most: int = ANSWER_BYTES,
        seconds: float = ANSWER_SECONDS,
    ) -> "_Response":
        try:
            with self._session.get(
                self._base + path,
                headers=self._headers if with_token else None,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as answer:
                location, date = answer.headers.get("Location", ""), answer.headers.get("Date", "")
                return _Response(answer.status_code, location, date, read_bounded(answer, most, seconds))
        except (requests.RequestException, HTTPError, ValueError) as error:
            raise ServerError("The server did not answer.") from error


class _Response(NamedTuple):
    status: int
    location: str
    date: str
    body: bytes


def _encoded(size: int) -> int:
    """The largest answer with a file of that size: base64 in lines, and what Jupyter says about the file."""
    return size * 7 // 5 + 64 * 1024


def _object(status: int, body: bytes) -> dict[str, Any]:
    return _parsed(status, body, dict)


def _parsed(status: int, body: bytes, kind: type[_Kind]) -> _Kind:
    if status != HTTPStatus.OK:
        raise ServerError(f"The server answered {status}.")
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ServerError("The server answered something other than JSON.") from error
    if not isinstance(parsed, kind):
        raise ServerError(f"The server answered something other than a {kind.__name__}.")
    return parsed
