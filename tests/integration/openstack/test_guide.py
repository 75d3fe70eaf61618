"""The guide, the unit and the access rules, in step with the code."""

import configparser
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot import config
from bot.errors import CloudError
from bot.provisioning.agent.failures import FailureCode
from bot.provisioning.instances import InstanceSpec
from bot.provisioning.openstack.cloud import OpenStackCloud
from tests.integration.openstack.baking import FAILED, Follower, Machines, bakery_of
from tests.integration.openstack.standin import PROJECT, StandIn

OrderOf = Callable[..., InstanceSpec]
Open = Callable[..., OpenStackCloud]
ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/openstack.md").read_text()
UNIT = ROOT / "deploy/binder-bot.service"
RULES = json.loads((ROOT / "deploy/access-rules.json").read_text())
ROOTS = {
    "compute": ("compute", "/v2.1"),
    "network": ("network", "/v2.0"),
    "image": ("image", "/v2"),
    "volume": ("volumev3", "/v3"),
}
"""Of the stand-in's services: what they are called, and where their paths begin."""


def test_every_failure_of_the_agent_is_explained() -> None:
    told = {code.value for code in FailureCode}
    table = set(
        re.findall(r"`([a-z]+-[a-z]+)`", "".join(re.findall(r"^\| `.*? \|", GUIDE, flags=re.MULTILINE)))
    )
    assert told == table


def test_the_guides_settings_are_settings() -> None:
    (block,) = re.findall(r"(?:^    [A-Z_]+=.*\n){5,}", GUIDE, flags=re.MULTILINE)
    chosen = dict(each.split("=", 1) for each in shlex.split(block.replace("…", "x" * 32)))
    known = {name.upper() for name in config.Settings.model_fields} | {"OS_CLOUD", "OS_CLIENT_CONFIG_FILE"}
    assert set(chosen) <= known
    settings = config.load(**{name.lower(): value for name, value in chosen.items() if name in known})
    assert [offer.key for offer in settings.openstack_sizes] == ["m3.quad", "m3.large"]


def test_all_that_is_asked_of_the_cloud_is_allowed_by_the_rules(
    opened: Open, standin: StandIn, order_of: OrderOf
) -> None:
    standin.knobs.volumes = standin.knobs.binds_late = True
    cloud = opened(boot_volume_gb=20, key_pair="ada", availability_zone="nova")
    assert cloud.check() == []
    parts = cloud.expose("b1", cloud.create(order_of("b1")))
    cloud.expose("b1", parts)
    (instance,) = cloud.survey().of("b1")
    cloud.report(instance)
    cloud.instruct("b1", parts, "source", "sealed")
    cloud.withdraw("b1", parts, "source")
    cloud.survey()
    cloud.shelve("b1", parts)
    cloud.unshelve_failed(parts)
    cloud.recover()
    while not cloud.remove("b1", parts):
        pass
    _bake_thrice(standin)
    asked = {sent for sent, _ in standin.requests if " identity " not in sent}
    assert len({sent.split()[0] for sent in asked}) == 5
    assert [sent for sent in asked if not is_allowed(*sent.split(" "))] == []


def _bake_thrice(standin: StandIn) -> None:
    """Make an image, have one fail, and replace the oldest of three."""
    machines = Machines(standin)
    with closing(bakery_of(standin)) as bakery:
        for number in range(3):
            bakery.bake(f"bake-{number}", None, None, Follower())
            while not bakery.clear(f"bake-{number}"):
                pass
        machines.proven = FAILED
        with pytest.raises(CloudError):
            bakery.bake("bake-bad", None, None, Follower())
        while not bakery.clear("bake-bad"):
            pass


def is_allowed(method: str, service: str, tail: str) -> bool:
    """Whether a rule allows a request, as keystonemiddleware matches them."""
    name, root = ROOTS[service]
    return any(
        (rule["method"], rule["service"]) == (method, name) and matches(rule["path"], root + tail)
        for rule in RULES
    )


def matches(pattern: str, path: str) -> bool:
    parts = re.split(r"(\*\*|\*)", pattern)
    regex = "".join({"**": ".*", "*": "[^/]+"}.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(regex, path) is not None


@pytest.mark.parametrize(
    "call",
    [
        ("POST", "compute", "/os-keypairs"),
        ("DELETE", "network", "/networks/n"),
        ("GET", "volume", f"/{PROJECT}/volumes"),
        ("POST", "compute", "/servers/s/action/x"),
        ("POST", "image", "/images"),
        ("PUT", "image", "/images/i/file"),
    ],
)
def test_nothing_else_is_allowed(call: tuple[str, str, str]) -> None:
    assert not is_allowed(*call)


def test_the_unit_runs_the_bot_as_the_guide_installs_it() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # systemd's names have capitals
    unit.read(UNIT)
    service = unit["Service"]
    assert service["ExecStart"] == "/opt/binder-bot/.venv/bin/binder-bot serve"
    assert f"useradd --system --home-dir {service['WorkingDirectory']} " in GUIDE
    assert f"binder-bot init {service['EnvironmentFile']}\n" in GUIDE
    assert f"sqlite:///{service['WorkingDirectory']}/" in GUIDE


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "binder-bot.service"
    unit.write_text(re.sub(r"^ExecStart=.*", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Unknown" not in done.stderr
    assert "Failed to parse" not in done.stderr
