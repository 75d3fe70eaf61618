"""What the database holds of secrets, and what it takes to read them."""

from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from bot.admin.rekey import BATCH, encrypt_all, secrets_advice
from storage import backup, binders, rekeying, warm
from storage.access_models import ConnectionState, DeployToken, GitHubConnection
from storage.engine import Store
from storage.errors import UnreadableSecret
from storage.keyring import Keyring
from storage.models import Binder
from storage.vocabulary import Status
from tests.contract.database.conftest import KEY
from tests.contract.database.rows import TOKEN, binder_of, claim, launch, new_binder

URL = "https://hooks.example.org/a-secret-url"
SECRET = "a-secret-of-an-instance"
SECRETS = {"token": TOKEN, "secret": SECRET, "response_url": URL}
NEW_KEY = "another key of these tests, which comes later"


def stored(store: Store, binder_id: str) -> list[str | None]:
    """What a copy of the database shows."""
    query = text("SELECT token, secret, response_url FROM binders WHERE id = :id")
    with store.read() as session:
        return list(session.execute(query, {"id": binder_id}).one())


def shown(found: list[str | None]) -> str:
    return " ".join(each or "" for each in found)


def opened(binder: Binder) -> dict[str, str | None]:
    return {name: getattr(binder, name) for name in SECRETS}


def with_keys(store: Store, *keys: str) -> Store:
    """The same database, as a process with other keys sees it."""
    other = Store(str(store.url.render_as_string(hide_password=False)), keyring=Keyring(keys))
    if store.shared:
        other.close()
        other.engine = store.engine
    return other


def plain(store: Store, binder_id: str) -> None:
    """Make a row what it was before there were keys."""
    names = {f"stored_{name}": value for name, value in SECRETS.items()}
    with store.write() as session:
        session.execute(update(Binder).where(Binder.id == binder_id).values(**names))


def test_secrets_are_not_in_the_database_and_are_in_the_row(store: Store) -> None:
    binder = launch(store, **SECRETS)
    assert all(each and each.startswith("sealed:1:") for each in stored(store, binder.id))
    assert opened(binder) == SECRETS
    assert opened(binder_of(store, binder.id)) == SECRETS
    (claimed,) = claim(store)
    assert opened(claimed) == SECRETS


def test_what_a_worker_saves_is_encrypted(store: Store) -> None:
    launch(store)
    (claimed,) = claim(store)
    with store.write() as session:
        binders.save(session, claimed, SECRETS, next_in=0.0)
    found = stored(store, claimed.id)
    assert not any(value in shown(found) for value in SECRETS.values())
    assert opened(binder_of(store, claimed.id)) == SECRETS
    (claimed,) = claim(store)
    with store.write() as session:
        binders.save(session, claimed, {"response_url": None}, next_in=0.0)
    assert stored(store, claimed.id) == [*found[:2], None]


def test_what_is_set_on_a_row_is_encrypted(store: Store) -> None:
    binder = launch(store)
    with store.write() as session:
        row = binders.get(session, binder.id)
        assert row is not None
        row.response_url = URL
    assert opened(binder_of(store, binder.id))["response_url"] == URL
    assert URL not in shown(stored(store, binder.id))


def test_nothing_is_encrypted_where_there_is_nothing(store: Store) -> None:
    binder = launch(store, token="", secret="", response_url=None)
    assert stored(store, binder.id) == ["", "", None]
    assert opened(binder_of(store, binder.id)) == {"token": "", "secret": "", "response_url": None}


def test_a_warm_instance_gives_its_secret_to_the_launch(store: Store) -> None:
    waiting = {"is_warm": True, "status": Status.WAITING, "name": "warm", "secret": SECRET}
    with store.write() as session:
        session.add(new_binder(**waiting))
    with store.write() as session:
        taken = warm.take(session, "small")
    assert taken is not None
    assert taken.secret == SECRET


def test_a_secret_opens_in_its_own_row_alone(store: Store) -> None:
    one, other = launch(store, **SECRETS), launch(store)
    with store.write() as session:
        copied = select(Binder.stored_token).where(Binder.id == one.id).scalar_subquery()
        session.execute(update(Binder).where(Binder.id == other.id).values(stored_token=copied))
        in_column = select(Binder.stored_token).where(Binder.id == one.id).scalar_subquery()
        session.execute(update(Binder).where(Binder.id == one.id).values(stored_secret=in_column))
    with pytest.raises(UnreadableSecret, match="copied from another row"):
        _ = binder_of(store, other.id).token
    with pytest.raises(UnreadableSecret):
        _ = binder_of(store, one.id).secret
    assert binder_of(store, one.id).token == TOKEN


