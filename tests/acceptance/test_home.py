"""At a glance, over the wire: the Home tab for owner, shared, stranger and admin, and the form."""

from pathlib import Path
from typing import Any

import pytest

from bot.provisioning.instances import Phase, Report
from handlers import ids
from tests.acceptance.conftest import Scene
from tests.fakes.browser import Page, chromium
from tests.fakes.http import like_jupyter
from workspace.hands import Person, links, plain
from workspace.state import Json

PASTE = (
    "const field = document.getElementById('input-repo'); field.focus(); field.value = arguments[0];"
    "field.dispatchEvent(new Event('input'))"
)


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"featured": "Fractals = owner/fractals", "cost_unit": "SU"}


def sees(person: Person, *parts: str, seconds: float = 20) -> Json:
    """The Home tab once it shows all of that; nobody opens it again."""
    return person.wait_for(
        lambda seen: seen.home if seen.home and all(each in plain(seen.home) for each in parts) else None,
        seconds,
    )


def test_everybody_sees_on_their_tab_what_is_theirs_to_see(scene: Scene) -> None:
    ada, grace, linus = (scene.person(each) for each in ("ada", "grace", "linus"))
    scene.app._settings.admins = frozenset({linus.look().me})
    for each in (ada, grace, linus):
        each.open_home()
        sees(each, "You have no binder.", "Fractals")
    ada.command("/invite @binder", channel="secret")
    scene.launch("--name demo --share @grace", channel="secret")
    scene.wait_until_ready()
    home = sees(ada, "*demo* is ready", "[Open]", "You have 1 of 5 binders.")
    sees(grace, "Shared with you", "*demo* is ready")
    assert "demo" not in plain(linus.look().home or {})
    linus.click("All binders", linus.look().home)
    sees(linus, "1 binder", "*demo* is ready", "[Tear down]")
    ada.click("Open", home)
    assert scene.all_live()[0].token in str(links(ada.wait_for_text("Your links to")))
    linus.click("Tear down", linus.look().home)
    sees(ada, "You have no binder.", "Launched before", "[Launch again]")
    sees(grace, "You have no binder.")
    ada.click("Launch again", ada.look().home)
    sees(ada, "*demo* is ready")
    assert "demo" not in plain(grace.look().home or {})  # it is a new one, and not shared


def test_a_stranger_sees_nothing_and_forges_nothing(scene: Scene) -> None:
    ada, linus = scene.person("ada"), scene.person("linus")
    ada.command("/invite @binder", channel="secret")
    scene.launch("--name demo", channel="secret")
    scene.wait_until_ready()
    linus.open_home()
    sees(linus, "You have no binder.")
    ada.open_home()
    sees(ada, "*demo* is ready")
    with pytest.raises(LookupError):
        linus.click(f"{ids.HOME_PAGE_PREFIX}0", linus.look().home)
    assert "demo" not in plain(linus.look().home or {})


@pytest.mark.browser
def test_the_page_shows_a_card_change_and_its_button_works(scene: Scene, tmp_path: Path) -> None:
    scene.cloud.reports = (Report(Phase.BUILDING, 0.5, "half"),)
    scene.server.pages.clear()
    scene.launch("--name demo")
    scene.card()
    with chromium(tmp_path / "profile") as driver:
        page = Page(driver)
        driver.get(scene.workspace.url)
        page.wait_for("#channels button", "Binder")
        page.press("#channels button", "Binder")
        page.press("#tabs button", "Home")
        page.wait_for("#home", "demo is being built")
        scene.cloud.reports = (Report(Phase.SERVING, 1.0, "serving"),)
        like_jupyter(scene.server)
        page.wait_for("#home", "demo is ready")
        page.press("#home button", "Tear down")
        page.wait_for("#confirm", "Tear down demo?")
        page.press("#confirm button", "Tear down")
        page.wait_for("#home", "You have no binder.")
        page.wait_for("#home", "Launch again")
        page.press("#home button", "Launch a repository")
        page.wait_for("#modal", "Its progress is shown in your direct messages")
        driver.execute_script(PASTE, scene.repository)
        page.wait_for("#modal", "This can be launched")
        # It was drawn anew under the fingers of who types.
        focused = "return [document.activeElement.id, document.activeElement.value]"
        assert driver.execute_script(focused) == ["input-repo", scene.repository]


# --- the form --------------------------------------------------------------------------------------------


def says(person: Person, text: str) -> Json:
    """The form once it says that."""
    return person.wait_for(
        lambda seen: seen.modal if seen.modal and text in plain(seen.modal) else None, seconds=20
    )


def test_the_form_looks_at_the_repository_while_it_is_open_and_shares_what_it_launches(scene: Scene) -> None:
    scene.cloud.free = 3
    ada, grace = scene.person("ada"), scene.person("grace")
    ada.shortcut(ids.LAUNCH_ANYWHERE)
    form = says(ada, "Its progress is shown in your direct messages")
    size = next(each for each in form["blocks"] if each["block_id"] == "size")["element"]["options"][0]
    ada.wait_for(lambda seen: "room for 3 more now" in str(seen.modal), seconds=20)
    assert size["value"] == "small"
    missing = scene.repository.replace("small", "missing")
    ada.type({"repo": missing})
    says(ada, ":warning:")
    assert ada.submit({"repo": missing})["ok"]
    [field] = ada.look().modal["errors"]  # type: ignore[index] # it is still open
    assert field == "repo"
    ada.type({"repo": f'"/binder launch {scene.repository}"'})
    says(ada, "This can be launched: 1 branch or tag, default branch `main`.")
    assert ada.suggest(ids.REFS) == ["main"]
    assert ada.suggest(ids.REFS, "v9") == ["v9"]
    assert ada.suggest(ids.GROUPS, "@ana") == ["@analysts"]
    whole = {"repo": scene.repository, "ref": "v9", "name": "demo"}
    assert ada.submit(whole)["ok"]
    assert list(ada.look().modal["errors"]) == ["ref"]  # type: ignore[index] # it is still open
    people = {"share_users": [grace.look().me], "manage": ["manage"]}
    assert ada.submit(whole | {"ref": "main"} | people)["ok"]
    assert ada.look().modal is None
    scene.wait_until_ready()
    [row] = scene.all_live()
    assert (row.ref, row.name, row.is_private) == ("main", "demo", True)
    grace.wait_for_text("You can also extend")
    grace.command("/binder stop demo")
    grace.wait_for_text("is being torn down")


def test_the_members_of_a_group_that_is_chosen_in_a_form_get_access(scene: Scene) -> None:
    ada, linus = scene.person("ada"), scene.person("linus")
    scene.launch("--name demo", channel="general")
    scene.wait_until_ready()
    ada.click("Share", scene.card())
    ada.wait_for(lambda seen: seen.modal)
    [group] = scene.workspace.state.groups
    assert ada.submit({"share_groups": [group]})["ok"]
    linus.wait_for_text("shared *demo* with you")
    ada.click("Share", scene.card())
    shown = ada.wait_for(lambda seen: seen.modal)
    assert shown["state"]["values"]["share_groups"][ids.GROUPS]["selected_options"][0]["value"] == group
    assert ada.submit({"share_groups": []})["ok"]
    ada.wait_for_text("is no longer shared with")
