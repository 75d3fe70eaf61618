"""The command line, as its callers run it."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest


def binder_bot(*arguments: str, stdin: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    bare = {"PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        capture_output=True,
        text=True,
        input=stdin,
        cwd=cwd,
        env=bare,
        check=False,
        timeout=60,
    )


KEYS = ["provider", "url", "ref", "path", "interface"]


def test_parse_prints_one_json_object_and_needs_no_settings() -> None:
    done = binder_bot("parse", "--json", "binder-examples/requirements v1 index.ipynb")
    assert done.returncode == 0
    assert done.stderr == ""
    assert json.loads(done.stdout) == dict(
        zip(
            KEYS,
            ["gh", "https://github.com/binder-examples/requirements", "v1", "index.ipynb", None],
            strict=True,
        )
    )


@pytest.mark.parametrize(
    "text",
    [
        *("--upload-pack=touch x", "-oProxyCommand=x", "file:///etc/passwd", "", "--ref"),
        *("a/b --for soon", "a/b --for 90", "a/b --for until 2020-01-01"),
    ],
)
def test_parse_says_what_is_wrong_and_exits_with_2(text: str) -> None:
    done = binder_bot("parse", "--json", text)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"].endswith((".", "?"))


@pytest.mark.parametrize("days", ["0", "-1", "soon"])
def test_stats_refuse_what_is_no_number_of_days(days: str) -> None:
    done = binder_bot("stats", "--days", days)
    assert done.returncode == 2
    assert "--days" in done.stderr


def test_parse_says_what_to_write_instead() -> None:
    done = binder_bot("parse", "--json", "")
    assert "owner/repo" in json.loads(done.stdout)["hint"]


def test_parse_tells_a_duration_in_seconds_too() -> None:
    done = binder_bot("parse", "--json", "a/b --for 1,5 h")
    found = json.loads(done.stdout)
    assert list(found) == [*KEYS, "for", "for_seconds", "for_until"]
    assert (found["for"], found["for_seconds"], found["for_until"]) == ("1,5 h", 5_400, None)


def test_parse_tells_a_moment_in_utc_and_how_far_away_it_is() -> None:
    at = (datetime.now(UTC) + timedelta(days=2)).replace(hour=7, minute=0, second=0, microsecond=0)
    done = binder_bot("parse", "--json", f"a/b --until {at:%Y-%m-%d}T09:00+02:00")
    found = json.loads(done.stdout)
    assert (found["for"], found["for_until"]) == (f"until {at:%Y-%m-%d}T09:00+02:00", at.isoformat())
    assert found["for_seconds"] == pytest.approx((at - datetime.now(UTC)).total_seconds(), abs=60)


def test_options_of_the_launch_are_not_options_of_the_program() -> None:
    done = binder_bot("parse", "--json", "--ref main a/b")
    assert json.loads(done.stdout)["ref"] == "main"


def test_a_dash_reads_one_text_a_line() -> None:
    done = binder_bot("parse", "--json", "-", stdin="a/b\n\nnonsense\nc/d main\n")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [next(iter(each)) for each in found] == [KEYS[0], "error", "error", KEYS[0]]


def test_parse_loads_none_of_the_heavy_parts() -> None:
    script = "import sys; from bot.cli import main; main(['parse', 'a/b']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    heavy = {"sqlalchemy", "slack_bolt", "openstack", "requests", "pydantic", "apscheduler", "structlog"}
    assert heavy.isdisjoint(done.stdout.split())


def test_serve_without_settings_names_what_is_missing(tmp_path: Path) -> None:
    done = binder_bot("serve", cwd=tmp_path)
    assert done.returncode == 2
    assert "SLACK_BOT_TOKEN is missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_names_a_slack_that_does_not_answer(tmp_path: Path) -> None:
    settings = "SLACK_BOT_TOKEN=xoxb-1\nSLACK_APP_TOKEN=xapp-1\nSLACK_API_URL=http://127.0.0.1:1/api/\nLOCAL_ENGINE=none\n"
    (tmp_path / ".env").write_text(settings)
    done = binder_bot("serve", cwd=tmp_path)
    assert done.returncode == 2
    assert "SLACK_API_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_installed_bot_says_where_the_demo_is(tmp_path: Path) -> None:
    script = "import sys; sys.modules['workspace'] = None; from bot.cli import main; sys.exit(main(['try']))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr == "binder-bot: `try` needs a checkout of binder-bot: type `make run` in it.\n"


def test_the_measurements_say_what_they_are_and_which_there_are() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "bench", "--help"], capture_output=True, text=True, check=True
    )
    assert all(f"  {name} " in listed.stdout for name in ("cli", "slack", "ticks", "local"))
    wrong = subprocess.run(
        [sys.executable, "-m", "bench", "nonsense"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2
    assert "there is no nonsense" in wrong.stderr


def test_unknown_commands_show_the_known_ones() -> None:
    done = binder_bot("sevre")
    assert done.returncode == 2
    assert "serve" in done.stderr


def test_deploy_tokens_are_read_from_a_pipe_listed_without_secret_and_removed(tmp_path: Path) -> None:
    settings = [
        "SLACK_BOT_TOKEN=xoxb-1",
        "SLACK_APP_TOKEN=xapp-1",
        f"SECRET_KEY={'k' * 32}",
        "LOCAL_ENGINE=none",
    ]
    (tmp_path / ".env").write_text("\n".join(settings))

    def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return binder_bot("deploy-token", *words, stdin=stdin, cwd=tmp_path)

    added = run("add", "gitlab.test/Lab/*", "--for", "S1 U2", "--user", "deploy", stdin="gldt-s3cret\n")
    assert (added.returncode, added.stderr) == (0, "")
    number = added.stdout.split()[2].strip(",")
    listed = run("list").stdout
    assert f"{number}  " in listed
    assert "gitlab.test/lab/*  for S1,U2  as deploy" in listed
    assert "s3cret" not in added.stdout + listed + (tmp_path / "binder-bot.sqlite3").read_bytes().decode(
        "latin-1"
    )
    assert run("remove", number).returncode == 0
    assert run("list").stdout == ""
    for wrong in (["add", "gitlab.test"], ["add", "no host", "--for", "U1"], ["remove", "gone"], ["remove"]):
        refused = run(*wrong, stdin="t\n")
        assert refused.returncode == 2
        assert "Traceback" not in refused.stderr
    assert "missing" in run("add", "gitlab.test", "--for", "U1").stderr
