"""What cloud-init is given: valid, small, and with nothing of a person's outside of data."""

import base64
import json
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import CannotBuild, ConfigError
from bot.provisioning import agent
from bot.provisioning.base import Phase, Report
from bot.provisioning.openstack.console import report_of_console
from bot.provisioning.openstack.user_data import MAX_ENCODED, GuestSettings, encode, render
from tests.agent.guest import TOKEN, an_order, unpack

URL = "https://github.com/binder-examples/requirements"
TEXT = st.none() | st.text(max_size=200)


def ordered(user_data: str) -> dict[str, Any]:
    (file,) = (
        each for each in yaml.safe_load(user_data)["write_files"] if each["path"].endswith("order.json")
    )
    return dict(json.loads(base64.b64decode(file["content"])))


@given(url=st.text(max_size=200).filter(lambda url: "@" not in url), ref=TEXT, path=TEXT)
def test_whatever_people_type_arrives_as_it_is_and_changes_nothing_else(
    url: str, ref: str | None, path: str | None
) -> None:
    hostile, harmless = (
        render(order, GuestSettings()) for order in (an_order(url, ref=ref, path=path), an_order(URL))
    )

    order = ordered(hostile)["order"]
    assert (order["url"], order["ref"], order["path"]) == (url, ref, path)
    told = [line for line in hostile.splitlines() if line not in harmless.splitlines()]
    assert len(told) <= 1, "only the line with the order's base64 differs"


def test_it_is_cloud_config_that_starts_the_agent_at_each_boot(tmp_path: Path) -> None:
    user_data = render(an_order(URL), GuestSettings())
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
    assert "ExecStart=/usr/bin/python3 /opt/binder-bot/agent.py /etc/binder-bot/order.json\n" in unit
    assert (tmp_path / "opt/binder-bot/agent.py").read_bytes() == Path(agent.__file__).read_bytes()
    assert (tmp_path / "etc/binder-bot/order.json").stat().st_mode & 0o777 == 0o600


def test_each_boot_is_told_on_the_console_before_the_agent_can_start(tmp_path: Path) -> None:
    console = tmp_path / "console"
    user_data = render(an_order(URL), GuestSettings(console="/dev/ttyS1"))
    (command,) = yaml.safe_load(user_data.replace("/dev/ttyS1", str(console)))["bootcmd"]

    subprocess.run(command, check=True)

    assert report_of_console(console.read_text()) == Report(Phase.BOOTING, line="The instance is starting")


def test_the_agent_reads_all_that_it_is_told(tmp_path: Path) -> None:
    settings = GuestSettings(
        egress=("https://example.org/",), environment={"HTTPS_PROXY": "http://proxy:3128"}
    )
    unpack(render(an_order(URL, interface="nteract"), settings), tmp_path)

    job = agent.read_job(tmp_path / "etc/binder-bot/order.json", tmp_path)

    assert {each.name for each in fields(agent.Settings)} == {each.name for each in fields(GuestSettings)}
    assert job.settings.egress == ["https://example.org/"]
    assert job.settings.environment == {"HTTPS_PROXY": "http://proxy:3128"}
    assert (job.order.url, job.order.extra, job.order.token) == (URL, "nteract_on_jupyter", TOKEN)


def test_nothing_but_the_token_is_anybody_elses_business() -> None:
    user_data = render(an_order(URL), GuestSettings())

    assert TOKEN not in user_data
    assert not {"owner", "channel", "size", "ends_at"} & ordered(user_data)["order"].keys()


def test_it_fits_with_room_to_spare_and_is_always_the_same() -> None:
    order = an_order("https://example.org/" + "u" * 2_000, ref="r" * 255, path="p" * 4_000)

    encoded = encode(order, GuestSettings())

    assert len(encoded) < MAX_ENCODED * 0.75
    assert encoded == encode(order, GuestSettings())
    assert base64.b64decode(encoded).decode() == render(order, GuestSettings())


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(CannotBuild, match="too long"):
        encode(an_order(URL, path="é" * 10_000), GuestSettings())


def test_an_address_with_a_password_in_it_is_refused() -> None:
    with pytest.raises(CannotBuild, match="password"):
        render(an_order("https://me:secret@example.org/x.git"), GuestSettings())


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 0},
        {"memory_fraction": 1.5},
        {"pids": 0},
        {"report_bytes": 200_000},
        {"build_seconds": 0.0},
        {"poll_seconds": -1.0},
        {"console": "dev/console"},
        {"data_directory": "/var/lib/x y"},
        {"egress": ("ftp://example.org",)},
        {"egress": ("https://me:secret@example.org/",)},
        {"environment": {"PIP_PROXY": "http://me:secret@proxy/"}},
    ],
)
def test_settings_that_cannot_work_stop_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as error:
        GuestSettings(**wrong)

    assert "secret" not in error.value.sentence or "egress" in wrong
