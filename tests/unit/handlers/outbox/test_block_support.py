"""The card with Slack's newer blocks, on servers that take them and on servers that do not know them."""

from collections.abc import Iterator
from typing import Any

import pytest

from handlers.messages.notices import NoticeOptions
from handlers.outbox.block_support import REFUSED_SECONDS
from handlers.outbox.delivery import HEARTBEAT_SECONDS, Delivery
from handlers.slack.calls import UPDATES, SlackCalls, default_rate_limits
from handlers.slack.clients import OneWorkspace
from storage import outbox
from storage.engine import Store
from storage.models import Binder
from storage.vocabulary import Status
from tests.unit.handlers.conftest import Post
from workspace.hands import plain
from workspace.options import Options
from workspace.server import Workspace
from workspace.state import SlackError


class Tries:
    """What was posted and edited on a server, and whether it took it."""

    def __init__(self, workspace: Workspace) -> None:
        self.outcomes: list[str] = []
        call = workspace.api.call

        def watched(method: str, token: str, given: dict[str, Any]) -> dict[str, Any]:
            try:
                answer = call(method, token, given)
            except SlackError as error:
                self.outcomes.append(f"{method} {error.error}")
                raise
            if method.startswith("chat."):
                self.outcomes.append(method)
            return answer

        workspace.api.call = watched  # type: ignore[method-assign] # it is looked at, and nothing is changed

    def since_last(self) -> list[str]:
        found, self.outcomes = self.outcomes, []
        return found


@pytest.fixture
def old(store: Store, clock: list[float]) -> Iterator[Post]:
    """A server that refuses what it does not know."""
    with Workspace(Options(app_name="Binder", new_blocks=False)) as workspace:
        yield Post(workspace, store, clock)


def building(post: Post) -> Binder:
    return post.launch(
        status=Status.BUILDING,
        resolved_at=post.clock[0],
        stages={"repository": post.clock[0] - 9, "build": post.clock[0] - 5},
    )


def change(post: Post, row: Binder, **changes: Any) -> None:
    post.change(row.id, **changes)
    with post.store.write() as session:
        outbox.touch_card(session, row.id)
    post.wait(HEARTBEAT_SECONDS)


def kinds(post: Post) -> list[str]:
    [card] = [each for each in post.messages() if "for @" in plain(each)]
    return [each["type"] for each in card["blocks"]]


def test_a_server_that_takes_them_gets_newer_blocks_with_new_ids_at_each_edit(post: Post) -> None:
    row = building(post)
    post.drain()
    assert kinds(post) == ["container", "plan"]
    first = {each["block_id"] for each in post.messages()[0]["blocks"]}
    change(post, row, fraction=0.5)
    assert kinds(post) == ["container", "plan"]
    assert not first & {each["block_id"] for each in post.messages()[0]["blocks"]}


def test_a_server_that_refuses_them_gets_classic_ones_and_is_not_tried_again_for_a_day(old: Post) -> None:
    tries = Tries(old.workspace)
    row = building(old)
    old.drain()
    assert tries.since_last() == ["chat.postMessage invalid_blocks", "chat.postMessage"]
    assert "container" not in kinds(old)
    change(old, row, fraction=0.5)
    change(old, row, fraction=0.6)
    assert tries.since_last() == ["chat.update", "chat.update"]
    old.clock[0] += REFUSED_SECONDS
    change(old, row, fraction=0.7)
    assert tries.since_last() == ["chat.update invalid_blocks", "chat.update"]


def test_newer_blocks_are_not_tried_where_the_site_wants_none(post: Post) -> None:
    post.delivery = Delivery(
        post.store,
        OneWorkspace(post.client),
        SlackCalls(default_rate_limits(lambda: post.clock[0])),
        options=NoticeOptions(newer_blocks=False),
    )
    building(post)
    post.drain()
    assert not {"container", "plan"} & {*kinds(post)}


def test_the_same_is_said_although_the_second_try_has_to_wait_for_its_turn(old: Post) -> None:
    row = building(old)
    old.drain()
    old.restart()  # what was refused is forgotten
    limit = old.delivery._calls.limit_of(UPDATES)
    for number in range(limit.burst + 1):  # so one is left when the card is edited
        limit.wait(row.team_id, number)
    tries = Tries(old.workspace)
    change(old, row, fraction=0.5)
    assert tries.since_last() == ["chat.update invalid_blocks"]
    old.wait(HEARTBEAT_SECONDS)
    assert tries.since_last() == ["chat.update"]
    assert "50%" in plain(old.messages()[0])
