"""Reading an answer over HTTP that nobody trusts: up to a size, and for a time.

HTTP is done by `requests`; the loop that reads an answer is our own: no library limits the whole time of an
answer, and a server may send one byte now and then.
"""

import time

import requests


def read_bounded(answer: requests.Response, most: int, seconds: float) -> bytes:
    """Read the body of an answer, whatever the server does.

    Args:
        answer: A response that was asked for with `stream=True`.
        most: How many bytes are read at most.
        seconds: How long they may drip in.
    """
    deadline = time.monotonic() + seconds
    body = bytearray()
    while len(body) < most and time.monotonic() < deadline:
        piece = answer.raw.read1(most - len(body), decode_content=True)
        if not piece:
            break
        body += piece
    return bytes(body)
