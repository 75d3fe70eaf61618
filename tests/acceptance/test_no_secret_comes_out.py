"""Everything that people do with binders, once; then all that came out is searched for every secret."""

import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text

from bot.errors import CloudError
from bot.provisioning.instances import Phase, Report
from storage import deploy_tokens
from storage.access_models import DeployToken
from storage.engine import Store
from storage.keyring import Keyring
from storage.models import Base
from storage.vocabulary import Status
from tests.acceptance.conftest import Scene, opened
from tests.fakes.database import KEY
from tests.fakes.github import FakeGitHub
from tests.fakes.http import like_jupyter
from tests.fakes.postgresql import postgresql_server
from workspace.hands import Person, Snapshot, plain
from workspace.options import Options

SETTINGS: dict[str, Any] = {"class_for": "everybody", "token_key": "a key to tokens that is forty letters"}
PUBLIC = {"ada": ("general", "lab"), "grace": ("general", "lab"), "linus": ("general", "lab", "dm")}


@dataclass
class Witness:
    """Collects the secrets as they come into being, and all that is written where others can read it."""

    scene: Scene
    secrets: dict[str, str] = field(default_factory=dict)
    errors: list[BaseException] = field(default_factory=list)

    def note(self) -> None:
        """Remember the secrets of all binders that are there now."""
        workspace = self.scene.workspace
        known = {"bot token": workspace.bot_token, "app token": workspace.app_token, "key": KEY}
        self.secrets |= known | {"token key": SETTINGS["token_key"]}
        for binder in self.scene.all_live():
            for name in ("token", "secret", "response_url"):
                if value := getattr(binder, name):
                    self.secrets[f"{name} of {binder.name}"] = value
        for number, answered in enumerate(workspace.people._responses):
            self.secrets[f"response {number}"] = answered

    def search(self, where: str, what: str | bytes) -> None:
        """Fail where any secret is in it."""
        found = what.decode("latin-1") if isinstance(what, bytes) else what
        leaked = [name for name, secret in self.secrets.items() if secret in found]
        assert not leaked, f"{where} shows: {', '.join(leaked)}"


def database_of(store: Store) -> str | bytes:
    """A copy of the database: SQLite's files, or all rows of PostgreSQL's tables."""
    if store.shared:
        with store.engine.connect() as connection:
            tables = (text(f'SELECT * FROM "{table}"') for table in Base.metadata.tables)
            return "\n".join(str([tuple(row) for row in connection.execute(table)]) for table in tables)
    files = [Path(f"{store.url.database}{ending}") for ending in ("", "-wal")]
    return b"".join(file.read_bytes() for file in files if file.exists())


def rows_of(store: Store) -> Iterator[str]:
    """Every row as a debugger or a pickle shows it."""
    with store.read() as session:
        for mapper in Base.registry.mappers:
            for row in session.query(mapper.class_):
                yield repr(row)
                yield repr(vars(row))


def seen_by(person: Person, snapshot: Snapshot) -> str:
    """What somebody sees that is not for them alone: the channels, the home tab and the open form."""
    shown = [
        each
        for channel in PUBLIC[person.user]
        for each in snapshot.channel(channel)["messages"]
        if not (each["is_ephemeral"] and person.user != "linus")
    ]
    return str([shown, snapshot.home])


def heard(person: Person, typed: str, words: str, channel: str = "general") -> dict[str, Any]:
    assert person.command(typed, channel=channel)["ok"]
    return person.wait_for_text(words)


def launch_and_use(scene: Scene, witness: Witness) -> None:
    ada, grace = scene.person(), scene.person("grace")
    scene.launch("--name demo")
    scene.wait_until_ready()
    witness.note()
    ada.wait_for_text("Your links to")
    ada.click("Open", scene.card())
    ada.open_home()
    heard(ada, "/binder share demo @grace", "is shared with")
    heard(grace, "/binder open demo", "Your links to")
    for typed in ("list", "status demo", "logs demo", "extend demo 2h"):
        assert ada.command(f"/binder {typed}")["ok"]
    assert ada.command("/binder save demo")["ok"]
    heard(ada, "/binder shelve demo", "Its files are kept")
    heard(ada, "/binder resume demo", "is running again.")
    assert ada.command("/binder stop demo")["ok"]
    scene.wait(lambda: scene.all_live() == [])


def fail_in_every_way(scene: Scene, witness: Witness) -> None:
    """A broken bot, a cloud that refuses, and a build that fails."""
    ada, good = scene.person(), scene.cloud.reports
    broken, refused = RuntimeError("a bug of the bot"), CloudError("The cloud refuses.")
    scene.cloud.refuses += cast("list[CloudError]", [broken, refused])
    witness.errors += [broken, refused]
    scene.launch("--name broken")
    scene.wait(lambda: bool(scene.all_live()))
    witness.note()
    ada.wait_for_text("The cloud refuses.", 20)
    scene.server.pages.clear()
    scene.cloud.reports = (Report(Phase.FAILED, reason="No such package.", log="ERROR: x"),)
    scene.launch("--name failed")
    failed = ada.wait_for_text("No such package.", 20)
    ada.click("Show log", failed)
    ada.wait_for_text("ERROR: x")
    scene.wait(lambda: scene.all_live() == [])
    scene.cloud.reports = good
    like_jupyter(scene.server)


def launch_in_private(scene: Scene, witness: Witness) -> None:
    """Where the bot is not: it explains that through the response_url."""
    scene.launch("--name hidden", channel="secret")
    scene.wait_until_ready()
    witness.note()
    assert scene.person("linus").command("/binder open hidden")["ok"]
    assert scene.person().command("/binder stop hidden")["ok"]
    scene.wait(lambda: scene.all_live() == [])


