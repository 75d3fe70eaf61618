"""What `deploy/` holds is what Kubernetes, Compose, systemd and the bot understand."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from bot.config import Settings
from bot.config.slack import EVENTS_PATH

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
KUBERNETES_HTTP = DEPLOY / "kubernetes-http"
OLDEST_KUBERNETES = "1.30"


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
DEPLOYMENT: dict[str, Any] = yaml.safe_load((KUBERNETES / "deployment.yaml").read_text())
[CONTAINER] = DEPLOYMENT["spec"]["template"]["spec"]["containers"]
HTTP_KUSTOMIZATION = read(KUBERNETES_HTTP / "kustomization.yaml")
HTTP_RESOURCES: list[str] = HTTP_KUSTOMIZATION["resources"][1:]
HTTP_PATCH = read(KUBERNETES_HTTP / "deployment.yaml")
[HTTP_CONTAINER] = HTTP_PATCH["spec"]["template"]["spec"]["containers"]


@pytest.mark.parametrize("file", KUSTOMIZATION["resources"])
def test_a_manifest_is_one_that_kubernetes_takes(file: str) -> None:
    manifest = yaml.safe_load((KUBERNETES / file).read_text())
    assert kubernetes_validate.validate(manifest, OLDEST_KUBERNETES, strict=True) == OLDEST_KUBERNETES


@pytest.mark.parametrize("file", HTTP_RESOURCES)
def test_a_manifest_for_http_mode_is_one_that_kubernetes_takes(file: str) -> None:
    manifest = yaml.safe_load((KUBERNETES_HTTP / file).read_text())
    assert kubernetes_validate.validate(manifest, OLDEST_KUBERNETES, strict=True) == OLDEST_KUBERNETES


def test_every_manifest_is_a_resource() -> None:
    files = {each.name for each in KUBERNETES.iterdir()} - {"kustomization.yaml"}
    assert files == set(KUSTOMIZATION["resources"])
    assert HTTP_KUSTOMIZATION["resources"] == ["../kubernetes", *HTTP_RESOURCES]
    files = {each.name for each in KUBERNETES_HTTP.iterdir()} - {"kustomization.yaml", "deployment.yaml"}
    assert files == set(HTTP_RESOURCES)


@pytest.mark.parametrize("folder", [KUBERNETES, KUBERNETES_HTTP], ids=lambda folder: folder.name)
def test_kustomize_renders_all_of_it(folder: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("needs kubectl")
    command = ["kubectl", "kustomize", str(folder)]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kinds = [each["kind"] for each in yaml.safe_load_all(rendered)]
    more = HTTP_RESOURCES if folder == KUBERNETES_HTTP else []
    assert len(kinds) == len(KUSTOMIZATION["resources"]) + len(more)


def test_in_http_mode_the_ingress_leads_to_the_port_on_which_the_bot_listens() -> None:
    [path] = read(KUBERNETES_HTTP / "ingress.yaml")["spec"]["rules"][0]["http"]["paths"]
    backend, service = path["backend"]["service"], read(KUBERNETES_HTTP / "service.yaml")
    [port], [own] = service["spec"]["ports"], HTTP_CONTAINER["ports"]
    assert EVENTS_PATH.startswith(path["path"])
    assert (backend["name"], backend["port"]["name"]) == (service["metadata"]["name"], port["name"])
    assert port["targetPort"] == own["name"]
    assert (
        str(own["containerPort"])
        == {each["name"]: each["value"] for each in HTTP_CONTAINER["env"]}["HTTP_PORT"]
    )
    assert HTTP_CONTAINER["name"] == CONTAINER["name"]
    assert HTTP_PATCH["metadata"]["name"] == DEPLOYMENT["metadata"]["name"]
    bot = read(DEPLOY / "compose.http.yml")["services"]["bot"]
    assert bot["ports"] == [f"127.0.0.1:3000:{bot['environment']['HTTP_PORT']}"]


@pytest.mark.parametrize(
    "names",
    [
        COMPOSE["services"]["bot"]["environment"],
        read(DEPLOY / "compose.http.yml")["services"]["bot"]["environment"],
        [each["name"] for each in CONTAINER["env"]],
        [each["name"] for each in HTTP_CONTAINER["env"]],
    ],
    ids=["compose", "compose with http", "kubernetes", "kubernetes with http"],
)
def test_what_is_set_there_is_a_setting(names: list[str]) -> None:
    assert {each.lower() for each in names} <= set(Settings.model_fields)


def test_nothing_runs_as_root_or_can_write_to_its_image() -> None:
    pod, context = DEPLOYMENT["spec"]["template"]["spec"], CONTAINER["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert context == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    bot = COMPOSE["services"]["bot"]
    assert (bot["read_only"], bot["cap_drop"]) == (True, ["ALL"])
    assert f"\nUSER {pod['securityContext']['runAsUser']}\n" in (DEPLOY / "Dockerfile").read_text()


def test_the_bot_has_as_long_to_finish_its_steps_everywhere() -> None:
    unit = (DEPLOY / "binder-bot.service").read_text()
    seconds = DEPLOYMENT["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert f"\nTimeoutStopSec={seconds}\n" in unit
    assert COMPOSE["services"]["bot"]["stop_grace_period"] == f"{seconds}s"


@pytest.mark.parametrize("drop_in", [None, "local.conf"])
def test_systemd_takes_the_unit(tmp_path: Path, drop_in: str | None) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    # What it starts is not installed on this machine.
    unit = tmp_path / "binder-bot.service"
    text = (DEPLOY / "binder-bot.service").read_text()
    unit.write_text(text.replace("/opt/binder-bot/.venv/bin/binder-bot", "/bin/true"))
    if drop_in is not None:
        (tmp_path / "binder-bot.service.d").mkdir()
        shutil.copy(DEPLOY / drop_in, tmp_path / "binder-bot.service.d")
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
