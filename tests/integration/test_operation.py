"""Settings, logs, ticks, health: what the person who runs the bot relies on."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from bot import config, logs, shutdown, wiring
from bot.errors import ConfigError
from bot.health import HealthServer
from bot.provisioning.registry import build_cloud
from bot.scheduler import Ticks
from tests.fakes.waiting import eventually

TOKENS = {"slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1"}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in config.Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_three_slack_variables_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-1")
    settings = config.load()
    assert settings.slack_api_url == "https://slack.com/api/"
    assert not settings.workspace_is_local


def test_what_is_missing_is_named_all_at_once() -> None:
    with pytest.raises(ConfigError, match=r"SLACK_BOT_TOKEN is missing; WORKERS: "):
        config.load(workers=0)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "SLACK_APP_TOKEN is missing (or SLACK_SIGNING_SECRET, if Slack should send its requests to "),
        (
            {"slack_app_token": "xapp-1", "slack_signing_secret": "s"},
            "SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both set: keep one of them",
        ),
    ],
)
def test_slack_has_exactly_one_way_in(values: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(slack_bot_token="xoxb-1", **values)
    assert sentence in caught.value.sentence


def test_a_signing_secret_is_enough_instead_of_the_app_token() -> None:
    settings = config.load(slack_bot_token="xoxb-1", slack_signing_secret="s")
    assert settings.slack_app_token is None
    assert (str(settings.http_address), settings.http_port) == ("127.0.0.1", 3000)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"slack_bot_token": "xapp-s3cret"}, "SLACK_BOT_TOKEN"),
        ({"slack_app_token": "xoxb-s3cret"}, "SLACK_APP_TOKEN"),
        ({"slack_app_token": " "}, "SLACK_APP_TOKEN"),
        ({"slack_signing_secret": " "}, "SLACK_SIGNING_SECRET"),
        ({"public_url": "binder.example.org/s3cret"}, "PUBLIC_URL"),
        ({"slack_api_url": "ftp://s3cret"}, "SLACK_API_URL"),
        ({"lifetime_hours": "s3cret"}, "LIFETIME_HOURS"),
        ({"local_public_url": "http://s3cret"}, "LOCAL_PUBLIC_URL"),
        ({"cloud": "s3cret"}, "CLOUD"),
        ({"cloud": "openstack", "openstack_image": "noble"}, "OPENSTACK_SIZES"),
        ({"openstack_sizes": "m3.small:Small:s3cret"}, "OPENSTACK_SIZES"),
        ({"deployment": "s3cret_"}, "DEPLOYMENT"),
    ],
)
def test_a_wrong_value_names_its_variable_and_is_not_shown(values: dict[str, Any], names: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(**(TOKENS | values))
    assert names in caught.value.sentence
    assert "s3cret" not in caught.value.sentence


@pytest.mark.parametrize("keys", ["", "s3cret", 32 * "a" + ",s3cret", 32 * "a" + ","])
def test_keys_that_are_too_short_are_refused(keys: str) -> None:
    with pytest.raises(ConfigError, match="SECRET_KEY: each key must have at least 32") as caught:
        config.load(**TOKENS, secret_key=keys)
    assert "s3cret" not in caught.value.sentence


def test_the_bot_needs_a_key_unless_its_workspace_is_on_this_machine(tmp_path: Path) -> None:
    chosen = {**TOKENS, "database_url": f"sqlite:///{tmp_path / 'bot.sqlite3'}"}
    with pytest.raises(ConfigError, match="SECRET_KEY is missing") as caught:
        wiring.open_store(config.load(**chosen))
    assert "token_urlsafe" in caught.value.hint
    assert not (tmp_path / "bot.sqlite3").exists()
    with closing(wiring.open_store(config.load(**chosen, slack_api_url="http://127.0.0.1:1/"))) as store:
        assert store.keyring is None
    keys = f"{32 * 'a'}, {32 * 'b'}"
    with closing(wiring.open_store(config.load(**chosen, secret_key=keys))) as store:
        assert store.keyring is not None
        assert len(store.keyring.marks) == 2


def test_secrets_do_not_show_in_repr() -> None:
    key = "s3cret" * 8
    settings = config.load(slack_bot_token="xoxb-s3cret", slack_app_token="xapp-s3cret", secret_key=key)
    assert "s3cret" not in repr(settings) + str(settings)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8765/api/", True),
        ("http://localhost:1/api", True),
        ("http://[::1]:1/api", True),
        ("https://slack.com/api/", False),
        ("https://localhost.evil.example/api/", False),
        ("http://10.0.0.1/api/", False),
    ],
)
def test_only_loopback_is_a_local_workspace(url: str, *, local: bool) -> None:
    assert config.load(**TOKENS, slack_api_url=url).workspace_is_local is local


def test_admins_are_a_comma_separated_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMINS", "U1, U2,,U3 ")
    assert config.load(**TOKENS).admins == {"U1", "U2", "U3"}


def test_sizes_of_openstack_have_a_flavor_a_label_and_a_price() -> None:
    settings = config.load(**TOKENS, openstack_sizes="m3.small, m3.quad:Quad , m3.large:Large 60 GB:16")
    assert [(each.key, each.label, each.price_per_hour) for each in settings.openstack_sizes] == [
        ("m3.small", "m3.small", 0.0),
        ("m3.quad", "Quad", 0.0),
        ("m3.large", "Large 60 GB", 16.0),
    ]


def test_strangers_are_not_served_where_nothing_isolates_them(tmp_path: Path) -> None:
    alone = {**TOKENS, "local_engine": "none", "local_root": tmp_path}
    with pytest.raises(ConfigError, match="nothing is isolated") as caught:
        build_cloud(config.load(**alone))
    assert "LOCAL_UNISOLATED_OK" in caught.value.hint
    assert build_cloud(config.load(**alone, local_unisolated_ok=True)).name == "local"
    assert build_cloud(config.load(**alone, slack_api_url="http://127.0.0.1:1/api/")).name == "local"


@pytest.mark.parametrize(
    "text",
    [
        "xoxb-123-s3cret",
        "xapp-1-s3cret",
        "http://h:1/lab?token=s3cret",
        "http://h:1/lab?a=1&token=s3cret&b=2",
        "postgresql://user:s3cret@db/x",
    ],
)
def test_logs_mask_what_looks_like_a_secret(text: str) -> None:
    event = logs.mask_secrets(
        None, "info", {"event": text, "deep": {"list": [text]}, "error": ValueError(text)}
    )
    assert "s3cret" not in repr(event)


def test_logs_of_libraries_and_tracebacks_are_masked_too() -> None:
    script = """
