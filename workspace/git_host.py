"""A git host on loopback: repositories over smart HTTP, as any git host serves them."""

from __future__ import annotations

import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

GIT_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}
"""What git is run with: nothing of the user's own configuration changes what it does."""
_SAME_COMMIT = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
"""The same files become the same commit each time, so that what was built of it before is found again."""


class GitHandler(BaseHTTPRequestHandler):
    """Passes each request on to git; the repositories are in `root`."""

    root: ClassVar[Path]

    def do_GET(self) -> None:
        """Answer what git asks."""
        self.serve_git()

    def do_POST(self) -> None:
        """Answer as for GET."""
        self.do_GET()

    def serve_git(self) -> None:
        """Run git as a CGI program, and give its answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        result = subprocess.run(
            ["git", "http-backend"],  # noqa: S607 - the git that the user has
            env=self._environment(len(body)),
            input=body,
            capture_output=True,
            check=False,
        )
        head, _, content = result.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        status = int(headers.get("Status", "200").split()[0])
        self.answer(status, headers.get("Content-Type", "text/plain"), content)

    def _environment(self, length: int) -> dict[str, str]:
        parts = urlsplit(self.path)
        return GIT_ENVIRONMENT | {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }

    def refuse(self) -> None:
        """Ask for credentials, as hosts also do where there is no such repository."""
        self.answer(401, "text/plain", b"Repository not found.", challenge='Basic realm="git"')

    def answer(
        self,
        status: int,
        kind: str,
        body: bytes,
        *,
        location: str | None = None,
        challenge: str | None = None,
    ) -> None:
        """Send one whole response."""
        self.send_response(status)
        if challenge is not None:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location is not None:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep the terminal free: who asks for what is no news here."""


class GitHost:
    """Serves the bare repositories below a folder.

    Args:
        root: The folder; `team/repo` in it is served as `/team/repo`.
        address: Where it listens.
        port: 0 takes a free one.
        handler: Answers the requests.

    Raises:
        OSError: The port is taken.
    """

    def __init__(
        self,
        root: Path,
        address: str = "127.0.0.1",
        port: int = 0,
        *,
        handler: type[GitHandler] = GitHandler,
    ) -> None:
        self._root = root
        bound = type("Handler", (handler,), {"root": root})
        self._server = ThreadingHTTPServer((address, port), bound)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The beginning of each repository's URL, without a slash at the end."""
        return f"http://{self._server.server_address[0]!s}:{self.port}"

    def publish(self, name: str, folder: Path) -> str:
        """Make a repository of one commit from the files of a folder. Returns the URL that is cloned."""
        repository = self._root / name
        repository.mkdir(parents=True, exist_ok=True)
        _git("init", "--quiet", "--bare", "--initial-branch=main", str(repository))
        at = (f"--git-dir={repository}", f"--work-tree={folder}")
        _git(*at, "add", "--all")
        _git(*at, "commit", "--quiet", "--allow-empty", "--message", f"Add {folder.name}")
        return f"{self.url}/{name}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _git(*arguments: str) -> None:
    subprocess.run(  # noqa: S603 - our own arguments
        ["git", *arguments],  # noqa: S607 - the git that the user has
        env=GIT_ENVIRONMENT | _SAME_COMMIT,
        check=True,
        capture_output=True,
    )
