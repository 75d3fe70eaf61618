"""Launch links: made from a binder, and given a button where they are posted."""

from typing import Any

import pytest

from handlers import ids
from storage.models import MessageKind, OutboxMessage
from tests.unit.handlers.listeners.conftest import Desk, bolt

HOST = "https://binder.example.org"
LINK = f"{HOST}/launch?repo=o/r&ref=dev"
MYBINDER = "https://mybinder.org/v2/gh/o/r/main"


def post(desk: Desk, *urls: str, **changes: Any) -> None:
    links = [{"domain": "x", "url": each} for each in urls]
    event = {"type": "link_shared", "user": desk.post.ada, "channel": desk.post.channel("general")}
    desk.event(event | {"message_ts": "1.1", "source": "conversations_history", "links": links} | changes)


def offered(desk: Desk) -> list[dict[str, str]]:
    with desk.post.store.read() as session:
        rows = session.query(OutboxMessage).filter_by(kind=MessageKind.UNFURL).all()
        return [each.facts["offers"] for each in rows]


def test_a_link_and_a_badge_launch_the_same_again(desk: Desk) -> None:
    desk.app = bolt(desk.post, lambda: None, link_host=f"{HOST}/")
    desk.has(name="demo", url="https://github.com/o/r", ref="dev", path="a b.ipynb")
    said = desk.command("link demo")
    url = f"{HOST}/launch?repo=https://github.com/o/r&ref=dev&path=a+b.ipynb"
    assert f"\n{url}\n" in said
    assert f"[![Binder](https://mybinder.org/badge_logo.svg)]({url})" in said
    assert '/binder launch https://github.com/o/r --ref "dev" --path "a b.ipynb"' in said


def test_a_site_without_launch_links_gives_the_command(desk: Desk) -> None:
    desk.has(name="demo", url="https://github.com/o/r", ref=None)
    said = desk.command("link demo")
    assert "/binder launch https://github.com/o/r" in said
    assert "This site has no launch links." in said
    assert "badge" not in said


def test_a_link_is_launched_as_what_it_asks_for(desk: Desk) -> None:
    desk.app = bolt(desk.post, lambda: None, link_host=HOST)
    assert desk.command(f"launch <{HOST}/launch?repo=o/r&amp;ref=dev>") == ""
    assert [(each.url, each.ref) for each in desk.all()] == [("https://github.com/o/r", "dev")]


def test_the_form_takes_a_link_too(desk: Desk) -> None:
    desk.app = bolt(desk.post, lambda: None, link_host=HOST)
    assert desk.submit(repo=LINK) == {}
    assert [(each.url, each.ref) for each in desk.all()] == [("https://github.com/o/r", "dev")]


def test_a_link_of_the_site_gets_a_button_once(desk: Desk) -> None:
    desk.app = bolt(desk.post, lambda: None, link_host=HOST)
    for _ in range(2):
        post(desk, LINK, MYBINDER, "https://github.com/o/r")
    desk.wait(lambda: bool(offered(desk)))
    assert offered(desk) == [{LINK: 'o/r --ref "dev"'}]


def test_links_of_mybinder_get_one_where_the_site_wants_it(desk: Desk) -> None:
    desk.app = bolt(desk.post, lambda: None, unfurl_mybinder=True)
    post(desk, LINK, MYBINDER, "https://mybinder.org/")
    desk.wait(lambda: bool(offered(desk)))
    assert offered(desk) == [{MYBINDER: MYBINDER}]


@pytest.mark.parametrize("changes", [{"source": "composer"}, {"links": []}, {}])
def test_nothing_is_owed_while_somebody_types_or_where_no_link_is_one(
    desk: Desk, changes: dict[str, Any]
) -> None:
    desk.app = bolt(desk.post, lambda: None, link_host=HOST)
    post(desk, "https://evil.example/launch?repo=o/r" if not changes else LINK, **changes)
    post(desk, LINK, message_ts="2.2")
    desk.wait(lambda: bool(offered(desk)))
    assert len(offered(desk)) == 1


def test_the_button_launches_for_who_presses_it_and_a_forged_value_is_only_a_text(desk: Desk) -> None:
    desk.click(ids.LAUNCH_THIS, 'o/r --ref "dev"', user=desk.grace)
    desk.wait(lambda: len(desk.all()) == 1)
    [row] = desk.all()
    assert (row.owner, row.url, row.ref, row.is_private) == (
        desk.grace,
        "https://github.com/o/r",
        "dev",
        False,
    )
    desk.click(ids.LAUNCH_THIS, "no repository", user=desk.grace)
    assert desk.answers("grace")
    assert len(desk.all()) == 1