def test_rows_can_be_claimed_whose_secrets_cannot_be_opened(store: Store) -> None:
    binder = launch(store, **SECRETS)
    (claimed,) = claim(with_keys(store, NEW_KEY))
    assert claimed.id == binder.id
    with pytest.raises(UnreadableSecret, match="lacks the key"):
        _ = claimed.token
    assert TOKEN not in repr(vars(claimed))


def test_rows_from_before_are_read_and_then_encrypted(store: Store) -> None:
    binder = launch(store)
    plain(store, binder.id)
    assert opened(binder_of(store, binder.id)) == SECRETS
    assert store.keyring is not None
    with store.read() as session:
        assert rekeying.count(session, store.keyring, Binder) == rekeying.SecretCounts(
            plain=1, old=0, unknown=0
        )
    assert encrypt_all(store, store.keyring, Binder) == (1, [])
    assert not any(value in shown(stored(store, binder.id)) for value in SECRETS.values())
    assert opened(binder_of(store, binder.id)) == SECRETS


def test_a_new_key_takes_over_beside_a_running_bot_and_the_old_one_can_go(store: Store) -> None:
    for _ in range(BATCH + 3):
        launch(store, **SECRETS)
    (*_, held) = claim(store)
    both = with_keys(store, NEW_KEY, KEY)
    assert both.keyring is not None
    assert [*secrets_advice(both)] == [
        f"{BATCH + 3} binders with secrets under an older key: run `binder-bot rekey`"
    ]
    assert encrypt_all(both, both.keyring, Binder) == (BATCH + 3, [])
    assert encrypt_all(both, both.keyring, Binder) == (0, [])
    assert [*secrets_advice(both)] == []
    with both.write() as session:  # what was claimed before can be saved, as nothing else of the row changed
        binders.save(session, held, {"line": "x"}, next_in=0.0)
    assert opened(binder_of(with_keys(store, NEW_KEY), held.id)) == SECRETS


def test_what_no_key_opens_is_named_and_left_alone(store: Store) -> None:
    lost, fine = launch(with_keys(store, NEW_KEY), **SECRETS), launch(store)
    plain(store, fine.id)
    before = stored(store, lost.id)
    assert store.keyring is not None
    assert encrypt_all(store, store.keyring, Binder) == (1, [lost.id])
    assert stored(store, lost.id) == before
    assert [*secrets_advice(store)] == ["1 binder whose secrets no key in SECRET_KEY opens: add that key"]


def test_sqlite_keeps_nothing_of_what_was_plain(sqlite: Store) -> None:
    binder = launch(sqlite)
    plain(sqlite, binder.id)
    assert sqlite.keyring is not None
    encrypt_all(sqlite, sqlite.keyring, Binder)
    sqlite.scrub()
    copy = b"".join(Path(f"{sqlite.url.database}{ending}").read_bytes() for ending in ("", "-wal"))
    assert copy.startswith(b"SQLite format 3")
    assert not any(value.encode() in copy for value in SECRETS.values())


def test_a_backup_holds_them_as_they_are_stored(store: Store) -> None:
    binder, lines = launch(store, **SECRETS), list[str]()
    assert backup.dump(store, lines.append)
    written = "".join(lines)
    assert binder.id in written
    assert not any(value in written for value in SECRETS.values())
    assert str(stored(store, binder.id)[0]) in written


def test_connections_and_deploy_tokens_get_the_new_key_too(store: Store) -> None:
    connected = {"team_id": "T1", "user": "U1", "state": ConnectionState.CONNECTED, "asked_at": 0.0}
    hidden = {
        "access_token": "ghu_s3cret",
        "refresh_token": "ghr_s3cret",
        "user_code": "WDJB",
        "device_code": "d3v",
    }
    token = DeployToken(id="t1", pattern="x.test", people="U1", user="git", token="gldt", created_at=0.0)
    with store.write() as session:
        session.add_all([GitHubConnection(id="T1:U1", **connected, **hidden), token])
    both = with_keys(store, NEW_KEY, KEY)
    assert both.keyring is not None
    assert [*secrets_advice(both)] == [
        "1 GitHub connection with secrets under an older key: run `binder-bot rekey`",
        "1 deploy token with secrets under an older key: run `binder-bot rekey`",
    ]
    for table in (GitHubConnection, DeployToken):
        assert encrypt_all(both, both.keyring, table) == (1, [])
    with with_keys(store, NEW_KEY).read() as session:
        found = session.get(GitHubConnection, "T1:U1")
        assert found is not None
        assert {name: getattr(found, name) for name in hidden} == hidden
        assert all(str(getattr(found, f"stored_{name}")).startswith("sealed:") for name in hidden)
        assert session.query(DeployToken).one().token == "gldt"
