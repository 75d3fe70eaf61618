"""Slack's limits on blocks, each at its edge."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workspace.block_tree import elements, with_ids
from workspace.blocks import check_message, check_view
from workspace.state import SlackError


def plain_text(length: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": "x" * length}


def section(length: int) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": "x" * length}}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain_text(1), **more}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def select(count: int, length: int = 1) -> dict[str, Any]:
    options = [{"text": plain_text(length), "value": str(number)} for number in range(count)]
    return {"type": "static_select", "action_id": "s", "options": options}


def confirm(title: int = 1, text: int = 1, yes: int = 1, no: int = 1) -> dict[str, Any]:
    parts = {"title": title, "text": text, "confirm": yes, "deny": no}
    return {name: plain_text(length) for name, length in parts.items()}


def problems(*blocks: Any) -> list[str]:
    try:
        check_message(list(blocks), new_blocks=False)
    except SlackError as error:
        found: list[str] = error.extra["response_metadata"]["messages"]
        return found
    return []


@pytest.mark.parametrize(
    ("fits", "too_much"),
    [
        (section(3000), section(3001)),
        (section(1), section(0)),
        ({"type": "header", "text": plain_text(150)}, {"type": "header", "text": plain_text(151)}),
        (
            {"type": "header", "text": plain_text(1)},
            {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
        ),
        (
            {"type": "section", "fields": [plain_text(1)] * 10},
            {"type": "section", "fields": [plain_text(1)] * 11},
        ),
        (
            {"type": "section", "fields": [plain_text(2000)]},
            {"type": "section", "fields": [plain_text(2001)]},
        ),
        (
            {"type": "context", "elements": [plain_text(1)] * 10},
            {"type": "context", "elements": [plain_text(1)] * 11},
        ),
        (actions(*[button()] * 25), actions(*[button()] * 26)),
        (actions(button(text=plain_text(75))), actions(button(text=plain_text(76)))),
        (actions(button(value="x" * 2000)), actions(button(value="x" * 2001))),
        (actions(button(url="http://x/" + "x" * 2991)), actions(button(url="http://x/" + "x" * 2992))),
        (actions(button(url="https://x")), actions(button(url="javascript:alert(1)"))),
        (actions(button(action_id="x" * 255)), actions(button(action_id="x" * 256))),
        (actions(button(action_id="a"), button(action_id="b")), actions(*[button(action_id="a")] * 2)),
        (actions(button(url="http://[::1]/")), actions(button(url="http://[/"))),
        (actions(button(style="danger")), actions(button(style="loud"))),
        (actions(select(100)), actions(select(101))),
        (actions(select(1, 75)), actions(select(1, 76))),
        (actions(button(confirm=confirm(100, 300, 30, 30))), actions(button(confirm=confirm(title=101)))),
        (actions(button(confirm=confirm())), actions(button(confirm=confirm(text=301)))),
        (actions(button(confirm=confirm())), actions(button(confirm=confirm(yes=31)))),
        (actions(button(confirm=confirm())), actions(button(confirm=confirm(no=31)))),
        ({"type": "divider"}, {"type": "divider", "colour": "red"}),
        ({"type": "divider"}, {"type": "marquee"}),
        ({"type": "divider"}, {"type": "plan", "title": "native progress"}),
        ({"type": "divider"}, {"text": "no type"}),
        (actions(button()), actions({"type": "plain_text_input"})),
        (actions(button()), actions()),
    ],
)
def test_what_fits_passes_and_one_more_does_not(fits: dict[str, Any], too_much: dict[str, Any]) -> None:
    assert problems(fits) == []
    assert len(problems(too_much)) == 1


def test_a_problem_points_to_its_place() -> None:
    at_place = "[ERROR] must be less than 3001 characters [json-pointer:/blocks/1/text/text]"
    assert problems({"type": "divider"}, section(3001)) == [at_place]


def test_block_ids_are_unique() -> None:
    assert problems({"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "b"}) == []
    assert len(problems(*[{"type": "divider", "block_id": "a"}] * 2)) == 1


CONTAINER: dict[str, Any] = {"type": "container", "title": plain_text(150), "child_blocks": [section(1)]}
CARD: dict[str, Any] = {
    "type": "card",
    "title": plain_text(150),
    "body": plain_text(200),
    "actions": [button()],
}
TASK: dict[str, Any] = {"task_id": "1", "title": "t", "status": "complete"}
PLAN: dict[str, Any] = {"type": "plan", "title": "t", "tasks": [TASK]}
TABLE: dict[str, Any] = {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]]}


def refused(*blocks: Any) -> list[str]:
    try:
        check_message(list(blocks), new_blocks=True)
    except SlackError as error:
        found: list[str] = error.extra["response_metadata"]["messages"]
        return found
    return []


@pytest.mark.parametrize(
    ("fits", "too_much"),
    [
        (CONTAINER, CONTAINER | {"title": plain_text(151)}),
        (CONTAINER | {"subtitle": plain_text(150)}, CONTAINER | {"subtitle": plain_text(151)}),
        (CONTAINER | {"child_blocks": [section(1)] * 10}, CONTAINER | {"child_blocks": [section(1)] * 11}),
        (CONTAINER | {"child_blocks": [actions(button())]}, CONTAINER | {"child_blocks": [PLAN]}),
        (CONTAINER, CONTAINER | {"child_blocks": [section(3001)]}),
        (CARD, CARD | {"body": plain_text(201)}),
        (CARD, CARD | {"actions": [select(1)]}),
        (CARD | {"actions": [button()] * 3}, CARD | {"actions": [button()] * 4}),
        (CARD, {"type": "card", "subtitle": plain_text(1)}),
        (PLAN, PLAN | {"tasks": [TASK | {"status": "done"}]}),
        (PLAN, PLAN | {"tasks": [TASK | {"details": "text"}]}),
        (TABLE, TABLE | {"rows": TABLE["rows"] * 101}),
        (TABLE, TABLE | {"rows": [[{"type": "button"}]]}),
    ],
)
def test_of_the_newer_blocks_what_fits_passes_and_one_more_does_not(
    fits: dict[str, Any], too_much: dict[str, Any]
) -> None:
    assert refused(fits) == []
    assert len(refused(too_much)) == 1


@pytest.mark.parametrize("block", [CONTAINER, CARD, PLAN, TABLE], ids=lambda each: each["type"])
def test_a_server_may_refuse_the_newer_blocks(block: dict[str, Any]) -> None:
    assert problems(block) == [f"[ERROR] unsupported type: {block['type']} [json-pointer:/blocks/0]"]


def test_a_home_tab_takes_cards_and_no_containers() -> None:
    check_view({"type": "home", "blocks": [CARD]}, "home", new_blocks=True)
    with pytest.raises(SlackError, match="invalid_arguments"):
        check_view({"type": "home", "blocks": [CONTAINER]}, "home", new_blocks=True)


def test_what_is_in_a_container_gets_ids_and_can_be_pressed() -> None:
    [container] = with_ids([CONTAINER | {"child_blocks": [actions(button())]}])
    [(row, pressed)] = elements([container])
    assert row["block_id"]
    assert pressed["action_id"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": plain_text(25)},
        {"title": None},
        {"submit": plain_text(25)},
        {"private_metadata": "x" * 3001},
        {"blocks": [{"type": "divider"}] * 101},
        {"blocks": [{"type": "input", "label": plain_text(1), "element": {"type": "plain_text_input"}}]},
        {"colour": "red"},
        {"type": "home"},
    ],
)
def test_views_are_checked(wrong: dict[str, Any]) -> None:
    view: dict[str, Any] = {"type": "modal", "title": plain_text(24), "private_metadata": "x" * 3000}
    view["blocks"] = [{"type": "divider"}] * 100
    check_view(view, "modal", new_blocks=False)
    with pytest.raises(SlackError, match="invalid_arguments"):
        check_view({**view, **wrong}, "modal", new_blocks=False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "elements", "accessory", "options", "confirm"]), inner
        )
    ),
    max_leaves=10,
)
BLOCK = st.dictionaries(
    st.sampled_from(["text", "elements", "accessory", "element", "label", "fields", "title"]), JSON
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(BLOCK, max_size=3),
    st.sampled_from(["section", "actions", "context", "header", "input", "rich_text"]),
)
def test_no_json_confuses_the_check(blocks: list[dict[str, Any]], kind: str) -> None:
    # Any other exception than the one that names the problems fails the test.
    problems(*[{**block, "type": kind} for block in blocks])
