"""What `binder-bot init` is told of a database, which it must leave as it is."""

from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from storage import schema
from storage.condition import Condition, StoreUnreachable, condition_of
from storage.engine import Store
from storage.errors import StoreError
from tests.fakes.postgresql import Server

PASSWORD = "wrong-s3cret"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        (tmp_path / "of 100% #1.sqlite3").touch()
        return f"sqlite:///{tmp_path / 'of 100% #1.sqlite3'}"
    server: Server = request.getfixturevalue("postgresql_server")
    return server.new_database()


def test_a_database_is_empty_then_older_then_current(url: str) -> None:
    assert condition_of(url) is Condition.EMPTY
    assert condition_of(url) is Condition.EMPTY, "nothing was made"
    with closing(Store(url)) as store:
        with store.engine.begin() as connection:
            schema.upgrade(connection, "0001")
        assert condition_of(url) is Condition.OLDER
        store.migrate()
        assert condition_of(url) is Condition.CURRENT, "also while a bot uses it"


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert condition_of(f"sqlite:///{tmp_path / 'folder' / 'new.sqlite3'}") is Condition.NEW
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_is_said_without_the_password(postgresql_server: Server) -> None:
    there = make_url(postgresql_server.new_database())
    wrong = there.set(database="nowhere", password=PASSWORD).render_as_string(hide_password=False)
    with pytest.raises(StoreError, match="no such database or user") as told:
        condition_of(wrong)
    assert PASSWORD not in "".join(map(str, (told.value, told.value.__cause__)))


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "mysql://h/db", "nonsense", f"postgresql://u:p@h:{PASSWORD}/db"],
)
def test_what_is_no_database_is_refused(url: str) -> None:
    with pytest.raises(StoreError) as told:
        condition_of(url)
    assert not isinstance(told.value, StoreUnreachable)
    assert PASSWORD not in told.value.sentence


def test_another_file_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("not a database\n" * 100)
    with pytest.raises(StoreError, match="not a database of SQLite"):
        condition_of(f"sqlite:///{file}")


@pytest.mark.parametrize("host", ["127.0.0.1:1", f"x@{PASSWORD}.invalid"])
def test_what_does_not_answer_may_be_right(host: str) -> None:
    with pytest.raises(StoreUnreachable) as told:
        condition_of(f"postgresql://user:{PASSWORD}@{host}/db")
    assert told.value.sentence == "The database does not answer."
