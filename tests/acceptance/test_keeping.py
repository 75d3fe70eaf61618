"""What happens to a binder that is there: put away, had back, kept, saved before it goes."""

from typing import Any

import pytest
from sqlalchemy import update

from bot.provisioning.base import Phase, Report
from storage.models import Binder, Ending, Status
from tests.acceptance.conftest import Scene
from workspace.hands import links, plain


def test_buttons_shelve_and_resume_it_and_its_links_are_posted_again(scene: Scene) -> None:
    scene.launch("--name demo")
    scene.wait_until_ready()
    ada = scene.person()
    ada.click("Shelve", ada.wait_for_text("Ready after"))
    away = ada.wait_for_text("Its files are kept")
    assert away["thread_ts"] == scene.card()["ts"]
    assert "is shelved" in plain(ada.wait_for_text("kept until"))
    ada.click("Resume", away)
    back = ada.wait_for_text("is running again.")
    assert {label for label, _ in links(back)} >= {"JupyterLab"}
    assert len(scene.cloud.created) == 1


def test_only_its_owner_shelves_it(scene: Scene) -> None:
    scene.launch("--name demo")
    scene.wait_until_ready()
    grace = scene.person("grace")
    grace.command("/binder shelve demo")
    grace.wait_for(lambda seen: "belongs to" in plain(seen.ephemerals()[-1]) if seen.ephemerals() else None)
    assert [each.status for each in scene.all_live()] == [Status.READY]


def test_open_while_it_is_shelved_says_how_to_resume_it(scene: Scene) -> None:
    scene.launch("--name demo")
    scene.wait_until_ready()
    ada = scene.person()
    ada.command("/binder shelve demo")
    ada.wait_for_text("Its files are kept")
    ada.command("/binder open demo")
    shown = plain(ada.wait_for_text("demo is shelved; it can be opened only while it is ready."))
    assert "`/binder resume demo` brings it back." in shown
    ada.command("/binder resume demo")
    ada.wait_for_text("is running again.")


def test_a_failed_resume_is_told_in_the_thread(scene: Scene) -> None:
    scene.cloud.refuses_back = 1
    scene.launch("--name demo")
    scene.wait_until_ready()
    ada = scene.person()
    ada.command("/binder shelve demo")
    ada.wait_for_text("Its files are kept")
    ada.command("/binder resume demo")
    ada.wait_for_text("could not be resumed")
    assert [each.status for each in scene.all_live()] == [Status.SHELVED]


def test_teardown_offers_to_save_what_would_be_lost(scene: Scene) -> None:
    scene.launch("--name demo")
    scene.wait_until_ready()
    with scene.app.store.write() as session:
        session.execute(update(Binder).values(changed_files=3))
    ada = scene.person()
    ada.command("/binder stop demo")
    offer = ada.wait_for(
        lambda seen: [each for each in seen.ephemerals() if "*demo* has 3 changed files" in plain(each)]
    )[-1]
    assert [each.status for each in scene.all_live()] == [Status.READY]
    ada.click("Tear down without saving", offer)
    ada.wait_for_text("was torn down by")
    scene.wait(lambda: scene.all_live() == [])


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    if "inspect" in request.node.name:
        return {"failed_minutes": 5}
    return {}


def test_a_failed_build_is_kept_to_inspect_only_for_who_asks(scene: Scene) -> None:
    scene.server.pages.clear()
    scene.cloud.reports = (Report(Phase.BUILDING, 0.3), Report(Phase.FAILED, reason="pip said no."))
    scene.launch("--name demo")
    ada = scene.person()
    failed = ada.wait_for_text("Its instance is kept until")
    assert "pip said no." in plain(failed)
    ada.click("Keep for debugging", failed)
    ada.wait_for(lambda seen: [each for each in seen.ephemerals() if "is kept for debugging" in plain(each)])
    (kept,) = scene.all_live()
    assert kept.kept_until - (kept.ended_at or 0) > 3600
    assert scene.cloud.machines
    ada.click("Remove now", failed)
    scene.wait(lambda: scene.all_live() == [])
    assert scene.cloud.machines == {}
    assert kept.ending == Ending.FAILED
