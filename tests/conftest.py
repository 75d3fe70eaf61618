"""What every test shares: modest properties, and real git repositories behind real HTTP."""

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

import pytest
from hypothesis import settings

settings.register_profile("modest", max_examples=100, deadline=None)
settings.load_profile("modest")

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


class HostedRepository:
    """A bare repository that a `GitServer` serves; `url` is what is cloned."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        self.url = url
        self._work = directory.with_name(f"{directory.name}-work")
        directory.mkdir(parents=True)
        self._run("init", "--quiet", "--bare", "--initial-branch=main", cwd=directory)
        self._run("clone", "--quiet", str(directory), str(self._work), cwd=directory.parent)

    def commit(self, files: Mapping[str, str], *, branch: str = "main") -> str:
        """Commit files onto a branch, made from `main` if it is new. Returns the commit's id."""
        known = self._run("branch", "--list", branch)
        self._run("checkout", "--quiet", *([branch] if known else ["-B", branch]))
        for name, text in files.items():
            path = self._work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self._run("add", "--all")
        self._run("commit", "--quiet", "--allow-empty", "--message", f"On {branch}")
        self._run("push", "--quiet", "origin", branch)
        commit = self._run("rev-parse", "HEAD")
        if branch != "main":
            self._run("checkout", "--quiet", "main")
        return commit

    def tag(self, name: str, *, annotated: bool = False) -> None:
        """Tag the tip of `main`."""
        self._run("tag", *(["--annotate", "--message", name] if annotated else []), name)
        self._run("push", "--quiet", "origin", f"refs/tags/{name}")

    def ref(self, name: str, commit: str) -> None:
        """Set any ref, such as `refs/pull/1/head`."""
        self._run("update-ref", name, commit, cwd=self.directory)

    def head(self, name: str) -> None:
        """Make another branch the default."""
        self._run("symbolic-ref", "HEAD", name, cwd=self.directory)

    def _run(self, *arguments: str, cwd: Path | None = None) -> str:
        command = ["git", *arguments]
        result = subprocess.run(
            command, cwd=cwd or self._work, env=GIT_ENVIRONMENT, check=True, capture_output=True, text=True
        )
        return result.stdout.strip()


class GitServer:
    """Real git repositories over real smart HTTP, by `git http-backend`; on loopback unless told otherwise.

    `requests` are the paths that were asked for; `redirects` maps the beginning of a path to what replaces
    it; `answers` maps the beginning of a path to (status, content type, body).
    """

    def __init__(self, root: Path, host: str = "127.0.0.1") -> None:
        self.requests: list[str] = []
        self.redirects: dict[str, str] = {}
        self.answers: dict[str, tuple[int, str, bytes]] = {}
        self._root = root
        handler = type("Handler", (_GitHandler,), {"owner": self, "root": root})
        self._server = ThreadingHTTPServer((host, 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{self._server.server_address[0]!s}:{self.port}"

    def repository(self, name: str) -> HostedRepository:
        """Make an empty repository, say `team/repo`."""
        return HostedRepository(self._root / f"{name}.git", f"{self.url}/{name}.git")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _GitHandler(BaseHTTPRequestHandler):
    owner: ClassVar[GitServer]
    root: ClassVar[Path]

    def do_GET(self) -> None:
        self.owner.requests.append(self.path)
        path = urlsplit(self.path).path
        for prefix, target in self.owner.redirects.items():
            if path.startswith(prefix):
                self._answer(302, "text/plain", b"", location=target + self.path.removeprefix(prefix))
                return
        for prefix, answer in self.owner.answers.items():
            if path.startswith(prefix):
                self._answer(*answer)
                return
        self._serve_git()

    do_POST = do_GET  # noqa: N815 - the names of http.server

    def _answer(self, status: int, kind: str, body: bytes, *, location: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location is not None:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def _serve_git(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environment = GIT_ENVIRONMENT | {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        result = subprocess.run(
            ["git", "http-backend"], env=environment, input=body, capture_output=True, check=False
        )
        head, _, content = result.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        status = int(headers.get("Status", "200").split()[0])
        self._answer(status, headers.get("Content-Type", "text/plain"), content)

    def log_message(self, *_: Any) -> None:
        """Requests are in `owner.requests`; a test's output stays empty."""


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "git") as server:
        yield server
