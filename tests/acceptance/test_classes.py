"""In class: a teacher, students, and a stranger, over the wire. The workspace keeps Slack's pace."""

from pathlib import Path
from typing import Any

import pytest

from bot.provisioning.instances import Phase, Report
from storage.class_models import ClassPhase, SchoolClass, Seat
from storage.models import Binder
from tests.acceptance.conftest import Scene
from tests.fakes.browser import Page, chromium
from workspace.hands import Person, links, plain
from workspace.options import Options
from workspace.state import User

FAILS = (
    Report(Phase.BOOTING),
    Report(Phase.BUILDING, 0.5, "half"),
    Report(Phase.FAILED, reason="It cannot be built.", code="build"),
)


@pytest.fixture
def workspace_options() -> Options:
    return Options(app_name="Binder", enforce_rates=True)


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"class_for": "everybody"}


def answer(person: Person, typed: str, channel: str = "general") -> str:
    """What a person alone reads after a command."""
    before = len(person.look().ephemerals(channel))
    assert person.command(typed, channel=channel)["ok"]
    return _heard(person, before, channel)


def press(person: Person, what: str, message: dict[str, Any], channel: str = "general") -> str:
    """What a person alone reads after a click."""
    before = len(person.look().ephemerals(channel))
    assert person.click(what, message)["ok"]
    return _heard(person, before, channel)


def _heard(person: Person, before: int, channel: str) -> str:
    shown = person.wait_for(lambda seen: seen.ephemerals(channel)[before:])
    return "\n".join(plain(each) for each in shown)


def start(scene: Scene, text: str, channel: str = "general") -> dict[str, Any]:
    """Ada starts a class; its message."""
    ada = scene.person()
    name = "" if "--name" in text else "--name intro"
    assert ada.command(f"/binder class {scene.repository} {name} {text}", channel=channel)["ok"]
    return ada.wait_for(
        lambda seen: next((each for each in seen.messages(channel) if "a class of" in plain(each)), None)
    )


def the_class(scene: Scene) -> SchoolClass:
    with scene.app.store.read() as session:
        return session.query(SchoolClass).one()


def binder_of(scene: Scene, person: Person) -> Binder:
    with scene.app.store.read() as session:
        seat = session.query(Seat).filter_by(user=person.look().me).one()
        return session.query(Binder).filter_by(id=seat.binder_id).one()


def card_of(person: Person) -> dict[str, Any]:
    """The direct message with the links of one's seat."""
    return person.wait_for(
        lambda seen: next((each for each in seen.messages("dm") if "is ready" in plain(each)), None),
        seconds=30,
    )


def forge(scene: Scene, message: dict[str, Any], value: str) -> None:
    """Let the buttons of a message have another value."""
    for block in scene.workspace.state.find(message["channel"], message["ts"]).blocks:
        for each in block.get("elements", []):
            if "value" in each:
                each["value"] = value


def everything_of(person: Person) -> str:
    return "\n".join(f"{plain(each)} {each.get('blocks')}" for each in person.look().everything())


def test_each_gets_one_binder_of_their_own_and_nobody_else_its_links(scene: Scene) -> None:
    ada, grace, linus = (scene.person(each) for each in ("ada", "grace", "linus"))
    message = start(scene, "--seats 3 --for 1h")
    for student in (grace, linus):
        press(student, "Get mine", message)
    cards = {student.user: card_of(student) for student in (grace, linus)}
    rows = {student.user: binder_of(scene, student) for student in (grace, linus)}
    for student, other in ((grace, linus), (linus, grace)):
        assert any(rows[student.user].token in url for _, url in links(cards[student.user]))
        assert rows[student.user].token not in everything_of(other) + everything_of(ada)
    # Who presses again gets the same links, at once, and no second binder.
    assert "Your links to" in press(grace, "Get mine", message)
    assert binder_of(scene, grace).id == rows["grace"].id
    scene.wait(lambda: the_class(scene).shown == {**the_class(scene).shown, "given": 2, "ready": 3}, 30)
    assert len(scene.all_live()) == 3
    assert len({each.commit for each in scene.all_live()}) == 1
    # In the channel there is one message, and one word to the teacher in its thread.
    assert len(ada.look().messages("general")) - len(ada.look().ephemerals()) == 1
    told = ada.wait_for(lambda seen: seen.thread("general", message["ts"]))
    assert ["are ready" in plain(each) for each in told] == [True]


def test_the_teacher_sees_how_far_all_are_and_opens_what_is_shared(scene: Scene) -> None:
    ada, grace = scene.person(), scene.person("grace")
    message = start(scene, "--seats 2 --for 1h")
    press(grace, "Get mine", message)
    card_of(grace)
    scene.wait(lambda: the_class(scene).shown.get("ready") == 2, 30)
    seen = press(ada, "Class status", message)
    assert f"1. @{grace.look().me}: :large_green_circle: is ready" in seen
    assert "2. nobody's" in seen
    assert "can't find" in answer(ada, f"/binder open {binder_of(scene, grace).id}")
    answer(grace, "/binder share @ada")
    assert "Your links to" in answer(ada, f"/binder open {binder_of(scene, grace).id}")


