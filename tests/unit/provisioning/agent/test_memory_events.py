"""What the kernel's files tell of memory."""

from pathlib import Path

import pytest

from bot.provisioning.agent import memory_events
from bot.provisioning.agent.memory_events import MemoryEvents


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of this process's group, as it would be."""
    (tmp_path / "proc").write_text("4:memory:/old\n0::/unit/binder\n")
    monkeypatch.setattr(memory_events, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(memory_events, "_MOUNT", tmp_path)
    file = tmp_path / "unit/binder/memory.events"
    file.parent.mkdir(parents=True)
    write(file, 1)
    return file


def write(file: Path, ended: int) -> None:
    file.write_text(f"low 0\nhigh 0\nmax 7\noom 9\noom_kill {ended}\noom_group_kill 0\n")


def test_programs_are_counted_since_the_beginning_and_told_once(events: Path) -> None:
    memory = MemoryEvents("4g")
    seen = [(memory.has_ended_any, memory.is_new())]
    write(events, 3)
    seen += [(memory.has_ended_any, memory.is_new()), (memory.has_ended_any, memory.is_new())]

    assert seen == [(False, False), (True, True), (True, False)]


def test_without_a_limit_the_group_is_not_the_agents_own(events: Path) -> None:
    memory = MemoryEvents("")
    write(events, 3)
    assert not memory.has_ended_any


@pytest.mark.parametrize("content", ["", "oom 3\n", "oom_kill many\n"])
def test_what_tells_nothing_counts_nothing(events: Path, content: str) -> None:
    events.write_text(content)
    assert not MemoryEvents("4g").has_ended_any


def test_a_group_that_is_gone_counts_nothing(events: Path) -> None:
    events.unlink()
    assert not MemoryEvents("4g").has_ended_any
