"""People know a binder by its repository and its place; where that is not enough, they choose by a button."""

from functools import partial
from typing import Any

import pytest

from handlers import ids
from handlers.messages.candidates import Candidate
from storage.models import Binder
from storage.vocabulary import Status, Target
from tests.unit.handlers.listeners.conftest import Desk, modal
from workspace.hands import Person

CLIMATE = "https://github.com/pangeo-data/climate-gallery"
TIDES = "https://gitlab.com/oceans/tides"
ZENODO = "10.5281/zenodo.3242074"


def linus(desk: Desk) -> str:
    return desk.post.workspace.state.person("linus").id


def has(desk: Desk, name: str, url: str, **changes: Any) -> Binder:
    """A binder whose id is made of its name, running since an hour."""
    created_at = desk.post.clock[0] - 3600
    return desk.has(id=f"{name:x<8}", name=name, url=url, created_at=created_at, **changes)


def choices_of(desk: Desk, typed: str, user: str | None = None, channel: str = "general") -> dict[str, Any]:
    """The buttons of an answer that asks which binder is meant: their values by their labels."""
    answer = desk.dispatch(desk.command_body(typed, user, channel))
    rows = [block["elements"] for block in answer["blocks"] if block["type"] == "actions"]
    return {each["text"]["text"]: each for row in rows for each in row}


def press(desk: Desk, button: dict[str, Any], user: str | None = None) -> str:
    who = desk.post.workspace.state.person(user or "ada")
    return desk.told(who.name, lambda: desk.click(button["action_id"], button["value"], who.id))


# --- by the repository -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "climate-gallery",
            "pangeo-data/climate-gallery",
            "github.com/pangeo-data/climate-gallery",
            CLIMATE,
        ),
        *(f"{CLIMATE}.git", f"{CLIMATE}/", f"<{CLIMATE}>", f"{CLIMATE}/tree/main/notebooks"),
        *("climate", "gallery", "pangeo", "the binder Climate-Gallery", "`pangeo-data/climate-gallery`"),
    ],
)
def test_a_repository_or_a_part_of_its_name_means_its_binder(desk: Desk, typed: str) -> None:
    has(desk, "first", CLIMATE)
    has(desk, "second", TIDES)
    assert "*first* is ready" in desk.command(f"status {typed}")


@pytest.mark.parametrize("typed", ["http://git.example.org:8080/team/small.git", "team/small.git", "small"])
def test_a_repository_on_any_host_means_its_binder(desk: Desk, typed: str) -> None:
    has(desk, "first", "http://git.example.org:8080/team/small.git")
    has(desk, "second", TIDES)
    assert "*first* is ready" in desk.command(f"status {typed}")


def test_a_doi_means_its_binder(desk: Desk) -> None:
    has(desk, "first", ZENODO)
    has(desk, "second", TIDES)
    assert "*first* is ready" in desk.command(f"status {ZENODO}")
    assert "*first* is ready" in desk.command("status zenodo.3242074")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("logs tides", "second's log"),
        ("open oceans/tides", "Your links to *second*"),
        ("link tides", "same as *second*"),
        ("extend tides 2h", "*second* stays until"),
        (f"extend {TIDES} until 23:59", "*second* stays until"),
        ("save tides", "changed in second"),
        ("stop tides", "second is being torn down"),
    ],
)
def test_every_command_takes_a_repository(desk: Desk, typed: str, said: str) -> None:
    has(desk, "first", CLIMATE, log="x")
    has(desk, "second", TIDES, log="x", ends_at=desk.post.clock[0] + 600)
    assert said in desk.command(typed)


def test_sharing_takes_a_repository(desk: Desk) -> None:
    has(desk, "first", CLIMATE)
    has(desk, "second", TIDES)
    assert "*second* is shared with" in desk.command(f"share tides <@{desk.grace}>")
    assert "*second* is no longer shared" in desk.command(f"unshare oceans/tides from <@{desk.grace}>")


def test_a_name_goes_before_a_repository(desk: Desk) -> None:
    has(desk, "tides", CLIMATE)
    has(desk, "second", TIDES)
    assert "*tides* is ready" in desk.command("status tides")


def test_a_binder_that_runs_goes_before_one_that_had_the_name(desk: Desk) -> None:
    has(desk, "tides", CLIMATE, status=Status.GONE, target=Target.GONE)
    has(desk, "second", TIDES)
    assert "*second* is ready" in desk.command("status tides")


def test_the_host_of_a_repository_means_nothing(desk: Desk) -> None:
    has(desk, "first", CLIMATE)
    assert "can't find a binder called “hub.com”" in desk.command("status hub.com")


# --- where several may be meant --------------------------------------------------------------------------


def test_the_button_does_what_was_typed_with_that_binder(desk: Desk) -> None:
    for name in ("first", "second"):
        has(desk, name, CLIMATE, ends_at=desk.post.clock[0] + 3600)
    asked = choices_of(desk, "extend climate 2h")
    assert sorted(asked) == ["first", "second"]
    assert "*second* stays until" in press(desk, asked["second"])
    first, second = desk.all()
    assert second.ends_at == first.ends_at + 7200