def test_the_end_warns_all_saves_work_and_gives_no_more_seats(scene: Scene) -> None:
    ada, grace, linus = (scene.person(each) for each in ("ada", "grace", "linus"))
    message = start(scene, "--seats 2 --for 3h")
    press(grace, "Get mine", message)
    card_of(grace)
    scene.wait(lambda: the_class(scene).shown.get("ready") == 2, 30)
    assert "Only the teacher of intro or an admin can end it." in answer(linus, "/binder class end")
    assert "Everybody who has a binder is asked to save" in answer(ada, "/binder class end")
    warning = grace.wait_for_text("Its class ends then.", 30)
    assert "[Save my work]" in plain(warning)
    assert "[Keep 2 h]" not in plain(warning)
    scene.wait(lambda: len(scene.all_live()) == 1)  # the one that nobody had
    assert "no longer gives seats" in answer(linus, "/binder class join intro")
    assert "goes on for everybody" in answer(ada, "/binder class extend 1h")
    assert binder_of(scene, grace).ends_at == the_class(scene).ends_at
    assert "You have a seat in" in answer(linus, "/binder class join")
    # A student cannot keep a seat longer than the class.
    assert "Only the teacher can extend" in answer(grace, "/binder extend 5h")


def test_a_class_in_a_private_channel_is_for_those_in_it_alone(scene: Scene) -> None:
    ada, grace, linus = (scene.person(each) for each in ("ada", "grace", "linus"))
    ada.command("/invite @binder", channel="secret")
    message = start(scene, "--seats 2 --for 1h", channel="secret")
    press(grace, "Get mine", message, channel="secret")
    card_of(grace)
    for typed in ("class", "class status intro", "class join intro", "class end intro", "list"):
        said = answer(linus, f"/binder {typed}")
        assert "can't find" in said or "No class" in said or "No binder" in said, said
    # Also with the value of a button that he never saw.
    secret_id = the_class(scene).id
    public = start(scene, "--seats 1 --for 1h --name other")
    forge(scene, public, secret_id)
    assert "can't find this class" in press(linus, "Get mine", public)
    assert "intro*" not in everything_of(linus)


def test_a_group_gets_its_seats_without_asking_and_others_are_refused(scene: Scene) -> None:
    ada, grace, linus = (scene.person(each) for each in ("ada", "grace", "linus"))
    message = start(scene, "@analysts --for 1h", channel="general")
    for member in (grace, linus):
        assert any(binder_of(scene, member).token in url for _, url in links(card_of(member)))
    scene.workspace.state.add_channel("late", "public", {ada.look().me})
    assert "You have a seat in" in press(ada, "Get mine", message)  # the teacher, too, where they ask


def test_a_planned_class_is_made_before_people_come(scene: Scene) -> None:
    grace = scene.person("grace")
    message = start(scene, "--seats 2 --for 1h --at 23:59 UTC")
    assert "begins" in plain(message)
    assert "It is started before the class begins" in press(grace, "Get mine", message)
    assert scene.all_live() == []
    with scene.app.store.write() as session:
        found = session.query(SchoolClass).one()
        found.begins_at = scene.app.store.now() + 300
        found.ends_at = found.begins_at + 3600
    card_of(grace)
    scene.wait(lambda: the_class(scene).phase == ClassPhase.OPEN)
    assert the_class(scene).begins_at > scene.app.store.now()


def test_what_cannot_be_built_is_not_tried_for_all_and_the_teacher_hears_why(
    scene: Scene,
) -> None:
    scene.server.pages.clear()
    scene.cloud.reports = FAILS
    message = start(scene, "--seats 30 --for 1h")
    ada = scene.person()
    told = ada.wait_for(lambda seen: seen.thread("general", message["ts"]), 30)
    assert "could not be started. It cannot be built." in plain(told[0])
    assert len(scene.cloud.created) < 20
    ada.wait_for(lambda seen: "could not be started" in plain(seen.messages("general")[0]))


ANSWERS = ("You have a seat in", "Your links to")
"""To *Get mine*: before the seat is ready, and after."""


@pytest.mark.browser
def test_a_class_of_five_in_the_browser(scene: Scene, tmp_path: Path) -> None:
    others = ("grace", "linus", "marie", "emmy")
    for name in others[2:]:
        user = User(f"U{name.upper()}", name, name.title())
        scene.workspace.state.users[user.id] = user
        scene.workspace.state.channel_for(user.id, "general").members.add(user.id)
    start(scene, "--seats 5 --for 1h")
    with chromium(tmp_path / "profile") as driver:
        page = Page(driver)
        for name in ("ada", *others):
            driver.get(scene.workspace.url)
            driver.execute_script("localStorage.setItem('user', arguments[0])", name)
            driver.get(scene.workspace.url)
            page.wait_for("article.message", "a class of")
            page.press("article.message button", "Get mine")
            scene.wait(lambda: any(page.shows("article.message", each) for each in ANSWERS))
        # The last one finds the links in a direct message, and the numbers in the channel.
        card = card_of(scene.person("emmy"))
        assert any(binder_of(scene, scene.person("emmy")).token in url for _, url in links(card))
        page.wait_for("article.message", "5  ready", seconds=60)
        page.wait_for("article.message", "5  taken", seconds=60)
    assert len({each.owner for each in scene.all_live()}) == 5
