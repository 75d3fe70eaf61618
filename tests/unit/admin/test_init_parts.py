"""The parts of `binder-bot init` that need no service: the file, the manifest, how answers are read."""

import os
import shutil
import stat
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from dotenv import dotenv_values

from bot.admin.init import answers, manifest, questions, settings_file
from bot.admin.init.dialogue import Question
from bot.config import Settings
from bot.errors import ConfigError
from bot.provisioning.choices import Choice
from handlers.ids import COMMAND

CHOICES = [Choice("m3.small", "2 CPUs 6 GB"), Choice("m3.quad", "4 CPUs 15 GB")]
VALUES = {
    "PLAIN": "sqlite:////var/lib/x.sqlite3",
    "SPACES": "m3.quad:4 CPUs 15 GB:4,m3.large",
    "BRACES": "https://http-{dashed}-{port}.example.org",
    "DOLLAR": "postgresql://u:pa$$wd&*;#@host/db?a=b",
    "QUOTE": 'say "yes"',
}


def test_the_bot_and_a_shell_read_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    settings_file.write(file, VALUES)
    assert dotenv_values(file) == VALUES
    assert settings_file.read(file) == VALUES
    shell = shutil.which("sh") or "sh"
    script = 'set -a; . "$1"; env -0'
    done = subprocess.run(
        [shell, "-c", script, "-", file], capture_output=True, text=True, check=True, env={}
    )
    found = dict(each.split("=", 1) for each in done.stdout.split("\0") if each)
    assert found.items() >= VALUES.items()


def test_the_file_is_its_owners_alone_even_if_it_was_not(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.touch(mode=0o644)
    before = os.umask(0)
    try:
        settings_file.write(file, {"A": "b"})
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("before", "settings", "after"),
    [
        ("", {"A": "1"}, "A=1\n"),
        ("# why\nA=0\nB='x y' # z\n", {"A": "1"}, "# why\nA=1\nB='x y' # z\n"),
        ("export A=0", {"A": "1", "C": "3"}, "A=1\nC=3\n"),
        ("B=2", {"C": "3"}, "B=2\nC=3\n"),
        ("A=0\nB=2\n", {"A": ""}, "B=2\n"),
        ("A=0\nB=2\nA=5\n", {"A": "1"}, "A=1\nB=2\n"),
        ('A="several\nlines"\nB=2\n', {"A": "1"}, "A=1\nB=2\n"),
        ("", {"A": ""}, ""),
    ],
)
def test_other_lines_stay_as_they_are(before: str, settings: dict[str, str], after: str) -> None:
    assert settings_file.rewritten(before, settings) == after


@pytest.mark.parametrize("value", ["it's", "a\\b", "${HOME}", "a\nb", "a\x7fb", "\x1b[2J"])
def test_what_readers_understand_differently_is_refused(value: str) -> None:
    with pytest.raises(ConfigError):
        settings_file.require_writable(value)


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        settings_file.read(tmp_path)
    with pytest.raises(ConfigError, match="cannot be written"):
        settings_file.write(tmp_path / "nowhere" / "settings", {"A": "1"})


def test_the_manifest_is_filled_in_and_slack_opens_it() -> None:
    text = manifest.manifest_of(manifest.ManifestOptions("Lab", "https://binders.example.org/x"))
    link = manifest.link_to(text)
    assert link is not None
    address = urlsplit(link)
    given = parse_qs(address.query)
    assert (address.hostname, address.path, given["new_app"]) == ("api.slack.com", "/apps", ["1"])
    found = yaml.safe_load(given["manifest_yaml"][0])
    assert found["display_information"]["name"] == found["features"]["bot_user"]["display_name"] == "Lab"
    assert found["features"]["unfurl_domains"] == ["mybinder.org", "binders.example.org"]
    assert [each["command"] for each in found["features"]["slash_commands"]] == [COMMAND]
    original = yaml.safe_load((Path(__file__).parents[3] / "manifest.yml").read_text())
    assert found["oauth_config"] == original["oauth_config"]
    assert found["settings"] == original["settings"]


