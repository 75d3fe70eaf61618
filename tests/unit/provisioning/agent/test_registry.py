"""What a launch is told of the registry, and what of that lies on the disk while it builds."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.provisioning.agent.engine import Engine
from bot.provisioning.agent.images import Image, LaunchRecord, image_of, labels_of
from bot.provisioning.agent.push import read_right
from bot.provisioning.agent.registry import docker_configuration
from bot.provisioning.agent.stored_images import BUILT, KEPT, ImageAccess

ACCESS = ImageAccess("registry.example.org:5000/a/b", {"registrytoken": "jwt"})


def test_the_registrys_token_is_beside_what_the_operator_configured_and_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    present = tmp_path / "present"
    (present / "cli-plugins").mkdir(parents=True)
    own = {"auths": {"mirror": {"auth": "x"}}, "credsStore": "desktop", "proxies": {}}
    (present / "config.json").write_text(json.dumps(own))
    monkeypatch.setenv("DOCKER_CONFIG", str(present))

    with docker_configuration(tmp_path / "folder", ACCESS) as folder:
        content = json.loads((folder / "config.json").read_text())
        assert content["auths"] == {
            "mirror": {"auth": "x"},
            "registry.example.org:5000": {"registrytoken": "jwt"},
        }
        assert content["credHelpers"] == {"registry.example.org:5000": ""}
        assert (folder / "cli-plugins").resolve() == present / "cli-plugins"
        assert folder.stat().st_mode & 0o777 == 0o700

    assert not (tmp_path / "folder").exists()
    assert {each.name for each in present.iterdir()} == {"cli-plugins", "config.json"}


def test_a_machine_without_configuration_gets_one_for_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nowhere"))
    with docker_configuration(tmp_path / "folder", ACCESS) as folder:
        assert [each.name for each in folder.iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "no JSON",
        "[]",
        '{"repository": "h/n", "tag": "t"}',
        '{"repository": "h/n", "tag": "t", "auth": "x"}',
        '{"repository": "h/n", "tag": "a b", "auth": {}}',
        '{"repository": "h/n?tag=x", "tag": "t", "auth": {}}',
        '{"repository": "--all", "tag": "t", "auth": {}}',
        '{"repository": 3, "tag": "t", "auth": {}}',
    ],
)
def test_what_gives_no_right_to_push_is_none(text: str | None) -> None:
    assert read_right(text) is None


def test_a_right_to_push() -> None:
    right = {"repository": "host:5000/a/b", "tag": "x-1", "auth": {"registrytoken": "jwt"}}
    assert read_right(json.dumps(right)) == right


@given(st.lists(st.text(max_size=40), max_size=5))
def test_notes_come_back_from_a_label_that_ends_no_line(notes: list[str]) -> None:
    [(_, label)] = labels_of(notes).items()
    assert label.isascii()
    assert not set(label) & set(" \"'\n\\$")
    assert image(labels_of(notes)).notes == notes


@pytest.mark.parametrize("label", ["", "?", "bm90IGpzb24=", "NQ==", "eyJhIjogMX0"])
def test_a_label_of_somebody_elses_has_no_notes_or_harmless_ones(label: str) -> None:
    assert all(isinstance(each, str) for each in image({"binder-bot.notes": label}).notes)


def test_an_agent_that_is_started_again_knows_how_it_came_by_its_image(tmp_path: Path) -> None:
    record = LaunchRecord(tmp_path / "image.json")
    assert record.how("sha256:1") is None
    record.write(image({}), BUILT)
    assert record.how("sha256:1") == BUILT
    assert record.how("sha256:2") is None
    record.write(image({}), KEPT)
    assert record.how("sha256:1") == KEPT


def test_an_engine_that_knows_no_image_has_none() -> None:
    assert image_of({}, "name", "key", ".", KEPT) is None
    assert image_of(Engine("no-such-engine").inspect_image("x"), "name", "key", ".", KEPT) is None


def image(labels: dict[str, str]) -> Image:
    config = {"Labels": {**labels, "binder-bot.kind": "RBuildPack"}}
    found = image_of({"Id": "sha256:1", "Config": config}, "name", "key", ".", KEPT)
    assert found is not None
    assert found.report() == {"key": "key", "id": "sha256:1", "directory": ".", "kind": "R", "how": "kept"}
    return found
