"""What cloud-init is given: valid, small, and with nothing of a person's outside of data."""

import base64
import gzip
import json
import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import CannotBuild
from bot.provisioning.agent import task
from bot.provisioning.agent.settings import AgentSettings, ContainerSettings, MachineSettings, ReportSettings
from bot.provisioning.agent_archive import archive
from bot.provisioning.instances import Phase, Report
from bot.provisioning.openstack.console import report_of_console
from bot.provisioning.openstack.user_data import MAX_ENCODED, encode, render
from tests.integration.agent.guest import TOKEN, an_order
from tests.integration.agent.machine import unpack

URL = "https://github.com/binder-examples/requirements"
RESERVE = 8_000
"""Characters of user data that must stay free beside the longest address that somebody may launch."""
TEXT = st.none() | st.text(max_size=200)


def ordered(user_data: str) -> dict[str, Any]:
    (file,) = (
        each for each in yaml.safe_load(user_data)["write_files"] if each["path"].endswith("task.json")
    )
    return dict(json.loads(base64.b64decode(file["content"])))


@given(url=st.text(max_size=200).filter(lambda url: "@" not in url), ref=TEXT, path=TEXT)
def test_whatever_people_type_arrives_as_it_is_and_changes_nothing_else(
    url: str, ref: str | None, path: str | None
) -> None:
    hostile, harmless = (
        render(order, AgentSettings()) for order in (an_order(url, ref=ref, path=path), an_order(URL))
    )

    order = ordered(hostile)["task"]
    assert (order["url"], order["ref"], order["path"]) == (url, ref, path)
    told = [line for line in hostile.splitlines() if line not in harmless.splitlines()]
    assert len(told) <= 1, "only the line with the order's base64 differs"


def test_it_is_cloud_config_that_starts_the_agent_at_each_boot(tmp_path: Path) -> None:
    user_data = render(an_order(URL), AgentSettings())
    unpack(user_data, tmp_path)

    assert user_data.startswith("#cloud-config\n")
    content = yaml.safe_load(user_data)
    assert content["runcmd"] == [
        ["systemctl", "daemon-reload"],
        ["systemctl", "enable", "--now", "--no-block", "binder-bot-agent.service"],
    ]
    unit = (tmp_path / "etc/systemd/system/binder-bot-agent.service").read_text()
    assert "Restart=on-failure" in unit
    assert "WantedBy=multi-user.target" in unit
    assert "ExecStart=/usr/bin/python3 /opt/binder-bot/agent.pyz /etc/binder-bot/task.json\n" in unit
    assert (tmp_path / "opt/binder-bot/agent.pyz").read_bytes() == archive()
    assert (tmp_path / "etc/binder-bot/task.json").stat().st_mode & 0o777 == 0o600


def test_each_boot_is_told_on_the_console_before_the_agent_can_start(tmp_path: Path) -> None:
    console = tmp_path / "console"
    user_data = render(an_order(URL), AgentSettings(reports=ReportSettings(console="/dev/ttyS1")))
    (command,) = yaml.safe_load(user_data.replace("/dev/ttyS1", str(console)))["bootcmd"]

    subprocess.run(command, check=True)

    assert report_of_console(console.read_text()) == Report(Phase.BOOTING, line="The instance is starting")


def test_the_agent_reads_all_that_it_is_told(tmp_path: Path) -> None:
    settings = AgentSettings(
        machine=MachineSettings(egress=["https://example.org/"]),
        environment={"HTTPS_PROXY": "http://proxy:3128"},
    )
    unpack(render(an_order(URL, interface="nteract", extra="nteract_on_jupyter"), settings), tmp_path)

    what, read = task.read(tmp_path / "etc/binder-bot/task.json")

    assert read == settings
    assert (what.url, what.extra, what.token) == (URL, "nteract_on_jupyter", TOKEN)


def test_nothing_but_the_token_is_anybody_elses_business() -> None:
    user_data = render(an_order(URL), AgentSettings())

    assert TOKEN not in user_data
    assert not {"owner", "channel", "size", "ends_at"} & ordered(user_data)["task"].keys()


def test_it_fits_with_room_to_spare_and_is_always_the_same() -> None:
    order = an_order(
        f"https://example.org/{secrets.token_hex(1_000)}", ref="r" * 255, path=secrets.token_hex(2_000)
    )

    encoded = encode(order, AgentSettings())

    left = MAX_ENCODED - len(encoded)
    assert left > RESERVE, f"only {left} characters of user data are left"
    assert encoded == encode(order, AgentSettings())
    assert gzip.decompress(base64.b64decode(encoded)).decode() == render(order, AgentSettings())


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(CannotBuild, match="too long"):
        encode(an_order(URL, path=secrets.token_hex(20_000)), AgentSettings())


def test_an_address_with_a_password_in_it_is_refused() -> None:
    with pytest.raises(CannotBuild, match="password"):
        render(an_order("https://me:secret@example.org/x.git"), AgentSettings())


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (AgentSettings, {"port": 0}),
        (AgentSettings, {"build_seconds": 0.0}),
        (AgentSettings, {"poll_seconds": -1.0}),
        (AgentSettings, {"environment": {"PIP_PROXY": "http://me:secret@proxy/"}}),
        (ContainerSettings, {"memory_fraction": 1.5}),
        (ContainerSettings, {"pids": 0}),
        (ReportSettings, {"bytes": 200_000}),
        (ReportSettings, {"console": "dev/console"}),
        (ReportSettings, {"console": "/dev/x y"}),
        (MachineSettings, {"egress": ["ftp://example.org"]}),
        (MachineSettings, {"egress": ["https://me:secret@example.org/"]}),
        (MachineSettings, {"egress_seconds": 0.0}),
    ],
)
def test_settings_that_cannot_work_are_refused(kind: type, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cannot be") as error:
        kind(**wrong)

    assert "secret" not in str(error.value) or "egress" in wrong
