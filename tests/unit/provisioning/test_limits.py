"""How limits are written for the kernel."""

from pathlib import Path

import pytest

from bot.provisioning.local.cgroups import Groups, Limits, memory_bytes


@pytest.mark.parametrize(
    ("text", "count"), [("4g", 4 * 2**30), ("512M", 512 * 2**20), ("64k", 65_536), ("7b", 7), ("1000", 1000)]
)
def test_memory_is_read_as_engines_read_it(text: str, count: int) -> None:
    assert memory_bytes(text) == count


@pytest.mark.parametrize("text", ["", "4gb", "g", "-1g", "4 g"])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount of memory"):
        memory_bytes(text)


@pytest.mark.parametrize(
    ("controller", "files"),
    [
        ("memory", {"memory.max": "1024", "memory.swap.max": "0"}),
        ("cpu", {"cpu.max": "150000 100000"}),
        ("pids", {"pids.max": "512"}),
    ],
)
def test_each_controller_has_its_files(controller: str, files: dict[str, str]) -> None:
    assert Limits(memory=1024, cpus=1.5, pids=512).files(controller) == files


def test_only_groups_of_the_own_deployment_are_found(tmp_path: Path) -> None:
    groups = Groups(tmp_path, "0123456789", ".scope")
    groups.path_of("abcd").mkdir()
    for other in (
        "binder-9876543210-efgh.scope",
        "binder-0123456789-efgh",
        "bot",
        "binder-0123456789-.scope",
    ):
        (tmp_path / other).mkdir()

    assert groups.list() == {"abcd"}
    assert not Groups(tmp_path / "gone", "0123456789").list()
