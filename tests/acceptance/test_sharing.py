"""Together: an owner, people with whom a binder is shared, and strangers, over the wire."""

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Scene
from tests.fakes.browser import Page, chromium
from workspace.hands import Person, links, plain
from workspace.options import Options

HOST = "https://binder.example.org"
STRANGER = "linus"
SHARED_MESSAGE = "shared *demo* with you"


def answer(person: Person, typed: str, channel: str = "general") -> str:
    """What a person alone reads after a command."""
    before = len(person.look().ephemerals(channel))
    assert person.command(typed, channel=channel)["ok"]
    shown = person.wait_for(lambda seen: seen.ephemerals(channel)[before:])
    return "\n".join(plain(each) for each in shown)


@pytest.fixture
def ready(scene: Scene) -> Scene:
    """Ada's binder is ready, in a private channel to which the bot is invited."""
    ada = scene.person()
    ada.command("/invite @binder", channel="secret")
    assert scene.launch("--name demo", channel="secret")["ok"]
    scene.wait_until_ready()
    ada.wait_for_text("Your links to")
    return scene


def told(person: Person) -> dict[str, Any]:
    """The direct message by which somebody hears of a share."""
    return person.wait_for(
        lambda seen: next((each for each in seen.messages("dm") if SHARED_MESSAGE in plain(each)), None)
    )


def token_of(scene: Scene) -> str:
    return scene.all_live()[0].token


def test_who_is_shared_with_opens_it_and_a_stranger_learns_nothing(ready: Scene) -> None:
    ada, grace, linus = (ready.person(each) for each in ("ada", "grace", STRANGER))
    assert "is shared with" in answer(ada, "/binder share demo @grace", "secret")
    grace.click("Open", told(grace))
    opened = grace.wait_for_text("Your links to")
    assert opened["is_ephemeral"]
    assert any(token_of(ready) in url for _, url in links(opened))
    assert "shared with you" in answer(grace, "/binder list")
    grace.open_home()
    assert "Shared with you" in plain(grace.wait_for(lambda seen: seen.home))
    for typed in (
        "list",
        "status demo",
        "status dem",
        "logs demo",
        "open demo",
        "stop demo",
        "unshare demo @ada",
    ):
        said = answer(linus, f"/binder {typed}")
        assert "can't find" in said or "No binder" in said, said
        assert "is ready" not in said
    linus.open_home()
    assert "Shared with you" not in plain(linus.wait_for(lambda seen: seen.home))
    everything = [plain(each) for each in linus.look().everything()]
    assert not any(token_of(ready) in each or "demo is ready" in each for each in everything)


def test_a_manager_extends_it_and_the_owner_reads_who_did(ready: Scene) -> None:
    ada, grace = ready.person("ada"), ready.person("grace")
    answer(ada, "/binder share demo @grace --manage", "secret")
    assert "You can also extend" in plain(told(grace))
    assert "stays until" in answer(grace, "/binder extend demo 1h")
    assert "extended *demo*" in plain(ada.wait_for_text("extended"))


def test_unshare_takes_the_button_back_and_says_who_keeps_links(ready: Scene) -> None:
    ada, grace = ready.person("ada"), ready.person("grace")
    answer(ada, "/binder share demo @grace", "secret")
    message = told(grace)
    grace.click("Open", message)
    grace.wait_for_text("Your links to")
    assert "opened it before, so their links work until it ends" in answer(
        ada, "/binder unshare demo @grace", "secret"
    )
    grace.click("Open", message)
    grace.wait_for_text("I can't find this binder.")


@pytest.mark.parametrize("audience", ["#lab", "@analysts"])
def test_the_members_of_a_channel_or_group_open_it(ready: Scene, audience: str) -> None:
    ada, linus = ready.person("ada"), ready.person("linus")
    assert "can't find" in answer(linus, "/binder open demo")
    answer(ada, f"/binder share demo {audience}", "secret")
    ready.wait(lambda: "can't find" not in answer(linus, "/binder open demo"))
    linus.wait_for_text("Your links to")
    where = "lab" if audience == "#lab" else "dm"
    linus.wait_for(lambda seen: any("shared *demo* with" in plain(each) for each in seen.messages(where)))


