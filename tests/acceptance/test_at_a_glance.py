"""The card, its menu, logs and direct messages over the wire: an owner, who may open it, and a stranger."""

from pathlib import Path

import pytest

from storage.models import Binder
from storage.vocabulary import Status
from tests.acceptance.conftest import Scene
from tests.fakes.browser import Page, chromium
from workspace.hands import Person, plain
from workspace.options import Options


def answer_to(person: Person, what: str, message: dict[str, object]) -> str:
    """What a person alone reads after they pressed something, or chose it from a menu."""
    before = len(person.look().ephemerals())
    assert person.click(what, message)["ok"]
    shown = person.wait_for(lambda seen: seen.ephemerals()[before:])
    return "\n".join(plain(each) for each in shown)


def has_file(person: Person) -> bool:
    return any(each.get("files") for each in person.look().messages("dm"))


def test_the_menu_of_a_card_does_what_its_reader_may(scene: Scene) -> None:
    scene.launch("--name demo")
    ada, grace, linus = (scene.person(each) for each in ("ada", "grace", "linus"))
    ada.wait_for_text("Your links to")
    ada.command("/binder share demo @grace")
    [row] = scene.all_live()
    with scene.app.store.write() as session:
        session.get_one(Binder, row.id).log = "what pip said"
    card = scene.card()
    assert card["blocks"][0]["type"] == "container"

    for reader in (ada, grace, linus):
        reader.command("/binder logs demo")
        reader.wait_for_text("belongs to" if reader is linus else "what pip said")
    for reader in (ada, grace):
        scene.wait(lambda reader=reader: has_file(reader))  # type: ignore[misc] # bound early
    assert not has_file(linus)

    for stranger in (grace, linus):
        assert "can save it" in answer_to(stranger, "Save my work", card)
    ada.click("More…", card)
    view = ada.wait_for(lambda seen: seen.modal)
    ada.click("Launch link", view)
    ada.wait_for(lambda seen: "To launch the same" in plain(seen.modal or {}) or None)
    ada.close()
    assert [each.status for each in scene.all_live()] == [Status.READY]


def test_in_a_direct_message_a_link_is_enough(scene: Scene) -> None:
    ada = scene.person()
    ada.say(f"have a look at {scene.repository}", "dm")
    offer = ada.wait_for(
        lambda seen: next((each for each in seen.messages("dm") if "[Launch]" in plain(each)), None)
    )
    ada.click("Launch", offer)
    scene.wait_until_ready()
    ada.wait_for(lambda seen: any("is ready" in plain(each) for each in seen.messages("dm")) or None)
    ada.say("stop", "dm")
    scene.wait(lambda: scene.all_live() == [])
    assert scene.person("grace").look().messages("general") == []


class TestOnAnOldServer:
    """A workspace that does not know the newer blocks."""

    @pytest.fixture
    def workspace_options(self) -> Options:
        return Options(app_name="Binder", new_blocks=False)

    def test_a_launch_is_shown_with_classic_blocks(self, scene: Scene) -> None:
        scene.launch()
        scene.person().wait_for_text("Your links to")
        scene.wait(lambda: "is ready" in plain(scene.card()))
        assert {each["type"] for each in scene.card()["blocks"]} == {"section", "context", "actions"}
        assert [each.status for each in scene.all_live()] == [Status.READY]


@pytest.mark.browser
def test_the_menu_works_in_a_browser(scene: Scene, tmp_path: Path) -> None:
    scene.launch("--name demo")
    scene.person().wait_for_text("Your links to")
    with chromium(tmp_path / "profile") as browser:
        browser.get(scene.workspace.url)
        page = Page(browser)
        page.wait_for("#messages .card", "demo is ready")
        page.press("#messages .card .overflow summary", "⋯")
        page.press("#messages .card .menu button", "More…")
        page.wait_for("#modal", "Keep until tonight")
        page.press("#modal button", "Keep until tonight")
        page.wait_for("#modal", "demo stays")
        assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]