def test_without_launch_links_the_example_is_left_out() -> None:
    found = yaml.safe_load(manifest.manifest_of(manifest.ManifestOptions("Binder")))
    assert found["features"]["unfurl_domains"] == ["mybinder.org"]


def test_a_manifest_that_is_too_long_for_a_link_goes_into_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "LONGEST_LINK", 1000)
    file = tmp_path / "slack-manifest.yml"
    (_, app, *_) = questions.sections(file)
    told = app.said({"app_name": "Lab", "LINK_HOST": ""})
    assert str(file) in told
    assert "manifest_yaml=" not in told
    assert yaml.safe_load(file.read_text())["display_information"]["name"] == "Lab"


SOCKET = {"slack_mode": "socket"}
ONE = {"slack_mode": "http", "slack_workspaces": "one", "PUBLIC_URL": "https://bot.example.org/"}
SEVERAL = ONE | {"slack_workspaces": "several"}


@pytest.mark.parametrize(
    ("known", "named", "not_named"),
    [
        (SOCKET, ["bot token", "connections:write"], ["signing secret", "Manage Distribution"]),
        (ONE, ["bot token", "signing secret"], ["connections:write", "client id", "Manage Distribution"]),
        (
            SEVERAL,
            ["client id", "client secret", "signing secret", "Manage Distribution"],
            ["bot token", "connections:write"],
        ),
    ],
)
def test_the_steps_in_slack_are_those_of_the_mode(
    tmp_path: Path, known: dict[str, str], named: list[str], not_named: list[str]
) -> None:
    (_, app, *_) = questions.sections(tmp_path / "slack-manifest.yml")
    told = app.said({"app_name": "Lab", "LINK_HOST": "https://binders.example.org"} | known)
    assert [each for each in [*named, *not_named] if each in told] == named
    assert "manifest_yaml=" in told, "it fits into a link"


QUESTIONS = [each for section in questions.sections(Path("x")) for each in section.questions]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.name)
def test_a_question_is_about_a_setting_and_shows_no_secret(question: Question) -> None:
    name = question.name
    if not name.isupper():
        assert name in {"slack_mode", "slack_workspaces", "app_name"}, "it is not written"
    elif not name.startswith("OS_"):
        field = Settings.model_fields[name.lower()]
        is_secret = "SecretStr" in str(field.annotation)
        assert question.secret or not is_secret
        assert not is_secret or "s3cret-of-many-letters" not in question.shown("s3cret-of-many-letters")


@pytest.mark.parametrize(
    ("typed", "sizes"),
    [
        ("1", "m3.small:2 CPUs 6 GB"),
        ("2, m3.small", "m3.quad:4 CPUs 15 GB,m3.small:2 CPUs 6 GB"),
        ("2::4", "m3.quad:4 CPUs 15 GB:4"),
        ("m3.quad:Big:4,other", "m3.quad:Big:4,other"),
        ("other::3", "other:other:3"),
    ],
)
def test_sizes_are_named_by_numbers_and_get_labels(typed: str, sizes: str) -> None:
    assert answers.sizes_of(typed, CHOICES) == sizes


@pytest.mark.parametrize(("typed", "name"), [("2", "m3.quad"), ("m3.quad", "m3.quad"), ("other", "other")])
def test_a_choice_is_named_by_its_number(typed: str, name: str) -> None:
    assert answers.one_of(typed, CHOICES) == name


@pytest.mark.parametrize("typed", ["0", "3"])
def test_there_is_no_other_number(typed: str) -> None:
    with pytest.raises(ConfigError, match="no number"):
        answers.one_of(typed, CHOICES)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///binder-bot.sqlite3", "sqlite:///binder-bot.sqlite3"),
        ("postgresql://bot:s3cret@host:5432/db", "postgresql://bot:…@host:5432/db"),
        ("postgresql://bot:s3@cr:et@host/db?password=s3cret", "postgresql://bot:…@host/db"),
        ("postgresql+psycopg://bot@host/db", "postgresql+psycopg://bot@host/db"),
    ],
)
def test_no_password_is_shown(url: str, shown: str) -> None:
    assert answers.without_password(url) == shown
