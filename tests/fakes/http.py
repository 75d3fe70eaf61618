"""An HTTP server whose answers a test writes."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Reply = tuple[int, dict[str, str], bytes]


class Script:
    """What a server answers, by path; and what it was asked: the path, and the Authorization header."""

    def __init__(self) -> None:
        self.pages: dict[str, Reply] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.url = ""

    def json(self, path: str, body: object, status: int = 200) -> None:
        self.pages[path] = (status, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def page(self, path: str, status: int = 200, location: str | None = None) -> None:
        self.pages[path] = (status, {"Location": location} if location else {}, b"<html>")


@contextmanager
def scripted_server() -> Iterator[Script]:
    """Serve a script on a free port of loopback."""
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script.asked.append((self.path, self.headers.get("Authorization")))
            status, headers, body = script.pages.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def like_jupyter(script: Script) -> None:
    """Answer as a stock image does: JupyterLab and Notebook."""
    script.json("/api", {"version": "2.17.0"})
    script.page("/lab")
    script.page("/tree")