import logging
from bot import logs
logs.configure("INFO", "json")
try:
    raise ValueError("token xoxb-s3cret")
except ValueError:
    logging.getLogger("some.library").exception("failed with xoxb-s3cret")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    line = json.loads(done.stderr)
    assert "s3cret" not in done.stderr
    assert "ValueError" in line["exception"]


def test_ticks_go_on_after_a_failure_and_count_it(caplog: pytest.LogCaptureFixture) -> None:
    ticks, runs = Ticks(), []

    def body() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise ValueError("once")

    with caplog.at_level(logging.CRITICAL):
        ticks.every(0.01, "work", body)
        ticks.start()
        eventually(lambda: len(runs) >= 3)
        ticks.stop()
    assert ticks.counts["error"] == 1
    assert ticks.stale() == []


def test_a_nudge_does_not_wait_for_the_interval() -> None:
    ticks, ran = Ticks(), threading.Semaphore(0)
    ticks.every(3600, "work", ran.release)
    ticks.start()
    assert ran.acquire(timeout=10)
    ticks.nudge("work")
    assert ran.acquire(timeout=10)
    ticks.nudge("no such tick")
    ticks.stop()


def test_a_nudge_while_a_tick_runs_has_it_run_again() -> None:
    ticks, begun, may_end = Ticks(), threading.Semaphore(0), threading.Semaphore(0)

    def body() -> None:
        begun.release()
        assert may_end.acquire(timeout=10)

    ticks.every(3600, "work", body)
    ticks.start()
    assert begun.acquire(timeout=10)
    ticks.nudge("work")
    ticks.nudge("work")
    may_end.release(3)
    assert begun.acquire(timeout=10)
    ticks.stop()
    assert not begun.acquire(blocking=False)
    assert not ticks.counts


def test_a_tick_that_hangs_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = Ticks()
    ticks.every(1.0, "work", lambda: None)
    monkeypatch.setattr("bot.scheduler.STALE_FLOOR_SECONDS", -1.0)
    monkeypatch.setattr("bot.scheduler.STALE_INTERVALS", -1)
    assert ticks.stale() == ["work"]


def test_health_pages() -> None:
    problems: dict[str, Any] = {}
    server = HealthServer("127.0.0.1", 0, lambda: problems, bytes)
    server.start()
    root = f"http://127.0.0.1:{server.port}"
    assert requests.get(f"{root}/healthz", timeout=5).status_code == 200
    assert requests.get(f"{root}/readyz", timeout=5).json() == {"ready": True, "problems": {}}
    problems["slack"] = "the socket is not connected"
    answer = requests.get(f"{root}/readyz", timeout=5)
    assert (answer.status_code, answer.json()["problems"]) == (503, problems)
    assert requests.get(f"{root}/else", timeout=5).status_code == 404
    server.stop()


HEARS = """
import os, random, signal, time
from bot.shutdown import caught
from tests.fakes.waiting import eventually

def spin(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass

with caught(signal.SIGTERM) as wait:
    hearer = os.getpid()
    orders, order = os.pipe()
    if os.fork() == 0:
        os.close(order)
        while os.read(orders, 1):
            spin(random.random() * 60e-6)
            os.kill(hearer, signal.SIGTERM)
        os._exit(0)
    for _ in range(3000):
        os.write(order, b"x")
        spin(30e-6)
        wait()
print("heard all", flush=True)
"""


def test_a_signal_is_heard_whenever_it_comes() -> None:
    """In a process of its own: one that does not hear them could only be killed."""
    program = [sys.executable, "-c", HEARS]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            said, _ = process.communicate(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert said == "heard all\n"


def test_signals_are_left_as_they_were() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with shutdown.caught(signal.SIGTERM):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_work_that_hangs_is_not_waited_for() -> None:
    hangs = threading.Event()

    def hang() -> None:
        hangs.wait(60)

    assert shutdown.finished_within(5, lambda: None)
    assert not shutdown.finished_within(0.05, lambda: None, hang)
    hangs.set()
