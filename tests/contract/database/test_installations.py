"""Where the bot is installed: one row for each workspace or organisation, its tokens, and its end."""

from typing import Any

import pytest
from sqlalchemy import text, update

from bot.admin.rekey import encrypt_all, secrets_advice
from storage import binders, connections, installations
from storage.engine import Store, unix_now
from storage.installation_models import Installation
from storage.installations import Installed, Tokens
from storage.keyring import Keyring
from storage.models import Binder
from storage.vocabulary import Ending, Target
from tests.contract.database.conftest import KEY
from tests.contract.database.rows import binder_of, launch, together

NEW_KEY = "another key of these tests, no secret either"
BOT, REFRESH = "xoxe.xoxb-1-first", "xoxe-1-first"
WITHIN = 7200.0


def installed(team: str = "T1", **changes: Any) -> Installed:
    values: dict[str, Any] = {
        "id": team,
        "tokens": Tokens(BOT, REFRESH, 43_200.0),
        "name": "Lab",
        "bot_id": "B1",
        "bot_user_id": "U0BOT",
        "installed_by": "U1",
    }
    return Installed(**(values | changes))


def install(store: Store, team: str = "T1", **changes: Any) -> None:
    with store.write() as session:
        installations.save(session, installed(team, **changes))


def row(store: Store, team: str = "T1") -> Installation:
    with store.read() as session:
        found = installations.get(session, team)
    assert found is not None
    return found


def speaker(store: Store, team: str) -> str | None:
    with store.read() as session:
        found = installations.speaking_for(session, team)
    return found.id if found else None


def lose(store: Store, team: str, *, version: int | None = None) -> bool:
    with store.write() as session:
        return installations.lose(session, team, "app_uninstalled", version=version)


def refresh(store: Store, team: str = "T1") -> Installation | None:
    with store.write() as session:
        return installations.begin_refresh(session, team, within=WITHIN, seconds=30)


def soon(store: Store, team: str = "T1") -> None:
    """Let a token end within the next hour."""
    with store.write() as session:
        session.execute(
            update(Installation).where(Installation.id == team).values(expires_at=unix_now() + 3600)
        )


def test_its_tokens_are_encrypted_and_rekeyed(store: Store) -> None:
    install(store)
    with store.engine.connect() as connection:
        (stored,) = connection.execute(text("SELECT * FROM installations")).all()
    assert BOT not in repr(stored)
    assert REFRESH not in repr(stored)
    assert (row(store).bot_token, row(store).refresh_token) == (BOT, REFRESH)
    assert BOT not in repr(row(store)) + repr(installed())
    both = Store(store.url.render_as_string(hide_password=False), keyring=Keyring([NEW_KEY, KEY]))
    assert both.keyring is not None
    (advice,) = secrets_advice(both)
    assert advice == "1 installation with secrets under an older key: run `binder-bot rekey`"
    assert encrypt_all(both, both.keyring, Installation) == (1, [])
    new = Store(store.url.render_as_string(hide_password=False), keyring=Keyring([NEW_KEY]))
    assert row(new).bot_token == BOT
    both.close()
    new.close()


def test_who_installs_again_has_the_new_tokens_and_one_row(store: Store) -> None:
    install(store)
    lose(store, "T1")
    install(store, tokens=Tokens("xoxb-2"), name="Laboratory")
    found = row(store)
    assert (found.bot_token, found.refresh_token, found.expires_at) == ("xoxb-2", None, None)
    assert (found.name, found.lost_at, found.version) == ("Laboratory", None, 3)
    with store.read() as session:
        assert [each.id for each in installations.everywhere(session)] == ["T1"]


def test_several_who_install_at_once_make_one_row(store: Store) -> None:
    together(lambda number: install(store, tokens=Tokens(f"xoxb-{number}")), 4)
    assert row(store).version == 4


def test_a_workspace_is_spoken_for_by_itself_or_else_by_its_organisation(store: Store) -> None:
    install(store, "E1")
    assert speaker(store, "T1") is None, "nobody told that it belongs to E1"
    with store.write() as session:
        installations.note_workspace(session, "T1", "E1")
        installations.note_workspace(session, "T1", "E1")
    assert speaker(store, "T1") == speaker(store, "E1") == "E1"
    install(store, "T1")
    assert speaker(store, "T1") == "T1"
    lose(store, "T1")
    assert speaker(store, "T1") == "E1"
    lose(store, "E1")
    assert speaker(store, "T1") == "T1", "lost, as there is no other"
    assert speaker(store, "T2") is None


