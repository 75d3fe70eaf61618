"""Asking a server on this machine whether it answers."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request

START_HINT = 'The last line of a `start` script must be `exec "$@"`, which starts the server.'
_SECONDS = 5


def answers(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a Jupyter server answers at that address of this machine; proxies are not asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{address}:{port}/api", timeout=_SECONDS) as response:
            return bool(response.status == http.client.OK)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except (OSError, http.client.HTTPException):
        return False
