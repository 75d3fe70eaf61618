"""What people type, with all that Slack makes of it on its way; and what others see of it."""

import pytest

from storage.models import Binder
from tests.acceptance.conftest import Scene
from workspace.hands import plain


@pytest.mark.parametrize(
    ("typed", "ref", "path"),
    [
        ("main README.md", "main", "README.md"),
        ("main.py", "main.py", None),
        ("--open index.md", None, "index.md"),
        ("--path 'my notes/run.sh'", None, "my notes/run.sh"),
        ("main\u00a0a.ipynb", "main", "a.ipynb"),
    ],
)
def test_a_launch_means_what_was_typed(scene: Scene, typed: str, ref: str | None, path: str | None) -> None:
    assert scene.launch(typed)["ok"]
    scene.person().wait_for_text("for @")
    with scene.app.store.read() as session:
        [row] = session.query(Binder).all()
    assert (row.url, row.ref, row.path) == (scene.repository, ref, path)


def test_a_mention_with_a_comma_is_answered(scene: Scene) -> None:
    ada = scene.person()
    for said in ("@Binder, list", "@Binder: list please", "@Binder\u00a0list"):
        before = len(ada.look().ephemerals())
        ada.say(said)
        answers = ada.wait_for(lambda seen, before=before: seen.ephemerals()[before:])  # type: ignore[misc] # bound early
        assert "No binder is running" in plain(answers[-1])


def answer(scene: Scene, who: str, typed: str) -> str:
    person = scene.person(who)
    before = len(person.look().ephemerals())
    assert person.command(typed)["ok"]
    return plain(person.wait_for(lambda seen: seen.ephemerals()[before:])[-1])


def test_what_is_launched_in_a_private_channel_is_not_shown_to_others(scene: Scene) -> None:
    scene.launch("--name secretive", channel="secret")
    scene.person().wait_for_text("secretive")
    assert "secretive" in answer(scene, "ada", "/binder list")
    assert "Did you mean `/binder logs secretive`?" in answer(scene, "ada", "/binder logs secretvie")
    for who in ("grace", "linus"):  # Grace is in that channel, too
        assert "No binder is running" in answer(scene, who, "/binder list")
        for typed in ("status secretive", "logs secretvie", "open secretive", "stop secretive"):
            name = typed.split()[1]
            assert answer(scene, who, f"/binder {typed}") == f"I can't find a binder called “{name}”."
