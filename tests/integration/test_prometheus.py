"""The alerts of `deploy/`, by Prometheus' own tool, and that they ask for metrics that there are."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from bot.metrics import Metrics
from tests.fakes.database import empty_store

RULES = Path(__file__).parents[2] / "deploy" / "prometheus-rules.yml"
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
