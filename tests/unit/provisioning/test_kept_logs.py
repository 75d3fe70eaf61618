"""Logs of instances that are gone."""

import os
from pathlib import Path

from bot.provisioning.local.kept_logs import MOST_KEPT, KeptLogs


def test_a_log_is_kept_until_a_newer_one_of_its_binder_comes(tmp_path: Path) -> None:
    logs = KeptLogs(tmp_path / "logs")
    assert logs.read("abcd2345") == b""
    logs.keep("abcd2345", b"first")
    logs.keep("abcd2345", b"")
    assert logs.read("abcd2345") == b"first"
    logs.keep("abcd2345", b"second")
    assert logs.read("abcd2345") == b"second"
    assert [each.name for each in (tmp_path / "logs").iterdir()] == ["abcd2345.log"]


def test_the_oldest_are_deleted(tmp_path: Path) -> None:
    logs = KeptLogs(tmp_path)
    for number in range(MOST_KEPT + 2):
        logs.keep(f"binder{number}", b"x")
        os.utime(tmp_path / f"binder{number}.log", (number, number))
    logs.keep("binder-last", b"x")
    assert logs.read("binder0") == logs.read("binder1") == b""
    assert logs.read("binder-last") == b"x"
    assert len(list(tmp_path.glob("*.log"))) == MOST_KEPT
