"""A delivery that is paused for longer than its lease, in the moment between its claim and its post."""

from typing import Any

import pytest

from handlers.delivery import Delivery
from tests.handlers.conftest import Post
from workspace.hands import plain


def test_what_another_one_posted_meanwhile_is_not_posted_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.launch()
    paused, other = post.delivery, Delivery(post.store, post.client)
    card = paused._card

    def pause(*arguments: Any) -> Any:
        monkeypatch.undo()
        post.clock[0] += paused.lease + 1
        assert other.deliver_due() is not None
        return card(*arguments)

    monkeypatch.setattr(paused, "_card", pause)
    post.drain()
    assert sum("for @" in plain(each) for each in post.messages()) == 1
