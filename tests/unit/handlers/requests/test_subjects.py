"""What people type after `share` and `unshare`."""

import pytest

from bot.errors import RequestError
from handlers.requests.subjects import Sharing, parse_sharing
from storage.share_models import ShareKind
from storage.shares import Subject

GRACE = Subject(ShareKind.USER, "U0GRACE")
LAB = Subject(ShareKind.CHANNEL, "C0LAB")
TEAM = Subject(ShareKind.GROUP, "S0TEAM")


@pytest.mark.parametrize(
    ("typed", "name", "subjects", "manages"),
    [
        ("<@U0GRACE|grace>", "", (GRACE,), False),
        ("demo <@U0GRACE|grace>", "demo", (GRACE,), False),
        ("demo <@U0GRACE>", "demo", (GRACE,), False),
        ("demo with <@U0GRACE|grace> and <#C0LAB|lab>", "demo", (GRACE, LAB), False),
        ("<#C0LAB|>, <@U0GRACE|grace> demo", "demo", (LAB, GRACE), False),
        ("demo <!subteam^S0TEAM|@team> --manage", "demo", (TEAM,), True),
        ("demo <!subteam^S0TEAM> \u2014manage", "demo", (TEAM,), True),
        ("--manage demo <@U0GRACE|grace> <@U0GRACE|grace>", "demo", (GRACE,), True),
        ("demo", "demo", (), False),
        ("", "", (), False),
        ("--managers-meeting <@U0GRACE>", "--managers-meeting", (GRACE,), False),
    ],
)
def test_names_people_and_rights_are_read_in_any_order(
    typed: str,
    name: str,
    subjects: tuple[Subject, ...],
    manages: bool,  # noqa: FBT001
) -> None:
    assert parse_sharing(typed) == Sharing(name, subjects, manages)


@pytest.mark.parametrize("unknown", ["@nobody", "#nowhere", "<!here>", "<!channel|channel>"])
def test_who_slack_does_not_know_is_named(unknown: str) -> None:
    with pytest.raises(RequestError, match="Slack does not know"):
        parse_sharing(f"demo {unknown}")
