"""The alerts and the dashboard of `deploy/`, by a real Prometheus; both ask for metrics that there are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from bot.health import HealthServer
from bot.metrics import Metrics
from storage.history_models import LaunchTime
from tests.fakes.database import empty_store
from tests.fakes.waiting import eventually, free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus-rules.yml"
DASHBOARD = DEPLOY / "grafana.json"
PROMETHEUS = shutil.which("prometheus") or ""
PROMTOOL = shutil.which("promtool") or ""
needs_promtool = pytest.mark.skipif(
    not PROMTOOL, reason="Prometheus is not installed (apt-get install prometheus)"
)

FIRES = {
    "BinderBotDown": {'up{job="binder-bot"}': "0x30"},
    "BinderBotOutboxStuck": {"binder_bot_outbox_age_seconds": "1000x30"},
    "BinderBotTicksFail": {'binder_bot_tick_failures_total{tick="reconcile"}': "0+1x30"},
    "BinderBotCloudUnreachable": {
        'binder_bot_cloud_call_seconds_count{call="survey", outcome="unreachable"}': "0+3x30",
        'binder_bot_cloud_call_seconds_count{call="survey", outcome="done"}': "0+1x30",
    },
    "BinderBotLaunchesFail": {
        'binder_bot_launch_failures_total{stage="build", reason="build-failed"}': "0+1x30",
        "binder_bot_launches_total": "1x30",
    },
    "BinderBotSlackLimits": {
        'binder_bot_slack_calls_total{method="chat_update", outcome="too_early"}': "0+5x30"
    },
}
"""What each alert is about: series, a value a minute."""


def alerts() -> dict[str, dict[str, object]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def test_every_alert_says_what_to_do_and_asks_for_what_is_measured() -> None:
    with empty_store(lambda: 0.0) as store:
        metrics = Metrics(store)
        metrics.note_cloud("survey", "done", 1.0)
        metrics.note_slack("chat_update", "done")
        metrics.note_tick("reconcile", 1.0, failed=True)
        served = metrics.as_text().decode()
    for name, rule in alerts().items():
        assert set(rule["annotations"]) == {"summary", "action"}, name  # type: ignore[call-overload]
        for metric in re.findall(r"binder_bot_\w+", str(rule["expr"])):
            assert f"\n{metric}" in served, metric
    assert set(FIRES) == set(alerts())


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    subprocess.run([PROMTOOL, "check", "rules", str(RULES)], check=True, capture_output=True)


@needs_promtool
@pytest.mark.parametrize("alert", FIRES)
def test_each_alert_fires_alone_for_what_it_is_about(alert: str, tmp_path: Path) -> None:
    series = FIRES[alert]
    cases = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [
                {
                    "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": "29m",
                    "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1}],
                }
            ],
        }
    ]
    test = tmp_path / "test.yml"
    test.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": cases}))
    done = subprocess.run([PROMTOOL, "test", "rules", str(test)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def queries() -> list[tuple[str, str]]:
    """Each query of the dashboard, with the title of its panel."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [
        (panel["title"], target["expr"].replace("$job", "binder-bot"))
        for panel in panels
        for target in panel.get("targets", [])
    ]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that reads `/metrics` of a bot which has done a little of everything."""
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    with empty_store(lambda: 0.0) as store:
        metrics = Metrics(store)
        server = HealthServer("127.0.0.1", 0, dict, metrics.as_text)
        server.start()
        (folder / "prometheus.yml").write_text(
            yaml.safe_dump(
                {
                    "global": {"scrape_interval": "1s"},
                    "rule_files": [str(RULES)],
                    "scrape_configs": [
                        {
                            "job_name": "binder-bot",
                            "static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}],
                        }
                    ],
                }
            )
        )
        command = [
            PROMETHEUS,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(command, stdout=log, stderr=log) as process,
        ):
            try:
                address = f"http://127.0.0.1:{port}"
                eventually(lambda: is_ready(address), 60, (folder / "log").read_text)
                eventually(lambda: answers(address, "binder_bot_launches_total"), 60)
                for count in (1, 2):
                    note_something(metrics)
                    read = f"binder_bot_launches_total == {count}"
                    eventually(lambda read=read: answers(address, read), 60)  # type: ignore[misc]
                yield address
            finally:
                process.terminate()
                server.stop()


def note_something(metrics: Metrics) -> None:
    """Have all that is counted rise."""
    for failed_in in (None, "build"):
        launch = LaunchTime(failed_in=failed_in, kind="Python", stages={"build": 10.0})
        metrics.note_launch(launch, "build-failed" if failed_in else None)
    for outcome in ("done", "unreachable"):
        metrics.note_cloud("survey", outcome, 1.0)
    for outcome in ("done", "too_early"):
        metrics.note_slack("chat_update", outcome)
    metrics.note_tick("reconcile", 1.0, failed=True)


def is_ready(address: str) -> bool:
    """Whether Prometheus has started."""
    try:
        return requests.get(f"{address}/-/ready", timeout=10).ok
    except requests.ConnectionError:
        return False


def answers(address: str, query: str) -> list[object]:
    """What Prometheus answers now. It refuses what is no query."""
    answer = requests.get(f"{address}/api/v1/query", params={"query": query}, timeout=10)
    assert answer.ok, answer.text
    found: list[object] = answer.json()["data"]["result"]
    return found


EMPTY_BEFORE_A_LAUNCH = {"Binders", "Binders by status", "Binders by size", "Warm instances by status"}
"""Panels about rows of binders. The test has none."""


@pytest.mark.process
@pytest.mark.skipif(not PROMETHEUS, reason="Prometheus is not installed (apt-get install prometheus)")
def test_prometheus_answers_every_query_of_the_dashboard(prometheus: str) -> None:
    empty = {title for title, query in queries() if not answers(prometheus, query)}
    assert empty == EMPTY_BEFORE_A_LAUNCH


def test_the_dashboard_shows_every_metric_of_the_bot() -> None:
    with empty_store(lambda: 0.0) as store:
        named = {
            line.split()[2].removesuffix("_total")
            for line in Metrics(store).as_text().decode().splitlines()
            if line.startswith("# TYPE binder_bot_") and not line.split()[2].endswith("_created")
        }
    text = DASHBOARD.read_text()
    assert {each for each in named if each not in text} == set()
