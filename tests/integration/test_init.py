"""`binder-bot init` with a real workspace, in a real terminal, and what its trials say of wrong answers."""

import os
import pty
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot import config
from bot.admin.init import init, settings_file, trials
from bot.errors import ConfigError, ServiceUnreachable
from storage.engine import Store
from tests.fakes.slack_front import CLIENT_ID, CLIENT_SECRET, slack_front
from tests.fakes.terminal import FakeTerminal
from workspace.options import Options
from workspace.server import Workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    with Workspace(Options()) as running:
        yield running


def known(workspace: Workspace, **more: str) -> dict[str, str]:
    return {
        "SLACK_API_URL": workspace.api_url,
        "SLACK_BOT_TOKEN": workspace.bot_token,
        "SLACK_APP_TOKEN": workspace.app_token,
        **more,
    }


class Dialogue:
    """The real command at the other end of a pseudo-terminal."""

    def __init__(self, folder: Path, api_url: str, *arguments: str) -> None:
        self.shown = ""
        self._mine, theirs = pty.openpty()
        # Tests that run in the background are deaf to Ctrl-C, and so would be what they start.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot", "init", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SLACK_API_URL": api_url},
            start_new_session=True,
        )
        signal.signal(signal.SIGINT, before)
        os.close(theirs)

    def answer(self, name: str, typed: str) -> None:
        """Wait until a question is asked, and answer it."""
        self.is_asked(name)
        os.write(self._mine, f"{typed}\n".encode())

    def is_asked(self, name: str) -> None:
        """Wait until a question is asked, and waits for its answer."""
        asked = self._read_until(name)
        # Its prompt is complete, and the echo is off, when nothing more comes: it waits for us.
        while asked or not self.shown.endswith((": ", "] ")):
            asked = self._read(0.05)

    def end(self) -> int:
        while self._read(30.0):
            pass
        os.close(self._mine)
        return self.process.wait(30)

    def _read_until(self, text: str) -> bool:
        before = len(self.shown)
        deadline = time.monotonic() + 60
        while text not in self.shown[before:]:
            assert self._read(deadline - time.monotonic()), f"{text} was not asked:\n{self.shown}"
        return True

    def _read(self, seconds: float) -> bool:
        if not select.select([self._mine], [], [], max(seconds, 0))[0]:
            return False
        try:
            read = os.read(self._mine, 65536)
        except OSError:  # the other end is closed
            return False
        self.shown += read.decode(errors="replace")
        return bool(read)


