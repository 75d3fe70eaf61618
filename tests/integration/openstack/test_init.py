"""`binder-bot init` for OpenStack, over the stand-in: what the cloud has is offered, and tried."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from bot.admin.init import init, settings_file, trials
from bot.provisioning.choices import Choice
from bot.provisioning.registry import choices_of
from tests.fakes.terminal import FakeTerminal
from tests.integration.openstack.standin import CREDENTIAL, SECRET, StandIn
from workspace.options import Options
from workspace.server import Workspace


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    with Workspace(Options()) as running:
        yield running


@pytest.fixture
def file(workspace: Workspace, tmp_path: Path) -> Path:
    """A settings file in which only the cloud is missing."""
    file = tmp_path / "settings"
    slack = {
        "SLACK_API_URL": workspace.api_url,
        "SLACK_BOT_TOKEN": workspace.bot_token,
        "SLACK_APP_TOKEN": workspace.app_token,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'new.sqlite3'}",
    }
    settings_file.write(file, slack)
    return file


@pytest.fixture
def clouds_yaml(standin: StandIn, tmp_path: Path) -> Path:
    file = tmp_path / "clouds.yaml"
    auth = {
        "auth_url": f"{standin.url}/identity/v3",
        "application_credential_id": CREDENTIAL,
        "application_credential_secret": SECRET,
    }
    cloud = {"auth_type": "v3applicationcredential", "auth": auth, "region_name": "IU"}
    file.write_text(yaml.safe_dump({"clouds": {"lab": cloud}}))
    return file


SLACK_NAMES = ("SLACK_MODE", "LINK_HOST", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "ADMINS", "DATABASE_URL")
SLACK = [(name, "") for name in SLACK_NAMES]


def test_what_the_cloud_has_is_offered_and_tried(file: Path, clouds_yaml: Path, standin: StandIn) -> None:
    before = dict(os.environ)
    script = [
        ("CLOUD", "openstack"),
        ("OS_CLIENT_CONFIG_FILE", "/nowhere.yaml"),
        ("OS_CLIENT_CONFIG_FILE", str(clouds_yaml)),
        ("OS_CLOUD [openstack]", "other"),
        ("OS_CLOUD [openstack]", "lab"),
        ("DEPLOYMENT", "Our Lab"),
        ("DEPLOYMENT", "our-lab"),
        ("OPENSTACK_IMAGE [baked]", "1"),
        ("OPENSTACK_SIZES:", "m3.huge"),
        ("OPENSTACK_SIZES:", "2::4,1"),
        ("OPENSTACK_PUBLIC_URL", ""),
        ("OPENSTACK_NETWORK", ""),
        ("OPENSTACK_EXTERNAL_NETWORK", ""),
        ("Write", "yes"),
    ]
    terminal = FakeTerminal([*SLACK, *script])
    init(file, terminal)
    found = settings_file.read(file)
    assert found["OPENSTACK_IMAGE"] == "Featured-Ubuntu24"
    assert found["OPENSTACK_SIZES"] == "m3.quad:4 CPUs 15 GB:4,m3.small:2 CPUs 6 GB"
    assert (found["OS_CLOUD"], found["OS_CLIENT_CONFIG_FILE"]) == ("lab", str(clouds_yaml))
    for told in (
        "There is no file /nowhere.yaml.",
        "The cloud has no `m3.huge`. It has: m3.small, m3.quad.",
        "1  m3.small  2 CPUs 6 GB",
        "cloud      openstack answers",
        "advice     Links to binders are plain http",
    ):
        assert told in terminal.screen
    assert SECRET not in terminal.screen
    assert dict(os.environ) == before
    assert not standin.servers


def test_a_cloud_that_is_down_is_skipped_and_what_it_lacks_is_no_reason_to_stop(
    file: Path, clouds_yaml: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def counted(cloud: str) -> Mapping[str, Sequence[Choice]]:
        nonlocal looks
        looks += 1
        return choices_of(cloud)

    monkeypatch.setattr(trials, "choices_of", counted)
    clouds_yaml.write_text(clouds_yaml.read_text().replace(standin.url, "http://127.0.0.1:1"))
    script = [
        ("CLOUD", "openstack"),
        ("OS_CLIENT_CONFIG_FILE", str(clouds_yaml)),
        ("OS_CLOUD", "lab"),
        ("OS_CLOUD [lab]", "skip"),
        ("DEPLOYMENT", ""),
        ("OPENSTACK_IMAGE", ""),
        ("OPENSTACK_SIZES", "m3.quad"),
        ("OPENSTACK_PUBLIC_URL", ""),
        ("OPENSTACK_NETWORK", ""),
        ("OPENSTACK_EXTERNAL_NETWORK", ""),
        ("Answer these questions again? [no]", ""),
        ("Write", ""),
    ]
    terminal = FakeTerminal([*SLACK, *script])
    init(file, terminal)
    assert settings_file.read(file)["OPENSTACK_SIZES"] == "m3.quad"
    assert looks == 2, "once for its credentials, and once for the choices of all questions"
    assert "binder-bot bake --from" in terminal.screen