def test_one_at_a_time_refreshes_a_token(store: Store) -> None:
    install(store)
    assert refresh(store) is None, "it is new"
    soon(store)
    with store.read() as session:
        assert installations.ending(session, within=WITHIN) == ["T1"]
    taken = [each for each in together(lambda _: refresh(store), 4) if each]
    assert len(taken) == 1
    with store.read() as session:
        assert installations.ending(session, within=WITHIN) == []
    assert row(store).bot_token == BOT, "it is valid until the new one is written"
    with store.write() as session:
        assert installations.end_refresh(session, taken[0], Tokens("xoxb-2", "xoxe-2", 43_200))
    assert (row(store).bot_token, row(store).refresh_token) == ("xoxb-2", "xoxe-2")
    assert refresh(store) is None


def test_who_refreshed_for_too_long_overwrites_nothing(store: Store) -> None:
    install(store)
    soon(store)
    slow = refresh(store)
    assert slow is not None
    install(store, tokens=Tokens("xoxb-3"))
    with store.write() as session:
        assert not installations.end_refresh(session, slow, Tokens("xoxb-2", "xoxe-2", 43_200))
        installations.pause_refresh(session, slow, 60)
    assert not lose(store, "T1", version=slow.version), "it is another token that was refused"
    assert (row(store).bot_token, row(store).refresh_until) == ("xoxb-3", 0.0)


def test_a_pause_keeps_others_from_asking(store: Store) -> None:
    install(store)
    soon(store)
    taken = refresh(store)
    assert taken is not None
    with store.write() as session:
        installations.pause_refresh(session, taken, 60)
    assert refresh(store) is None


def test_what_is_lost_is_lost_once_and_keeps_no_token(store: Store) -> None:
    install(store)
    assert lose(store, "T1")
    assert not lose(store, "T1")
    found = row(store)
    assert (found.bot_token, found.refresh_token, found.lost_for) == ("", None, "app_uninstalled")
    assert found.lost_at is not None


@pytest.mark.parametrize("comes_back", [False, True])
def test_binders_of_a_lost_workspace_end_after_the_grace(store: Store, *, comes_back: bool) -> None:
    install(store)
    install(store, "T2")
    mine, theirs = launch(store, team_id="T1"), launch(store, team_id="T2")
    with store.write() as session:
        for team_id in ("T1", "T2"):
            connections.request(session, team_id, "U1")
    lose(store, "T1")
    with store.read() as session:
        assert installations.count_binders(session, "T1") == 1
        assert installations.given_up(session, after=60) == []
        assert installations.given_up(session, after=0) == ["T1"]
    if comes_back:
        install(store)
    with store.write() as session:
        assert installations.tear_down(session, "T1", after=0) == (None if comes_back else 1)
    with store.write() as session:
        assert installations.tear_down(session, "T1", after=0) is None, "once"
    ended = binder_of(store, mine.id)
    assert (ended.target == Target.GONE, ended.ending) == (
        (False, None) if comes_back else (True, Ending.LOST)
    )
    assert binder_of(store, theirs.id).target == Target.READY
    with store.read() as session:
        assert (connections.get(session, "T1", "U1") is not None) is comes_back
        assert connections.get(session, "T2", "U1") is not None
        assert installations.given_up(session, after=0) == []


def test_what_another_installation_speaks_for_stays(store: Store) -> None:
    for team in ("E1", "T1"):
        install(store, team)
    with store.write() as session:
        for team in ("T1", "T2"):
            installations.note_workspace(session, team, "E1")
    own, of_all = launch(store, team_id="T1"), launch(store, team_id="T2")
    lose(store, "E1")
    with store.write() as session:
        assert installations.tear_down(session, "E1", after=0) == 1
    assert binder_of(store, own.id).target == Target.READY
    assert binder_of(store, of_all.id).target == Target.GONE


def test_an_answer_of_slack_is_taken_once_and_in_time(store: Store) -> None:
    def taken(state: str) -> bool:
        with store.write() as session:
            return installations.finish_install(session, state)

    with store.write() as session:
        installations.begin_install(session, "late", seconds=-1)
        installations.begin_install(session, "mine", seconds=600)
    assert sorted(together(lambda _: taken("mine"), 3)) == [False, False, True]
    assert not taken("late")
    assert not taken("forged")


def test_states_of_others_are_no_use_in_a_copy(store: Store) -> None:
    with store.write() as session:
        installations.begin_install(session, "mine", seconds=600)
    with store.engine.connect() as connection:
        stored = connection.execute(text("SELECT * FROM install_states")).all()
    assert "mine" not in repr(stored)


def test_a_torn_down_binder_is_in_the_audit(store: Store) -> None:
    install(store)
    mine = launch(store, team_id="T1")
    lose(store, "T1")
    with store.write() as session:
        installations.tear_down(session, "T1", after=0)
    with store.read() as session:
        found = session.get(Binder, mine.id)
        assert found is not None
        assert (found.ended_by, binders.get(session, mine.id)) == ("bot", found)