def test_the_form_shares_and_takes_back(ready: Scene) -> None:
    ada, grace, linus = (ready.person(each) for each in ("ada", "grace", "linus"))
    card = ada.wait_for(lambda seen: seen.messages("secret")[-1])
    ada.click("Share", card)
    ada.wait_for(lambda seen: seen.modal)
    graces_id, linus_id = grace.look().me, linus.look().me
    assert ada.submit({"share_users": [graces_id], "share_managers": [linus_id]})["ok"]
    told(grace)
    assert "You can also extend" in plain(told(linus))
    ada.click("Share", card)
    view = ada.wait_for(lambda seen: seen.modal)
    assert view["state"]["values"]["share_users"]["chosen"]["selected_users"] == [graces_id]
    assert ada.submit({"share_users": [], "share_managers": []})["ok"]
    ada.wait_for_text("is no longer shared with")
    assert "can't find" in answer(linus, "/binder status demo")


def test_a_stranger_who_forges_a_button_gets_no_form(ready: Scene) -> None:
    ada, linus = ready.person("ada"), ready.person("linus")
    row = ready.all_live()[0]
    public = ready.launch("--name public")
    assert public["ok"]
    card = ada.wait_for_text("public*")
    linus.click("Share", card)
    linus.wait_for_text("Only they or an admin can share it.")
    assert linus.look().modal is None
    assert row.name not in "\n".join(plain(each) for each in linus.look().everything())


class TestLinks:
    """A launch link in a channel, and its button."""

    @pytest.fixture
    def workspace_options(self) -> Options:
        return Options(app_name="Binder", unfurl_domains=("binder.example.org", "mybinder.org"))

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"link_host": HOST}

    def test_a_link_that_is_posted_gets_a_button_that_launches(self, scene: Scene) -> None:
        ada, linus = scene.person(), scene.person("linus")
        ada.say(f"the course: {HOST}/launch?repo={scene.repository} or https://mybinder.org/v2/gh/o/r/main")
        posted = linus.wait_for(
            lambda seen: next((each for each in seen.messages() if each.get("attachments")), None)
        )
        assert [each["from_url"] for each in posted["attachments"]] == [
            f"{HOST}/launch?repo={scene.repository}"
        ]
        linus.click("Launch", posted)
        scene.wait_until_ready()
        [row] = scene.all_live()
        assert (row.owner, row.url) == (linus.look().me, scene.repository)

    def test_a_posted_link_gets_its_button_although_slack_fails_for_a_moment(self, scene: Scene) -> None:
        scene.workspace.fail_next("chat.unfurl", "http_500")
        scene.person().say(f"{HOST}/launch?repo={scene.repository}")
        scene.person().wait_for(lambda seen: any(each.get("attachments") for each in seen.messages()))

    def test_the_link_of_a_binder_launches_the_same(self, scene: Scene) -> None:
        scene.launch("--name demo")
        scene.wait_until_ready()
        said = answer(scene.person("linus"), "/binder link demo")
        assert f"{HOST}/launch?repo={scene.repository}" in said
        assert "[![Binder](https://mybinder.org/badge_logo.svg)]" in said

    @pytest.mark.browser
    def test_the_page_shows_who_can_be_chosen_and_what_stands_below_a_link(
        self, scene: Scene, tmp_path: Path
    ) -> None:
        scene.launch("--name demo")
        scene.wait_until_ready()
        ada, grace = scene.person(), scene.person("grace")
        ada.wait_for_text("Your links to")
        with chromium(tmp_path / "profile") as driver:
            page = Page(driver)
            driver.get(scene.workspace.url)
            page.wait_for("article.message", "is ready")
            page.press(".overflow summary", "⋯")
            page.press(".menu button", "Share")
            page.wait_for("#modal", "Who can open demo?")
            page.press("#modal .input label", "Grace Hopper")
            page.press("#modal button", "Save")
            assert "You can also extend" in plain(told(grace))
            ada.say(f"{HOST}/launch?repo={scene.repository}")
            page.wait_for(".unfurl", "Launch")
