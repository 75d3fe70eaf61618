"""A cloud is a folder and a line in the registry: nothing else asks which one it is."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import config
from bot.errors import ConfigError
from bot.provisioning.registry import FACTORIES, build_cloud

ROOT = Path(__file__).parents[3]
TOKENS = {"slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1"}
COMPLETE: dict[str, dict[str, Any]] = {
    "local": {"local_engine": "none", "local_unisolated_ok": True},
    "openstack": {"openstack_image": "noble", "openstack_sizes": "m3.small,g3.large"},
}
"""The least that an operator has to set for each cloud."""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in config.Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def loaded(cloud: str, **changes: Any) -> config.Settings:
    return config.load(**TOKENS, cloud=cloud, **COMPLETE[cloud] | changes)


def comparisons_with(words: set[str], source: str) -> Iterator[int]:
    """The lines of a module in which something is compared with one of the words."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare | ast.MatchValue):
            constants = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
            if constants & words:
                yield node.lineno


def test_a_comparison_with_the_name_of_a_cloud_is_found() -> None:
    assert list(comparisons_with({"openstack"}, 'a = 1\nif cloud in ("local", "openstack"):\n    pass')) == [
        2
    ]


def test_nobody_compares_the_name_of_a_cloud() -> None:
    sources = [path for package in ("bot", "handlers", "storage") for path in (ROOT / package).rglob("*.py")]
    assert sources
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources
        for line in comparisons_with(set(FACTORIES), path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize("name", FACTORIES)
def test_every_cloud_is_built_from_its_settings(name: str) -> None:
    settings = loaded(name)
    cloud = build_cloud(settings)
    assert cloud.name == name
    keys = FACTORIES[name].size_keys(settings)
    assert not keys or tuple(size.key for size in cloud.sizes) == keys
    cloud.close()


def test_every_folder_with_a_factory_is_listed() -> None:
    folders = {path.parent.name for path in (ROOT / "bot" / "provisioning").glob("*/factory.py")}
    assert folders
    assert folders <= set(FACTORIES)


def test_a_cloud_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match="CLOUD: must be local or openstack"):
        config.load(**TOKENS, cloud="moon")


@pytest.mark.parametrize(
    ("cloud", "changes", "told"),
    [
        ("local", {"idle_action": "shelve"}, "IDLE_ACTION is shelve, but the local cloud cannot shelve"),
        ("local", {"size_people": "big=U1"}, "SIZE_PEOPLE names big, which is not a size"),
        ("openstack", {"openstack_image": ""}, "OPENSTACK_IMAGE is missing"),
        ("openstack", {"openstack_sizes": ""}, "OPENSTACK_SIZES is missing"),
        ("openstack", {"size_limits": "huge=idle:1"}, "SIZE_LIMITS names huge, which is not a size"),
    ],
)
def test_settings_that_do_not_fit_the_cloud_stop_the_start(
    cloud: str, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        loaded(cloud, **changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"openstack_public_url": "ftp://{address}"}, "OPENSTACK_PUBLIC_URL must begin with http"),
        ({"openstack_public_url": "http://fixed"}, "OPENSTACK_PUBLIC_URL must contain"),
        ({"openstack_sizes": "m3.small,m3.small"}, "OPENSTACK_SIZES names a flavor twice"),
    ],
)
def test_an_openstack_that_cannot_be_built_names_the_variable(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        build_cloud(loaded("openstack", **changes))


def test_a_build_has_the_same_time_on_every_cloud() -> None:
    cloud: Any = build_cloud(loaded("local", build_timeout_minutes=7))
    assert cloud._options.build_seconds == 420


@pytest.mark.parametrize(("chosen", "may"), [({"openstack_key_pair": "ada"}, True), ({}, False)])
def test_failed_builds_wait_only_where_somebody_can_log_in(chosen: dict[str, Any], *, may: bool) -> None:
    assert build_cloud(loaded("openstack", **chosen)).can_log_in is may


def test_the_library_of_a_cloud_is_loaded_only_when_it_is_built() -> None:
    script = """
import sys
from bot import config
from bot.provisioning.registry import build_cloud
settings = config.load(slack_bot_token="xoxb-1", slack_app_token="xapp-1", cloud="openstack",
                       openstack_image="noble", openstack_sizes="m3.small")
print("openstack" in sys.modules)
build_cloud(settings)
print("openstack" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["False", "True"]