def test_the_command_asks_tries_and_writes_what_the_bot_can_use(workspace: Workspace, tmp_path: Path) -> None:
    run = Dialogue(tmp_path, workspace.api_url)
    run.answer("SLACK_MODE [socket]", "")
    run.answer("APP_NAME [Binder]", "Lab")
    run.answer("LINK_HOST", "https://binders.example.org")
    wrong = "xoxb-nobody-knows-this"
    run.answer("SLACK_BOT_TOKEN", wrong)
    run.answer("Slack does not know this token.", workspace.bot_token)
    run.answer("SLACK_APP_TOKEN", workspace.app_token)
    run.answer("ADMINS", next(iter(workspace.state.users)))
    run.answer("DATABASE_URL", f"sqlite:///{tmp_path / 'bot.sqlite3'}")
    run.answer("CLOUD", "1")
    run.answer("LOCAL_ENGINE", "none")
    run.answer("LOCAL_UNISOLATED_OK", "")
    run.answer("LOCAL_PUBLIC_URL", "")
    assert list(tmp_path.iterdir()) == [], "nothing is written before the end"
    run.answer("Write ", "")
    assert run.end() == 0, run.shown
    file = tmp_path / ".env"
    assert list(tmp_path.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings = config.load(_env_file=file)
    assert settings.slack_bot_token is not None
    assert settings.slack_bot_token.get_secret_value() == workspace.bot_token
    assert settings.link_host == "https://binders.example.org"
    assert settings.local_engine == "none"
    assert "name%3A%20Lab" in run.shown
    assert "cloud      local answers" in run.shown
    secrets = [
        wrong,
        workspace.bot_token,
        workspace.app_token,
        str(settings.key_to_tokens),
        *settings.secret_keys,
    ]
    assert len(secrets) == 5
    assert [each for each in secrets if each in run.shown] == []


def test_an_interruption_writes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_text("LOG_LEVEL=DEBUG\n")
    run = Dialogue(tmp_path, workspace.api_url, str(file))
    run.answer("SLACK_MODE", "")
    run.is_asked("APP_NAME")
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 130
    assert "Nothing was written." in run.shown
    assert "Traceback" not in run.shown
    assert file.read_text() == "LOG_LEVEL=DEBUG\n"


def test_answers_are_proposed_again_and_other_lines_stay(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "settings"
    lines = {**known(workspace), "CLOUD": "local", "LOCAL_ENGINE": "none", "SECRET_KEY": "k" * 32}
    file.write_text(
        "# mine\nLOG_LEVEL=DEBUG\nPUBLIC_URL=\nSLACK_SIGNING_SECRET=\n"
        + "".join(f"{name}={value}\n" for name, value in lines.items())
    )
    names = [
        "SLACK_MODE [socket]",
        "LINK_HOST",
        "SLACK_BOT_TOKEN […",
        "SLACK_APP_TOKEN […",
        "ADMINS",
        "DATABASE_URL",
        "CLOUD [local]",
    ]
    names += ["LOCAL_ENGINE [none]", "LOCAL_UNISOLATED_OK", "LOCAL_PUBLIC_URL", "Write"]
    terminal = FakeTerminal([(name, "") for name in names])
    init(file, terminal)
    text = file.read_text()
    assert text.startswith("# mine\nLOG_LEVEL=DEBUG\nSLACK_API_URL=")
    assert "SIGNING_SECRET" not in text, "an empty one would be a mistake"
    assert [f"{name}={value}\n" in text for name, value in lines.items()] == [True] * len(lines)
    assert terminal.hidden == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "DATABASE_URL"]
    assert [value for value in lines.values() if len(value) > 12 and value in terminal.screen] == []


Script = list[tuple[str, str]]
SIGNING_SECRET = "0123456789abcdef0123456789abcdef"
PUBLIC_URL = "https://binder-bot.example.org"
HTTP_ONE: Script = [
    ("SLACK_MODE [socket]", "2"),
    ("SLACK_WORKSPACES [one]", ""),
    ("PUBLIC_URL:", "http://binder-bot.example.org"),
    ("PUBLIC_URL:", f"{PUBLIC_URL}/"),
    ("LINK_HOST", ""),
    ("SLACK_BOT_TOKEN […", ""),
    ("SLACK_SIGNING_SECRET:", "xapp-1-a-token"),
    ("SLACK_SIGNING_SECRET:", SIGNING_SECRET),
]
TO_SEVERAL: Script = [
    ("SLACK_MODE [http]", ""),
    ("SLACK_WORKSPACES [one]", "all"),
    ("SLACK_WORKSPACES [one]", "several"),
    (f"PUBLIC_URL [{PUBLIC_URL}/]", ""),
    ("LINK_HOST", ""),
    ("SLACK_CLIENT_ID:", "A0123456789"),
    ("SLACK_CLIENT_ID:", CLIENT_ID),
    ("SLACK_CLIENT_SECRET:", "the-secret-of-another-app"),
    ("HOME_WORKSPACE:", "home"),
    ("HOME_WORKSPACE:", "T0HOME"),
    ("Answer these questions again?", "yes"),
    (f"SLACK_CLIENT_ID [{CLIENT_ID}]", ""),
    ("SLACK_CLIENT_SECRET […", CLIENT_SECRET),
    ("HOME_WORKSPACE [T0HOME]", ""),
    ("SLACK_SIGNING_SECRET […", CLIENT_SECRET),
    ("SLACK_SIGNING_SECRET […", ""),
]
STILL_SEVERAL: Script = [
    ("SLACK_MODE [http]", ""),
    ("SLACK_WORKSPACES [several]", ""),
    ("PUBLIC_URL [", ""),
    ("LINK_HOST", ""),
    ("SLACK_CLIENT_ID [", ""),
    ("SLACK_CLIENT_SECRET […", ""),
    ("HOME_WORKSPACE [T0HOME]", ""),
    ("SLACK_SIGNING_SECRET […", ""),
]
SLACK_OF = {
    "one": {"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "PUBLIC_URL"},
    "several": {
        "SLACK_CLIENT_ID",
        "SLACK_CLIENT_SECRET",
        "HOME_WORKSPACE",
        "SLACK_SIGNING_SECRET",
        "PUBLIC_URL",
    },
    "socket": {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"},
}


def test_the_way_in_can_be_changed_and_what_it_does_not_use_is_left_out(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings"
    others = {"LAUNCH_FOR": "T0HOME,T0OTHER", "CLOUD": "local", "LOCAL_ENGINE": "none"}
    settings_file.write(file, known(workspace, **others))
    monkeypatch.setenv("SLACK_APP_TOKEN", workspace.app_token)  # the shell has loaded the file
    rest = ["ADMINS", "DATABASE_URL", "CLOUD", "LOCAL_ENGINE", "LOCAL_UNISOLATED_OK", "LOCAL_PUBLIC_URL"]
    to_socket: Script = [
        ("SLACK_MODE [http]", "socket"),
        ("LINK_HOST", ""),
        ("SLACK_BOT_TOKEN:", workspace.bot_token),
        ("SLACK_APP_TOKEN […", ""),
    ]
    back: Script = [("SLACK_MODE [socket]", ""), *to_socket[1:2], ("SLACK_BOT_TOKEN […", ""), to_socket[3]]
    screens = []
    with slack_front([workspace]) as front:
        rows = [("one", HTTP_ONE), ("several", TO_SEVERAL), ("several", STILL_SEVERAL)]
        for mode, script in [*rows, ("socket", to_socket), ("socket", back)]:
            api_url = front.api_url if mode == "several" else workspace.api_url
            settings_file.write(file, {"SLACK_API_URL": api_url})
            terminal = FakeTerminal([*script, *((name, "") for name in rest), ("Write", "")])
            init(file, terminal)
            screens.append(terminal.screen)
            found = settings_file.read(file)
            assert found.keys() & set.union(*SLACK_OF.values()) == SLACK_OF[mode]
            assert found["LAUNCH_FOR"] == "T0HOME,T0OTHER"
            assert "cloud      local answers" in terminal.screen, "the settings fit together"
    one, several, again, socket, last = screens
    assert "SLACK_APP_TOKEN is not used any more. It is left out of the file." in one
    assert "unset SLACK_APP_TOKEN; set -a;" in one
    assert f"{PUBLIC_URL}/slack/events stands" in one
    assert "SLACK_BOT_TOKEN is not used any more" in several
    assert "The client secret is not that of the client id." in several
    assert "This is the client secret." in several
    assert f"{PUBLIC_URL}/slack/oauth_redirect has to stand" in several
    assert "Slack knows this client id and secret." in again
    assert f"Then open {PUBLIC_URL}/slack/install" in again
    assert socket.count("is not used any more") == 5
    assert "not used any more" not in last
    for secret in (SIGNING_SECRET, CLIENT_SECRET, workspace.bot_token, workspace.app_token):
        assert not [screen for screen in screens if secret in screen]


@pytest.mark.parametrize("answer", ["no", "^C"])
def test_without_a_yes_nothing_is_written(workspace: Workspace, tmp_path: Path, answer: str) -> None:
    file = tmp_path / "settings"
    file.write_text("".join(f"{name}={value}\n" for name, value in known(workspace).items()))
    before = file.read_bytes()
    names = ["SLACK_MODE", "LINK_HOST", "SLACK_BOT", "SLACK_APP", "ADMINS", "DATABASE_URL", "CLOUD"]
    script = [(name, "") for name in names]
    script += [("LOCAL_ENGINE", "none"), ("LOCAL_UNISOLATED_OK", ""), ("LOCAL_PUBLIC_URL", "")]
    with pytest.raises(KeyboardInterrupt):
        init(file, FakeTerminal([*script, ("Write", answer)]))
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_it_needs_a_person(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "init"], input="", capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs a terminal" in done.stderr


def test_slack_says_who_the_bot_and_the_admins_are(workspace: Workspace) -> None:
    assert trials.bot_token(known(workspace)) == "This is app in Analytical Engines."
    assert trials.app_token(known(workspace)) == "Slack lets the bot connect with it."
    person = next(iter(workspace.state.users.values()))
    assert person.real_name in trials.admins(known(workspace, ADMINS=f"{person.id}, "))
    assert trials.admins(known(workspace, ADMINS="")) == ""


@pytest.mark.parametrize(
    ("trial", "name", "value", "told"),
    [
        ("bot_token", "SLACK_BOT_TOKEN", "xapp-1-A1-x", "begins with `xoxb-`"),
        ("bot_token", "SLACK_BOT_TOKEN", "xoxb-wrong", "does not know this token"),
        ("bot_token", "SLACK_BOT_TOKEN", "xoxb-with a space", "only letters"),
        ("app_token", "SLACK_APP_TOKEN", "xoxb-1", "begins with `xapp-`"),
        ("app_token", "SLACK_APP_TOKEN", "xapp-1-wrong", "does not know this token"),
        ("admins", "ADMINS", "U0NOBODY", "nobody of that id"),
    ],
)
def test_a_wrong_answer_is_explained(
    workspace: Workspace, trial: str, name: str, value: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told) as error:
        getattr(trials, trial)(known(workspace, **{name: value}))
    assert not isinstance(error.value, ServiceUnreachable)


def test_a_scope_that_is_missing_is_named(workspace: Workspace) -> None:
    options = Options(scopes=frozenset({"commands"}), bot_token=workspace.bot_token)
    with Workspace(options) as narrow, pytest.raises(ConfigError, match="lacks the scope `users:read`"):
        trials.admins(known(narrow, ADMINS="U1"))


def test_a_database_that_was_in_use_needs_its_key(workspace: Workspace, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'bot.sqlite3'}"
    with closing(Store(url)) as store:
        store.migrate()
    key = "the key of the bot that used it before"
    script = [*((name, "") for name in ("SLACK_MODE", "LINK_HOST", "SLACK_BOT", "SLACK_APP", "ADMINS"))]
    script += [("DATABASE_URL", url), ("SECRET_KEY", "too short"), ("SECRET_KEY", key)]
    script += [("CLOUD", ""), ("LOCAL_ENGINE", "none"), ("LOCAL_UNISOLATED_OK", ""), ("LOCAL_PUBLIC_URL", "")]
    file = tmp_path / "settings"
    settings_file.write(file, known(workspace))
    terminal = FakeTerminal([*script, ("Write", "")])
    init(file, terminal)
    assert settings_file.read(file)["SECRET_KEY"] == key
    assert "used by this version" in terminal.screen
    assert "at least 32 characters" in terminal.screen
    assert key not in terminal.screen


def test_tokens_of_two_apps_are_noticed(workspace: Workspace) -> None:
    other = "xapp-1-A0123456789-0123456789abcdef"
    with Workspace(Options(bot_token=workspace.bot_token, app_token=other)) as mixed:
        theirs = mixed.state.app_id
        with pytest.raises(ConfigError, match=f"to the app A0123456789, .* to the app {theirs}"):
            trials.app_token(known(mixed))


@pytest.mark.parametrize("kind", ["ratelimited", "http_500", "drop_before"])
def test_slack_that_does_not_answer_says_nothing_about_a_token(workspace: Workspace, kind: str) -> None:
    workspace.fail_next("auth.test", kind)  # type: ignore[arg-type] # one of its kinds
    with pytest.raises(ServiceUnreachable):
        trials.bot_token(known(workspace))