def test_the_button_opens_a_form_where_the_command_does(desk: Desk) -> None:
    has(desk, "first", CLIMATE)
    has(desk, "second", CLIMATE)
    asked = choices_of(desk, "share climate")
    desk.click(asked["second"]["action_id"], asked["second"]["value"])
    assert modal(desk)["private_metadata"] == "secondxx"


def test_a_mention_asks_with_buttons_too(desk: Desk) -> None:
    has(desk, "first", CLIMATE)
    has(desk, "second", CLIMATE)
    said = desk.told("ada", lambda: desk.mention("stop climate"))
    assert "Which binder do you mean?" in said
    assert "[first]  [second]" in said


def test_only_those_are_offered_with_which_it_can_be_done(desk: Desk) -> None:
    shelved = {"status": Status.SHELVED, "target": Target.SHELVED}
    has(desk, "first", CLIMATE)
    has(desk, "second", CLIMATE, **shelved)
    has(desk, "third", CLIMATE)
    assert sorted(choices_of(desk, "open climate")) == ["first", "third"]
    assert "second is being resumed" in desk.command("resume climate")


def test_where_it_can_be_done_with_none_the_reason_is_told(desk: Desk) -> None:
    has(desk, "first", CLIMATE)
    has(desk, "second", CLIMATE)
    assert "there is nothing to resume" in desk.command("resume climate")


def test_ones_own_is_meant_before_those_of_others(desk: Desk) -> None:
    has(desk, "first", CLIMATE)
    has(desk, "second", CLIMATE, owner=desk.grace)
    assert "*second* is ready" in desk.command("status climate", user=desk.grace)


def test_a_stranger_is_offered_what_everybody_may_see_and_nothing_more(desk: Desk) -> None:
    has(desk, "first", CLIMATE)
    has(desk, "second", CLIMATE)
    has(desk, "private", CLIMATE, is_private=True)
    has(desk, "unknown", CLIMATE, is_private=None)
    assert sorted(choices_of(desk, "status climate", linus(desk))) == ["first", "second"]
    # Of a private binder alone, its repository tells no more than a name that nobody has.
    has(desk, "secret", TIDES, is_private=True)
    said = desk.command("status tides", user=linus(desk))
    assert said.replace("tides", "xyzzy") == desk.command("status xyzzy", user=linus(desk))


def test_who_is_shared_with_is_offered_what_they_may_do(desk: Desk) -> None:
    for name in ("first", "second", "third"):
        row = has(desk, name, CLIMATE, is_private=True)
        if name != "third":
            desk.share(row, "linus", manages=name == "first")
    assert sorted(choices_of(desk, "open climate", linus(desk))) == ["first", "second"]
    assert "first is being torn down" in desk.command("stop climate", user=linus(desk))


def test_a_forged_choice_does_no_more_than_the_command_would(desk: Desk) -> None:
    row = has(desk, "private", CLIMATE, is_private=True)
    for value in (Candidate("stop", row.id).as_value(), "x", "[]", '{"id": 1}', "{}", "null"):
        press = partial(desk.click, f"{ids.CANDIDATE_PREFIX}0", value, linus(desk))
        said = desk.told("linus", press)
        assert "I can't find this binder." in said
    assert desk.all()[0].target == Target.READY


# --- by the place ----------------------------------------------------------------------------------------


def test_status_alone_shows_what_is_in_the_channel(desk: Desk) -> None:
    lab = desk.post.channel("lab")
    has(desk, "first", CLIMATE)
    has(desk, "second", TIDES, owner=desk.grace)
    has(desk, "elsewhere", TIDES, channel=lab)
    has(desk, "private", TIDES, is_private=True)
    buttons = choices_of(desk, "status", linus(desk))
    assert sorted(buttons) == ["first", "second"]
    said = desk.command("status", user=linus(desk))
    assert "2 binders in this channel" in said
    assert "private" not in said
    assert "*second* is ready" in press(desk, buttons["second"], "linus")
    assert "*elsewhere* is ready" in desk.command("status", user=linus(desk), channel="lab")


def test_in_the_thread_of_a_binder_that_one_is_meant(desk: Desk) -> None:
    general = desk.post.channel("general")
    has(desk, "first", CLIMATE, thread_channel=general, thread_ts="77.7")
    has(desk, "second", TIDES, thread_channel=general, thread_ts="88.8")
    with Person(desk.post.workspace.url, "ada"):
        assert "*second* is ready" in desk.told("ada", lambda: desk.mention("status", thread_ts="88.8"))


def test_where_the_channel_has_none_ones_own_is_meant(desk: Desk) -> None:
    has(desk, "elsewhere", TIDES, channel=desk.post.channel("lab"))
    assert "*elsewhere* is ready" in desk.command("status")
    assert "You have no binder running." in desk.command("status", user=linus(desk))