def launch_with_a_right(scene: Scene, witness: Witness, github: FakeGitHub) -> None:
    """Connect, launch by one's own right and by a deploy token, and lose the connection again."""
    ada, team = scene.person(), scene.workspace.state.team_id
    assert ada.command("/binder connect github")["ok"]
    ada.wait_for_text("Enter the code", 20)
    (device,) = github.state.devices.values()
    witness.secrets |= {"device code": next(iter(github.state.devices)), "app key": github.app_key_body}
    github.approve(device.user_code, "ada-gh")
    ada.wait_for_text("You are connected with GitHub", 20)
    token = DeployToken(
        id="t1", pattern=f"{github.host}/group", people=team, user="u", token="gldt-s3cret", created_at=0.0
    )
    github.passwords["/group/"] = "u:gldt-s3cret"
    with scene.store.write() as session:
        deploy_tokens.add(session, token, by="operator")
    good = scene.cloud.reports
    for name in ("lab/secret", "group/secret"):
        scene.server.pages.clear()
        scene.cloud.reports = (Report(Phase.FETCHING),)
        assert ada.command(f"/binder launch {github.url}/{name} --name by-right")["ok"]
        scene.wait(lambda: any(each.right_at for each in scene.all_live()))
        scene.cloud.reports = good
        like_jupyter(scene.server)
        scene.wait_until_ready()
        witness.note()
        witness.secrets |= github.state.secrets() | {"deploy token": "gldt-s3cret"}
        assert scene.cloud.created[-1].needs_right
        assert ada.command("/binder stop by-right")["ok"]
        scene.wait(lambda: scene.all_live() == [])
    assert len(github.state.given) > 1, "the instance got a right of its own"
    github.revoke("ada-gh")
    assert ada.command(f"/binder launch {github.url}/lab/secret")["ok"]
    ada.wait_for_text("Your connection with GitHub has ended: it was revoked", 20)
    scene.wait(lambda: scene.all_live() == [])


def teach(scene: Scene, witness: Witness) -> None:
    ada, grace = scene.person(), scene.person("grace")
    typed = f"/binder class {scene.repository} --name intro --seats 2 --for 1h"
    message = heard(ada, typed, "a class of")
    assert grace.click("Get mine", message)["ok"]
    scene.wait(lambda: [each.status for each in scene.all_live()] == [Status.READY] * 2, 30)
    witness.note()
    grace.wait_for(lambda seen: [each for each in seen.messages("dm") if "is ready" in plain(each)])


@contextmanager
def private_repositories(folder: Path) -> Iterator[FakeGitHub]:
    """GitHub with a private repository, and beside it one of a group that wants a deploy token."""
    with FakeGitHub(folder) as github:
        for name in ("lab/secret", "group/secret"):
            github.repository(name).commit({"a": "b"})
        github.state.readers["lab/secret"] = {"ada-gh"}
        github.state.installed.add("lab/secret")
        yield github


def shown_by_errors(witness: Witness) -> Iterator[str]:
    """Errors as a tracker of errors shows them: with the values of all variables."""
    for error in witness.errors:
        assert error.__traceback__ is not None, f"{error!r} was never raised"
        yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


@pytest.fixture
def postgresql_store() -> Iterator[Store]:
    with (
        postgresql_server() as server,
        closing(Store(server.new_database(), keyring=Keyring([KEY]))) as store,
    ):
        yield store


@pytest.mark.process
def test_no_copy_of_postgresql_holds_a_secret(
    postgresql_store: Store, tmp_path: Path, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with opened(tmp_path, repository, Options(app_name="Binder"), SETTINGS, postgresql_store) as scene:
        witness = Witness(scene)
        scene.launch("--name hidden", channel="secret")
        scene.wait_until_ready()
        witness.note()
        scene.person().wait_for_text("Your links to")
        copy = database_of(postgresql_store)
        assert "hidden" in str(copy)
        witness.search("the database", copy)


def test_no_secret_comes_out(
    tmp_path: Path,
    repository: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        private_repositories(tmp_path / "git") as github,
        opened(tmp_path, repository, Options(app_name="Binder"), SETTINGS | github.settings) as scene,
    ):
        witness = Witness(scene)
        launch_and_use(scene, witness)
        launch_with_a_right(scene, witness, github)
        fail_in_every_way(scene, witness)
        launch_in_private(scene, witness)
        teach(scene, witness)
        kinds = {name.split()[0] for name in witness.secrets}
        assert kinds >= {"bot", "app", "key", "token", "secret", "response_url", "response"}
        assert kinds >= {"GitHub", "installation", "header", "device", "deploy"}
        witness.search("the database", database_of(scene.store))
        for shown in rows_of(scene.store):
            witness.search("a row", shown)
        for user in PUBLIC:
            person = scene.person(user)
            witness.search(f"what {user} sees", seen_by(person, person.look()))
        for shown in shown_by_errors(witness):
            witness.search("an error", shown)
        witness.search("the metrics", scene.app.metrics.as_text())
        parts = [scene.app, scene.app.store, scene.app._settings, scene.app._context(), scene.cloud.created]
        witness.search("a repr", repr([*parts, scene.app.reconciler._dependencies]))
    printed = capfd.readouterr()
    assert "step_broke" in printed.out
    witness.search("the log", printed.out + printed.err + caplog.text)


def test_a_search_finds_what_is_there(empty_scene: Scene) -> None:
    witness = Witness(empty_scene, {"token": "s3cret"})
    witness.search("a text", "nothing")
    with pytest.raises(AssertionError, match="a file shows: token"):
        witness.search("a file", b"\x00s3cret")
